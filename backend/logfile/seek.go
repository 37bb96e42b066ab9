package logfile

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// block is how much is read at once.
const block = 256 << 10

// lines calls do for each complete line of [from, to) with the offset of its
// beginning, until do answers false. It gives the offset after the last line
// taken. The lines' text is part of one string a block: nothing is allocated
// for a line.
func lines(f io.ReaderAt, from, to int64, do func(at int64, s string) (bool, error)) (int64, error) {
	return linesBut(f, from, to, nil, do)
}

// skip tells that none of some lines is wanted. Most of a log can be searched
// without taking it apart.
type skip func(lines string) bool

// linesBut is lines without those that can be skipped, many at once.
func linesBut(f io.ReaderAt, from, to int64, none skip, do func(at int64, s string) (bool, error)) (int64, error) {
	buf := make([]byte, min(block, max(0, to-from)))
	for from < to {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return from, fmt.Errorf("read log: %w", err)
		}
		s := string(buf[:n])
		if i := strings.LastIndexByte(s, '\n') + 1; none != nil && i > 0 && none(s[:i]) {
			from, s = from+int64(i), s[i:]
		}
		for {
			i := strings.IndexByte(s, '\n')
			if i < 0 {
				break
			}
			more, err := do(from, s[:i])
			if err != nil || !more {
				return from, err
			}
			from += int64(i) + 1
			s = s[i+1:]
		}
		switch {
		case len(s) >= maxLine && len(s) == n: // not a line of ours: skip what cannot be one
			from += int64(n)
		case len(s) == n || n < len(buf):
			return from, nil // the rest is not complete yet
		}
	}
	return from, nil
}

// seek finds the offset of the first line in [0, to) that is not before t, by
// halving: times grow with offsets, but where somebody turned the clock back.
func seek(f io.ReaderAt, t time.Time, to int64) (int64, error) {
	var c clock
	lo, hi := int64(0), to
	for hi-lo > block {
		mid := lo + (hi-lo)/2
		before, end, err := c.before(f, mid, hi, t)
		if err != nil {
			return 0, err
		}
		if before {
			lo = end
		} else {
			hi = mid
		}
	}
	found := int64(-1)
	// The line that decided lies after mid, so look on from hi, too.
	end, err := lines(f, lo, to, func(at int64, s string) (bool, error) {
		if l, ok := split(s); ok {
			if when, ok := c.read(l.stamp); ok && !when.Before(t) {
				found = at
				return false, nil
			}
		}
		return true, nil
	})
	if found < 0 {
		found = end
	}
	return found, err
}

// before tells whether the first whole line after mid is before t, and where
// the next one begins.
func (c *clock) before(f io.ReaderAt, mid, hi int64, t time.Time) (before bool, next int64, err error) {
	first := true
	_, err = lines(f, mid, min(hi, mid+block/2), func(at int64, s string) (bool, error) {
		if first { // what is left of the line that mid lies in
			first = false
			return true, nil
		}
		l, ok := split(s)
		if !ok {
			return true, nil
		}
		when, ok := c.read(l.stamp)
		if !ok {
			return true, nil
		}
		before, next = when.Before(t), at+int64(len(s))+1
		return false, nil
	})
	return before, next, err
}

// tail finds the offset from which [lo, hi) holds the last n lines that match.
// The pieces of a line count as one.
func tail(f io.ReaderAt, lo, hi int64, n int, none skip, match func(int64, line) bool) (int64, error) {
	if n <= 0 {
		return hi, nil
	}
	start, count, last := hi, 0, true
	err := backwards(f, lo, hi, none, func(at int64, s string) bool {
		l, ok := split(s)
		if !ok || !match(at, l) {
			return true
		}
		if !l.partial || last { // an F ends a line; so does the end of the log
			if count++; count > n {
				return false
			}
		}
		last, start = false, at
		return true
	})
	return start, err
}

// backwards calls do for each complete line of [lo, hi), the last first,
// until do answers false.
func backwards(f io.ReaderAt, lo, hi int64, none skip, do func(at int64, s string) bool) error {
	rest := "" // of the line whose beginning lies further up, and its newline
	size := int64(8 << 10)
	for hi > lo {
		from := max(lo, hi-size)
		size = min(2*size, block)
		b := make([]byte, hi-from, hi-from+int64(len(rest)))
		if _, err := f.ReadAt(b, from); err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		s := string(append(b, rest...))
		hi = from
		end := strings.LastIndexByte(s, '\n') // torn: no newline yet
		first := 0                            // of the whole lines
		if from > lo {
			first = strings.IndexByte(s, '\n') + 1
		}
		if none != nil && end >= first && none(s[first:end+1]) {
			end = first - 1
		}
		for end >= 0 {
			begin := strings.LastIndexByte(s[:end], '\n') + 1
			if begin == 0 && from > lo {
				break
			}
			if !do(from+int64(begin), s[begin:end]) {
				return nil
			}
			end = begin - 1
		}
		rest = s[:end+1]
		if len(rest) > maxLine { // not a line of ours
			rest = ""
		}
	}
	return nil
}
