package logfile

import (
	"errors"
	"fmt"
	"strings"

	"davit/backend/api"
)

// Place is a place in a log, between two lines. The zero Place is before all.
type Place struct {
	Seq    int64 // of the file
	Offset int64
}

// ErrGone says that the file which a place is in was deleted, because newer ones
// were too large.
var ErrGone = errors.New("this part of the log was deleted to make room for what came after it")

// End is where the log ends now, and how many bytes have come on each stream
// that wait for the end of their line.
func (w *Writer) End() (Place, map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	begun := map[string]int{}
	for i := range w.streams {
		begun[w.streams[i].name] = len(w.streams[i].begun)
	}
	return Place{w.seq, w.size}, begun
}

// Begun is what has come and waits for the end of its line.
func (s *Stream) Begun() []byte {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return append([]byte(nil), s.begun...)
}

// ReadOn calls sink for the complete lines of the log at path after a place,
// up to its present end, and gives that. Text is as in [Read].
func ReadOn(path string, after Place, sink func(api.LogLine) error) (Place, error) {
	r := reader{files: chain{path: path}, sink: sink}
	defer r.files.close()
	end, err := r.files.grow()
	if err != nil || len(r.files.links) == 0 {
		return after, err
	}
	if after != (Place{}) {
		if r.at, err = r.files.find(after); err != nil {
			return after, err
		}
	}
	r.at, err = lines(&r.files, r.at, end, func(at int64, s string) (bool, error) { return true, r.tell(at, s) })
	return r.files.place(r.at), err
}

// find gives the offset of a place in the chain.
func (c *chain) find(p Place) (int64, error) {
	for _, l := range c.links {
		if l.seq == p.Seq {
			return l.start + p.Offset, nil
		}
	}
	return 0, ErrGone
}

// place is the reverse. The end of a file is that, not the beginning of the
// next one: writer and readers agree on it as long as the file is the last.
func (c *chain) place(at int64) Place {
	last := c.links[0]
	for _, l := range c.links {
		if l.start < at || l.start == at && l.size == 0 {
			last = l
		}
	}
	return Place{last.seq, at - last.start}
}

// cursor names the line at an offset: the file's number and the offset in it.
func (c *chain) cursor(at int64) string {
	l := c.links[0]
	for _, one := range c.links {
		if one.start <= at {
			l = one
		}
	}
	return Place{l.seq, at - l.start}.String()
}

// String is the place as a cursor; that before all is "".
func (p Place) String() string {
	if p == (Place{}) {
		return ""
	}
	return fmt.Sprintf("%x.%x", p.Seq, p.Offset)
}

// ParsePlace is the reverse.
func ParsePlace(cursor string) (Place, error) {
	p, ok := parseCursor(cursor)
	if !ok && cursor != "" {
		return Place{}, fmt.Errorf("%q is no cursor of a log", cursor)
	}
	return p, nil
}

// End is where the log at path ends, which nobody writes now.
func End(path string) (Place, error) {
	c := chain{path: path}
	defer c.close()
	end, err := c.grow()
	if err != nil || len(c.links) == 0 {
		return Place{}, err
	}
	return c.place(end), nil
}

// ValidCursor tells whether s can be a cursor.
func ValidCursor(s string) bool {
	_, ok := parseCursor(s)
	return ok
}

func parseCursor(s string) (p Place, ok bool) {
	if strings.Count(s, ".") != 1 || len(s) > 40 {
		return p, false
	}
	n, err := fmt.Sscanf(s, "%x.%x", &p.Seq, &p.Offset)
	return p, err == nil && n == 2 && p.Seq > 0 && p.Offset >= 0
}

// between sets where to begin by After and gives where to end by Before. A line
// whose file is deleted comes before all that are left.
func (r *reader) between(end int64) (int64, error) {
	if p, ok := parseCursor(r.query.After); ok {
		at, err := r.files.find(p)
		if err == nil && at < end {
			r.at, err = lines(&r.files, at, end, once())
		}
		if err != nil && !errors.Is(err, ErrGone) {
			return 0, err
		}
	}
	if p, ok := parseCursor(r.query.Before); ok {
		at, err := r.files.find(p)
		if err != nil {
			return r.at, nil
		}
		end = max(r.at, min(at, end))
	}
	return end, nil
}

// once takes one line.
func once() func(int64, string) (bool, error) {
	n := 0
	return func(int64, string) (bool, error) { n++; return n == 1, nil }
}
