package apitest

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/loglevel"
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
	boxes, err := f.several(ctx, append([]string{ref}, q.With...))
	if err != nil {
		return err
	}
	if _, ok := loglevel.Parse(q.Level); !ok && q.Level != "" {
		return api.Errorf(api.KindInvalid, "there is no level %q", q.Level)
	}
	var at [2]int // of After and Before
	for i, cursor := range []string{q.After, q.Before} {
		n, err := strconv.Atoi(cursor)
		if cursor != "" && err != nil {
			return api.Errorf(api.KindInvalid, "%q is no cursor of a log", cursor)
		}
		at[i] = n
	}
	if q.Before != "" {
		q.Follow = false
	}
	told, first := 0, at[0]
	if q.After == "" {
		first = -1
	}
	for {
		var batch []api.LogLine
		var live bool
		err := f.until(ctx, func() bool {
			batch, live = written(boxes)
			return len(batch) > first+1 || !live || !q.Follow
		})
		if err != nil {
			return err
		}
		for i, l := range chosenLines(batch, q, at[1]) {
			if l.line <= first {
				continue
			}
			if q.Tail != nil && *q.Tail >= 0 && i < l.of-*q.Tail && told == 0 {
				continue
			}
			if q.Limit > 0 && told == q.Limit {
				return nil
			}
			told++
			if err := sink(l.LogLine); err != nil {
				return failed(err)
			}
		}
		first, q.Tail = len(batch)-1, nil
		if !q.Follow || !live {
			return nil
		}
	}
}

// several are the containers of refs, each once.
func (f *Fake) several(ctx context.Context, refs []string) ([]*box, error) {
	var found []*box
	for _, ref := range refs {
		err := f.with(ctx, ref, func(b *box) error {
			if !slices.Contains(found, b) {
				found = append(found, b)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// written is what the containers wrote, by time, and whether there may be more.
func written(boxes []*box) (lines []api.LogLine, live bool) {
	for _, b := range boxes {
		live = live || b.running()
		for _, l := range b.lines {
			if len(boxes) > 1 {
				l.Container = b.detail.Name
			}
			lines = append(lines, l)
		}
	}
	slices.SortStableFunc(lines, func(a, b api.LogLine) int { return a.Time.Compare(b.Time) })
	return lines, live
}

// chosenLine is a line that was asked for, its number among all, and how many
// were asked for.
type chosenLine struct {
	api.LogLine
	line, of int
}

func chosenLines(lines []api.LogLine, q api.LogQuery, before int) (out []chosenLine) {
	least, _ := loglevel.Parse(q.Level)
	said := map[string]loglevel.Level{}
	for i, l := range lines {
		from := l.Container + l.Stream
		own := loglevel.Of(l.Text)
		if own == loglevel.None && loglevel.Continues(l.Text) {
			own = said[from]
		}
		said[from] = own
		if !asked(l, q) || own < least || q.Before != "" && i >= before {
			continue
		}
		if q.Cursors {
			l.Cursor = strconv.Itoa(i)
		}
		if q.Levels {
			l.Level = own.String()
		}
		out = append(out, chosenLine{LogLine: l, line: i})
	}
	for i := range out {
		out[i].of = len(out)
	}
	return out
}

func asked(l api.LogLine, q api.LogQuery) bool {
	return (q.Stream == "" || l.Stream == q.Stream) &&
		(q.Since.IsZero() || !l.Time.Before(q.Since)) &&
		(q.Until.IsZero() || !l.Time.After(q.Until)) &&
		(q.Search == "" || strings.Contains(strings.ToLower(l.Text), strings.ToLower(q.Search)))
}

// since gives a time before now, for what a scenario says happened.
func (f *Fake) since(d time.Duration) time.Time { return f.now().Add(-d).UTC() }
