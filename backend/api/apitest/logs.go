package apitest

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
)

// maxLine is where a line is cut into parts, as the guard's log does.
const maxLine = 16 << 10

// output takes what a container's command wrote: whole lines go to the log,
// everything to who is attached.
func (f *Fake) output(b *box, stream string, text []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b.proc != nil && b.proc.tty {
		stream = "stdout"
	}
	for _, s := range b.watch {
		toSession(s, stream, text, b.detail.Spec.TTY)
	}
	p := b.proc
	if p == nil {
		return
	}
	rest := append(p.partial[stream], text...)
	for {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if !whole && len(rest) < maxLine {
			break
		}
		if len(line) >= maxLine && (!whole || len(line) > maxLine) {
			line, after, whole = rest[:maxLine], rest[maxLine:], false
		}
		f.line(b, stream, string(line), !whole)
		rest = after
	}
	p.partial[stream] = bytes.Clone(rest)
	f.notify()
}

// flushLines writes what had no newline when the command ended; f.mu is held.
func (f *Fake) flushLines(b *box) {
	for _, stream := range []string{"stdout", "stderr"} {
		if rest := b.proc.partial[stream]; len(rest) > 0 {
			f.line(b, stream, string(rest), false)
		}
	}
}

func (f *Fake) line(b *box, stream, text string, partial bool) {
	b.lines = append(b.lines, api.LogLine{
		Time: f.now().UTC(), Stream: stream, Text: strings.ToValidUTF8(text, "\ufffd"), Partial: partial,
	})
}

// Logs implements api.Service.
func (f *Fake) Logs(ctx context.Context, ref string, q api.LogQuery, sink func(api.LogLine) error) error {
	var it *box
	var next, told int
	for _, cursor := range []string{q.After, q.Before} {
		if _, err := strconv.Atoi(cursor); cursor != "" && err != nil {
			return api.Errorf(api.KindInvalid, "%q is no cursor of a log", cursor)
		}
	}
	if err := f.with(ctx, ref, func(b *box) error {
		it, next = b, tailStart(b.lines, q)
		if at, err := strconv.Atoi(q.After); err == nil {
			next = max(next, at+1)
		}
		return nil
	}); err != nil {
		return err
	}
	for {
		var batch []api.LogLine
		var live bool
		err := f.until(ctx, func() bool {
			batch, live = it.lines[next:], it.running()
			return len(batch) > 0 || !live || !q.Follow || q.Before != ""
		})
		if err != nil {
			return err
		}
		for i, l := range batch {
			if !asked(l, q) {
				continue
			}
			if before, err := strconv.Atoi(q.Before); err == nil && next+i >= before || q.Limit > 0 && told == q.Limit {
				return nil
			}
			if q.Cursors {
				l.Cursor = strconv.Itoa(next + i)
			}
			told++
			if err := sink(l); err != nil {
				return failed(err)
			}
		}
		next += len(batch)
		if !q.Follow || !live || q.Before != "" {
			return nil
		}
	}
}

func asked(l api.LogLine, q api.LogQuery) bool {
	return (q.Stream == "" || l.Stream == q.Stream) &&
		(q.Since.IsZero() || !l.Time.Before(q.Since)) &&
		(q.Until.IsZero() || !l.Time.After(q.Until)) &&
		(q.Search == "" || strings.Contains(strings.ToLower(l.Text), strings.ToLower(q.Search)))
}

// tailStart is the index of the first of the last q.Tail lines that are asked for.
func tailStart(lines []api.LogLine, q api.LogQuery) int {
	if q.Tail == nil {
		return 0
	}
	i, n := len(lines), 0
	if before, err := strconv.Atoi(q.Before); err == nil {
		i = min(i, max(0, before))
	}
	for i > 0 && n < *q.Tail {
		i--
		if asked(lines[i], q) {
			n++
		}
	}
	return i
}

// since gives a time before now, for what a scenario says happened.
func (f *Fake) since(d time.Duration) time.Time { return f.now().Add(-d).UTC() }
