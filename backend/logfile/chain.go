package logfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// chain is the files of a log as one: offsets go on from file to file. What
// it has open stays readable when the writer deletes it.
type chain struct {
	path  string
	links []link
}

type link struct {
	f     *os.File
	seq   int64
	start int64 // offset of its first byte in the chain
	size  int64 // of complete ones: they do not change; of the last one: so far
}

// grow opens what is new and tells where the chain ends now. A log that is
// missing is one without lines.
func (c *chain) grow() (end int64, err error) {
	if c.current() {
		return c.end()
	}
	for range 100 { // rotations while we look
		older, err := rotated(c.path)
		if err != nil {
			return 0, err
		}
		f, err := os.Open(c.path)
		if errors.Is(err, fs.ErrNotExist) {
			f = nil // not there yet, or just being rotated
		} else if err != nil {
			return 0, fmt.Errorf("open log: %w", err)
		}
		again, err := rotated(c.path)
		if err != nil || len(again) != len(older) || len(older) > 0 && again[len(again)-1] != older[len(older)-1] {
			if f != nil {
				_ = f.Close()
			}
			if err != nil {
				return 0, err
			}
			continue
		}
		return c.take(older, f)
	}
	return 0, errors.New("read log: it is rotated faster than it can be read")
}

// current tells whether the last file is the one that is written. What is
// open keeps its inode, so that no other file can have it.
func (c *chain) current() bool {
	if len(c.links) == 0 {
		return false
	}
	ours, err := c.links[len(c.links)-1].f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(c.path)
	return err == nil && os.SameFile(ours, now)
}

// take adds the files that the chain does not have yet.
func (c *chain) take(older []int64, current *os.File) (int64, error) {
	seq := int64(1)
	if len(older) > 0 {
		seq = older[len(older)-1] + 1
	}
	have := int64(0)
	if len(c.links) > 0 {
		have = c.links[len(c.links)-1].seq
	}
	for _, n := range older {
		if n <= have {
			continue
		}
		f, err := os.Open(numbered(c.path, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err == nil {
			err = c.add(f, n)
		}
		if err != nil {
			return 0, fmt.Errorf("open log: %w", err)
		}
	}
	switch {
	case current == nil:
	case seq > have:
		if err := c.add(current, seq); err != nil {
			return 0, err
		}
	default:
		_ = current.Close()
	}
	return c.end()
}

func (c *chain) add(f *os.File, seq int64) error {
	start, err := c.end() // of what was the last one, and is complete now
	if err != nil {
		return errors.Join(err, f.Close())
	}
	c.links = append(c.links, link{f: f, seq: seq, start: start})
	return nil
}

// end measures the last file.
func (c *chain) end() (int64, error) {
	if len(c.links) == 0 {
		return 0, nil
	}
	l := &c.links[len(c.links)-1]
	info, err := l.f.Stat()
	if err != nil {
		return 0, fmt.Errorf("read log: %w", err)
	}
	l.size = info.Size()
	return l.start + l.size, nil
}

// ReadAt implements io.ReaderAt over the files. It reads past the end of none
// but the last.
func (c *chain) ReadAt(p []byte, at int64) (n int, err error) {
	for i := range c.links {
		l := &c.links[i]
		last := i == len(c.links)-1
		if at >= l.start+l.size && !last {
			continue
		}
		part := p[n:]
		if !last {
			part = part[:min(int64(len(part)), l.start+l.size-at)]
		}
		m, err := l.f.ReadAt(part, at-l.start)
		n, at = n+m, at+int64(m)
		if n == len(p) {
			return n, nil
		}
		if err != nil && (last || !errors.Is(err, io.EOF)) {
			return n, err
		}
		if m < len(part) { // shorter than it was: nothing of ours does that
			return n, io.ErrUnexpectedEOF
		}
	}
	return n, io.EOF
}

func (c *chain) close() {
	for _, l := range c.links {
		_ = l.f.Close()
	}
}
