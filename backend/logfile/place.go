package logfile

import (
	"errors"
	"fmt"
	"strconv"
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
	c, ok := parseCursor(cursor)
	if !ok && cursor != "" {
		return Place{}, fmt.Errorf("%q is no cursor of a log", cursor)
	}
	return c.Place, nil
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

// ValidCursor tells whether s can be a cursor in the logs of n containers.
func ValidCursor(s string, n int) bool {
	parts := strings.Split(s, ",")
	for _, part := range parts {
		if _, ok := parseCursor(part); !ok && (part != "" || n == 1) {
			return false
		}
	}
	return len(parts) == n
}

// placeMark marks a cursor that names no line, but the place before it: where
// several logs are read together, each has such a place for every line.
const placeMark = "="

// cursor is a cursor taken apart.
type cursor struct {
	Place
	between bool
}

func parseCursor(s string) (c cursor, ok bool) {
	s, c.between = strings.CutSuffix(s, placeMark)
	seq, offset, ok := strings.Cut(s, ".")
	if !ok || len(s) > 40 {
		return c, false
	}
	var err1, err2 error
	c.Seq, err1 = strconv.ParseInt(seq, 16, 64)
	c.Offset, err2 = strconv.ParseInt(offset, 16, 64)
	return c, err1 == nil && err2 == nil && c.Seq > 0 && c.Offset >= 0
}

// between sets where to begin by After and gives where to end by Before. A line
// whose file is deleted comes before all that are left.
func (r *reader) between(end int64) (int64, error) {
	if c, ok := parseCursor(r.query.After); ok {
		if err := r.after(c, end); err != nil && !errors.Is(err, ErrGone) {
			return 0, err
		}
	}
	if c, ok := parseCursor(r.query.Before); ok {
		at, err := r.files.find(c.Place)
		if err != nil {
			return r.at, nil
		}
		end = max(r.at, min(at, end))
	}
	return end, nil
}

// after begins after the line of a cursor, or at its place.
func (r *reader) after(c cursor, end int64) error {
	at, err := r.files.find(c.Place)
	if err != nil || at >= end || c.between {
		r.at = min(max(at, 0), end)
		return err
	}
	first := true
	r.at, err = lines(&r.files, at, end, func(_ int64, s string) (bool, error) {
		if l, ok := split(s); ok && first {
			r.carry[number(l.stream)] = l.partial
		}
		one := first
		first = false
		return one, nil
	})
	return err
}
