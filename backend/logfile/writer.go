package logfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// The bounds of a log where nothing else is asked for.
const (
	DefaultMaxSize  = 50 << 20
	DefaultMaxFiles = 10
)

// Options are how a log is written.
type Options struct {
	// MaxSize is how large a file may grow, in bytes, before the next one is
	// begun, and MaxFiles how many of them there may be; 0: the defaults.
	MaxSize  int64
	MaxFiles int
	// Idle is how long text waits for its newline before it is written as a
	// part of a line; 0: until Flush or Close.
	Idle time.Duration
	// Resume says that an earlier writer was killed and its spools are still
	// there (see [Stream.Resume]): what it left torn will be written again.
	Resume bool
}

// Writer appends to a log. Its methods may be called from several goroutines.
type Writer struct {
	Options
	mu      sync.Mutex
	path    string
	f       *os.File
	seq     int64 // of the file
	size    int64 // of the complete lines in the file
	stamper stamper
	buf     []byte // lines to write
	in      []byte // what a stream has begun and what came since
	streams [2]Stream
	idle    *time.Timer
	closed  bool
}

// maxKept is how large a buffer a writer keeps between two calls.
const maxKept = 256 << 10

// Create opens the log at path for writing, and makes it where it is missing.
func Create(path string) (*Writer, error) { return Open(path, Options{}) }

// Open opens the log at path for writing, and makes it where it is missing.
// What a killed writer left of a line is cut off where it means nothing, and
// ended where it does.
func Open(path string, o Options) (*Writer, error) {
	if o.MaxSize <= 0 {
		o.MaxSize = DefaultMaxSize
	}
	if o.MaxFiles <= 0 {
		o.MaxFiles = DefaultMaxFiles
	}
	older, err := rotated(path)
	if err != nil {
		return nil, err
	}
	w := &Writer{Options: o, path: path, seq: 1}
	if len(older) > 0 {
		w.seq = older[len(older)-1] + 1
	}
	if w.f, err = openLog(path); err != nil {
		return nil, err
	}
	if w.size, err = mend(w.f, o.Resume); err != nil {
		_ = w.f.Close()
		return nil, fmt.Errorf("mend log %s: %w", path, err)
	}
	for i, name := range []string{stdout, stderr} {
		w.streams[i] = Stream{w: w, name: name}
	}
	if o.Idle > 0 {
		w.idle = time.AfterFunc(o.Idle, w.rest)
		w.idle.Stop()
	}
	return w, nil
}

func openLog(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

// mend makes the file end with a complete line and tells its size. Whose text
// will come again is cut off in any case.
func mend(f *os.File, again bool) (int64, error) {
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
	if _, ok := split(string(b[end:])); ok && !again {
		n, err := f.Write([]byte{'\n'})
		return size + int64(n), err
	}
	size = from + int64(end)
	return size, f.Truncate(size)
}

// Stream gives one of the two streams: "stdout" or "stderr".
func (w *Writer) Stream(name string) *Stream { return &w.streams[index(name)] }

// Write adds what the container wrote to stream at that time, cut anywhere.
// See [Stream.Write].
func (w *Writer) Write(stream string, at time.Time, p []byte) error {
	return w.Stream(stream).Write(at, p)
}

type head [stampLen + len(" stdout ")]byte

func (w *Writer) head(stream string, at time.Time) (h head) {
	n := copy(h[:], w.stamper.stamp(at))
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
	rerr := w.rotate(int64(len(w.buf)))
	w.markStale()
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
	w.buf = w.buf[:0]
	if cap(w.buf) > maxKept { // a guard has one of us for each container
		w.buf = nil
	}
	if err == nil {
		err = rerr
	}
	return err
}

// Flush writes what waits for its newline, such as a prompt, as parts of lines.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	for i := range w.streams {
		if ferr := w.streams[i].piece(); err == nil {
			err = ferr
		}
	}
	return err
}

// rest is what a writer does when nothing came for a while.
func (w *Writer) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	for i := range w.streams {
		_ = w.streams[i].piece() // a full disk: said by the writes that it also fails
		w.streams[i].shrink()
	}
	w.buf, w.in = nil, nil
}

// Close ends the lines that are begun, for nothing more comes, and closes the
// file. The spools stay: they are the caller's.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.idle != nil {
		w.idle.Stop()
	}
	var err error
	for i := range w.streams {
		if eerr := w.streams[i].end(); err == nil {
			err = eerr
		}
	}
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
