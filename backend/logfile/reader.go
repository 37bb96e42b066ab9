package logfile

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"davit/backend/api"
)

// Read calls sink for the lines of the log at path that q asks for, oldest
// first. A log that is missing has no lines. With q.Follow it goes on while
// live answers true, and until what was written before that has been told.
// Text shares memory with its neighbours: who keeps a line for long clones it.
func Read(ctx context.Context, path string, q api.LogQuery, live func() bool, sink func(api.LogLine) error) error {
	if !q.Until.IsZero() && !q.Until.After(time.Now()) || q.Before != "" {
		q.Follow = false // what is still to come is too late
	}
	if !q.Follow || live == nil {
		live = func() bool { return false }
	}
	if q.Follow && !q.Until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, q.Until, errUntil)
		defer cancel()
	}
	r := reader{files: chain{path: path}, query: q, needle: newNeedle(q.Search), sink: sink}
	err := r.read(ctx, live)
	if errors.Is(err, errEnough) || err != nil && context.Cause(ctx) == errUntil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

var (
	errUntil  = errors.New("the time asked for is over")
	errEnough = errors.New("as many lines as asked for")
)

type reader struct {
	query  api.LogQuery
	needle needle
	sink   func(api.LogLine) error
	files  chain
	at     int64 // offset of the next line
	told   int
	clock  clock
}

func (r *reader) read(ctx context.Context, live func() bool) error {
	var bell *bell
	if r.query.Follow {
		bell = newBell(r.files.path) // before reading: nothing falls between
		defer bell.close()
	}
	defer r.files.close()
	for first := true; ; first = false {
		alive := live() // before reading: what a dead one wrote is all there
		if err := r.more(ctx, first); err != nil {
			return err
		}
		if !alive {
			return nil
		}
		if err := bell.wait(ctx); err != nil {
			return err
		}
	}
}

// more tells the lines that are there and not told yet.
func (r *reader) more(ctx context.Context, first bool) error {
	end, err := r.files.grow()
	if err != nil {
		return err
	}
	if r.at > end { // cut back after a disk was full
		r.at = end
	}
	if first {
		if end, err = r.bounds(end); err != nil {
			return err
		}
	}
	count := 0
	r.at, err = lines(&r.files, r.at, end, func(at int64, s string) (bool, error) {
		if count++; count&255 == 0 && ctx.Err() != nil && context.Cause(ctx) != errUntil {
			return false, ctx.Err()
		}
		return true, r.tell(at, s)
	})
	return err
}

// bounds sets where to begin and gives where to end.
func (r *reader) bounds(end int64) (int64, error) {
	end, err := r.between(end)
	if err != nil {
		return 0, err
	}
	if !r.query.Until.IsZero() {
		if end, err = seek(&r.files, r.query.Until.Add(1), end); err != nil {
			return 0, err
		}
	}
	if !r.query.Since.IsZero() {
		from, err := seek(&r.files, r.query.Since, end)
		if err != nil {
			return 0, err
		}
		r.at = max(r.at, from)
	}
	if r.query.Tail != nil && *r.query.Tail >= 0 {
		r.at, err = tail(&r.files, r.at, end, *r.query.Tail, r.match)
	}
	return end, err
}

func (r *reader) match(l line) bool {
	return (r.query.Stream == "" || r.query.Stream == l.stream) && r.needle.in(l.text)
}

func (r *reader) tell(offset int64, s string) error {
	l, ok := split(s)
	if !ok || !r.match(l) {
		return nil
	}
	at, ok := r.clock.read(l.stamp)
	switch {
	case !ok:
		return nil
	case !r.query.Since.IsZero() && at.Before(r.query.Since):
		return nil
	case !r.query.Until.IsZero() && at.After(r.query.Until):
		return nil
	}
	if r.query.Limit > 0 && r.told == r.query.Limit {
		return errEnough
	}
	r.told++
	told := api.LogLine{Time: at, Stream: l.stream, Text: l.text, Partial: l.partial}
	if r.query.Cursors {
		told.Cursor = r.files.cursor(offset)
	}
	return r.sink(told)
}

// needle is text to look for, whatever its case.
type needle struct {
	lower        string
	first, upper byte
	ascii        bool
}

func newNeedle(s string) needle {
	n := needle{lower: strings.ToLower(s), ascii: true}
	for i := range len(s) {
		n.ascii = n.ascii && s[i] < utf8.RuneSelf
	}
	if s != "" {
		n.first = n.lower[0]
		n.upper = strings.ToUpper(n.lower[:1])[0]
	}
	return n
}

func (n needle) in(s string) bool {
	if n.lower == "" {
		return true
	}
	if !n.ascii {
		return strings.Contains(strings.ToLower(s), n.lower)
	}
	for len(s) >= len(n.lower) {
		i := strings.IndexByte(s, n.first)
		if n.upper != n.first {
			if j := strings.IndexByte(s[:end(i, len(s))], n.upper); j >= 0 {
				i = j
			}
		}
		if i < 0 || len(s)-i < len(n.lower) {
			return false
		}
		if foldASCII(s[i:i+len(n.lower)], n.lower) {
			return true
		}
		s = s[i+1:]
	}
	return false
}

func end(i, n int) int {
	if i < 0 {
		return n
	}
	return i
}

// foldASCII compares s with lower, which is of the same length.
func foldASCII(s, lower string) bool {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// pollEvery is how often live is asked where no file tells that it changed.
const pollEvery = 200 * time.Millisecond
