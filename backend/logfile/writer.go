package logfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Writer appends to a log. Its methods may be called from several goroutines.
type Writer struct {
	mu      sync.Mutex
	f       *os.File
	size    int64 // of the complete lines in the file
	stamper stamper
	buf     []byte
	streams [2]unfinished
}

// maxKept is how large a buffer a writer keeps between two calls.
const maxKept = 256 << 10

// unfinished is what a stream has begun and not ended with a newline.
type unfinished struct {
	at   time.Time // of its first byte that is not yet written
	text []byte
	open bool // the last line written was a P
}

// Create opens the log at path for writing, and makes it where it is missing.
// What a killed writer left of a line is cut off where it means nothing, and
// ended where it does.
func Create(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	size, err := mend(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("mend log %s: %w", path, err)
	}
	return &Writer{f: f, size: size}, nil
}

// mend makes the file end with a complete line and tells its size.
func mend(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	from := max(0, size-maxLine)
	b := make([]byte, size-from)
	if _, err := f.ReadAt(b, from); err != nil && err != io.EOF {
		return 0, err
	}
	end := bytes.LastIndexByte(b, '\n') + 1
	if end == len(b) {
		return size, nil
	}
	if _, ok := split(string(b[end:])); ok {
		n, err := f.Write([]byte{'\n'})
		return size + int64(n), err
	}
	size = from + int64(end)
	return size, f.Truncate(size)
}

// Write adds what the container wrote to stream ("stdout" or "stderr") at
// that time, cut anywhere. Complete lines reach the file by one write(2); the
// rest waits for its newline, for [MaxText] bytes, for Flush or Close. After
// an error the file ends with a complete line; what p held may be lost.
func (w *Writer) Write(stream string, at time.Time, p []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := &w.streams[index(stream)]
	head := w.head(stream, at)
	w.buf = w.buf[:0]
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			w.keep(u, stream, at, p)
			break
		}
		if w.room(u) < i || len(u.text) > 0 {
			w.keep(u, stream, at, p[:i])
			w.end(u, stream)
		} else {
			w.line(head, 'F', p[:i])
			u.open = false
		}
		p = p[i+1:]
	}
	return w.flush()
}

// room is how much text fits the line that is begun.
func (w *Writer) room(u *unfinished) int { return MaxText - len(u.text) }

// keep puts text that no newline follows yet aside, and writes what is full.
func (w *Writer) keep(u *unfinished, stream string, at time.Time, p []byte) {
	for {
		if len(u.text) == 0 {
			u.at = at
		}
		n := min(len(p), w.room(u))
		u.text = append(u.text, p[:n]...)
		if p = p[n:]; len(p) == 0 {
			return
		}
		w.piece(u, stream)
	}
}

// piece writes what is put aside; its line goes on.
func (w *Writer) piece(u *unfinished, stream string) {
	w.line(w.head(stream, u.at), 'P', u.text)
	u.text, u.open = u.text[:0], true
}

// end writes what is put aside as the end of its line.
func (w *Writer) end(u *unfinished, stream string) {
	w.line(w.head(stream, u.at), 'F', u.text)
	u.text, u.open = u.text[:0], false
}

type head [stampLen + len(" stdout ")]byte

func (w *Writer) head(stream string, at time.Time) (h head) {
	n := copy(h[:], w.stamper.stamp(at))
	if stream != stderr {
		stream = stdout
	}
	h[n], h[len(h)-1] = ' ', ' '
	copy(h[n+1:], stream)
	return h
}

func (w *Writer) line(h head, flag byte, text []byte) {
	w.buf = append(w.buf, h[:]...)
	w.buf = append(w.buf, flag, ' ')
	w.buf = append(w.buf, text...)
	w.buf = append(w.buf, '\n')
}

// flush writes the lines gathered. Where the disk takes only some of them,
// the file is cut back, so that no half line stays.
func (w *Writer) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	n, err := w.f.Write(w.buf)
	if err == nil {
		w.size += int64(n)
	} else {
		whole := bytes.LastIndexByte(w.buf[:n], '\n') + 1
		w.size += int64(whole)
		if terr := w.f.Truncate(w.size); terr != nil {
			err = fmt.Errorf("%w (and %w)", err, terr)
		}
	}
	if cap(w.buf) > maxKept { // a guard has one of us for each container
		w.buf = nil
	}
	return err
}

// Flush writes what waits for its newline, such as a prompt, as parts of lines.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = w.buf[:0]
	for i, stream := range []string{stdout, stderr} {
		if u := &w.streams[i]; len(u.text) > 0 {
			w.piece(u, stream)
		}
	}
	return w.flush()
}

// Close ends the lines that are begun, for nothing more comes, and closes the file.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = w.buf[:0]
	for i, stream := range []string{stdout, stderr} {
		u := &w.streams[i]
		if u.open && len(u.text) == 0 {
			u.at = time.Now()
		}
		if u.open || len(u.text) > 0 {
			w.end(u, stream)
		}
	}
	err := w.flush()
	if cerr := w.f.Close(); err == nil {
		err = cerr
	}
	return err
}

func index(stream string) int {
	if stream == stderr {
		return 1
	}
	return 0
}
