package logfile

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"davit/backend/api"
)

// Source is one of several logs that are read together.
type Source struct {
	Name string // of its container
	Path string
	Live func() bool // as for Read
}

// Merge is [Read] for several logs: their lines come by their times, each with
// its container's name. Lines of one log stay in its order. What is followed
// comes as it is written, without waiting for the others. A cursor names a place
// in each of the logs, in the order of the sources.
func Merge(ctx context.Context, sources []Source, q api.LogQuery, sink func(api.LogLine) error) error {
	m := &merge{query: q, sink: sink, ring: make(chan struct{}, 1), last: make([]string, len(sources))}
	if q.Tail != nil && *q.Tail >= 0 {
		m.keep = &lastLines{most: *q.Tail}
	}
	var readers sync.WaitGroup
	defer readers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i, s := range sources {
		b := &branch{name: s.Name, in: make(chan batch, 2)}
		m.branches = append(m.branches, b)
		readers.Go(func() { m.read(ctx, b, s, m.part(i, len(sources))) })
	}
	return m.run(ctx)
}

// batched is how many lines are handed over at once.
const batched = 256

type merge struct {
	query    api.LogQuery
	sink     func(api.LogLine) error
	branches []*branch
	ring     chan struct{} // rings after something was handed over
	last     []string      // of each branch: the place after its last line
	keep     *lastLines    // as long as it is not known which lines are the last
	told     int
}

// branch is one log as far as it was read and not told.
type branch struct {
	name  string
	in    chan batch
	lines []item
	quiet bool // all lines that were there have been told
	ended bool
}

type batch struct {
	begin string // where reading begins; only in the first batch
	lines []item
	quiet bool
	ended bool
	err   error
}

type item struct {
	line  api.LogLine
	after string // the place after it
}

// part is the query for one of n sources; nil where it has no lines before the
// place that is asked for.
func (m *merge) part(i, n int) *api.LogQuery {
	q := m.query
	for _, cursor := range []*string{&q.After, &q.Before} {
		parts := strings.Split(*cursor, ",")
		if *cursor == "" {
			continue
		}
		if len(parts) != n || parts[i] == "" && cursor == &q.Before {
			return nil
		}
		*cursor = parts[i]
	}
	return &q
}

// read hands over the lines of one log, and closes its branch's channel.
func (m *merge) read(ctx context.Context, b *branch, s Source, q *api.LogQuery) {
	var next batch
	send := func() error {
		select {
		case b.in <- next:
		case <-ctx.Done():
			return ctx.Err()
		}
		next = batch{}
		select {
		case m.ring <- struct{}{}:
		default:
		}
		return nil
	}
	if q == nil {
		next.ended = true
		_ = send()
		return
	}
	var r *reader
	r = newReader(s.Path, *q, func(l api.LogLine) error {
		next.lines = append(next.lines, item{l, r.files.placeCursor(r.next)})
		if len(next.lines) < batched {
			return nil
		}
		return send()
	})
	r.begun = func() { next.begin = r.files.placeCursor(r.at) }
	r.idle = func() error {
		next.quiet = true
		return send()
	}
	if next.err = r.run(ctx, s.Live); next.err != nil {
		next.err = fmt.Errorf("log of %s: %w", s.Name, next.err)
	}
	next.ended = true
	_ = send() // nobody listens once ctx is over
}

// run tells what comes, the earliest line first.
func (m *merge) run(ctx context.Context) error {
	for {
		i, err := m.earliest(ctx)
		if err != nil {
			return err
		}
		if i >= 0 {
			if enough, err := m.take(i); enough || err != nil {
				return err
			}
			continue
		}
		if enough, err := m.settle(); enough || err != nil {
			return err
		}
		select {
		case <-m.ring:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// earliest is the branch with the earliest line, -1 where all are quiet.
func (m *merge) earliest(ctx context.Context) (int, error) {
	found := -1
	for i, b := range m.branches {
		if err := m.fill(ctx, i, b); err != nil {
			return -1, err
		}
		if len(b.lines) > 0 && (found < 0 || b.lines[0].line.Time.Before(m.branches[found].lines[0].line.Time)) {
			found = i
		}
	}
	return found, nil
}

// fill waits for the next line of a branch, unless it is quiet.
func (m *merge) fill(ctx context.Context, i int, b *branch) error {
	for len(b.lines) == 0 && !b.ended {
		var got batch
		if b.quiet {
			select {
			case got = <-b.in:
			default:
				return nil
			}
		} else {
			select {
			case got = <-b.in:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if got.err != nil {
			return got.err
		}
		if m.last[i] == "" {
			m.last[i] = got.begin
		}
		b.lines, b.quiet, b.ended = got.lines, got.quiet, got.ended
	}
	return nil
}

// take tells the next line of a branch, or keeps it; it answers whether these
// are as many as asked for.
func (m *merge) take(i int) (bool, error) {
	b := m.branches[i]
	one := b.lines[0]
	b.lines = b.lines[1:]
	m.last[i] = one.after
	one.line.Container = b.name
	if m.query.Cursors {
		one.line.Cursor = m.cursor(i, one.line.Cursor)
	}
	if m.keep != nil {
		m.keep.add(one.line)
		return false, nil
	}
	return m.tell(one.line)
}

func (m *merge) tell(l api.LogLine) (bool, error) {
	if err := m.sink(l); err != nil {
		return true, err
	}
	m.told++
	return m.query.Limit > 0 && m.told == m.query.Limit, nil
}

// cursor names the line of a branch, and the place in each other one.
func (m *merge) cursor(i int, line string) string {
	places := append([]string(nil), m.last...)
	places[i] = line
	return strings.Join(places, ",")
}

// settle tells what was kept once all is there, and whether that was all.
func (m *merge) settle() (bool, error) {
	if m.keep != nil {
		kept := m.keep.lines()
		m.keep = nil
		for _, l := range kept {
			if enough, err := m.tell(l); enough || err != nil {
				return true, err
			}
		}
	}
	for _, b := range m.branches {
		if !b.ended {
			return false, nil
		}
	}
	return true, nil
}

// lastLines keeps the last ones of many.
type lastLines struct {
	most int
	kept []api.LogLine
}

func (k *lastLines) add(l api.LogLine) {
	k.kept = append(k.kept, l)
	if len(k.kept) > 2*k.most+batched {
		k.kept = append(k.kept[:0], k.lines()...)
	}
}

func (k *lastLines) lines() []api.LogLine { return k.kept[max(0, len(k.kept)-k.most):] }

// placeCursor is the cursor of the place at an offset; "" where there is no log.
func (c *chain) placeCursor(at int64) string {
	if len(c.links) == 0 {
		return ""
	}
	p := c.place(at)
	return fmt.Sprintf("%x.%x%s", p.Seq, p.Offset, placeMark)
}
