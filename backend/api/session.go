package api

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The frames of a session: one byte of stream, three zero bytes, the length
// as 32 bits big-endian, then the payload. Streams 0–2 are docker's
// (stdin, stdout, stderr); an empty frame of stream 0 closes stdin.
const (
	frameStdin  = 0
	frameStdout = 1
	frameStderr = 2
	frameResize = 3 // {"rows":24,"cols":80}
	frameSignal = 4 // a signal's name
	frameExit   = 5 // {"code":0,"reason":""}: the last frame
	frameError  = 6 // an Error: the last frame
	frameLeave  = 7 // the person goes: nothing more comes from that side
	frameMark   = 8 // a Mark, from the process's side

	// MaxFrame bounds a frame's payload, so that a hostile peer cannot make us
	// allocate more.
	MaxFrame = 1 << 20
)

// Session is a conversation with a process's standard streams. One goroutine
// may Stream while others write.
type Session struct {
	conn io.ReadWriteCloser
	wmu  sync.Mutex

	rmu     sync.Mutex
	reached *Mark
}

// Mark is a place in what a container writes: so many bytes of each stream
// after a place in its log.
type Mark struct {
	// Cursor is the place in the log; "": its beginning.
	Cursor string `json:"cursor,omitempty"`
	Stdout int64  `json:"stdout,omitempty"`
	Stderr int64  `json:"stderr,omitempty"`
}

// NewSession speaks frames over conn, which it owns from now on.
func NewSession(conn io.ReadWriteCloser) *Session { return &Session{conn: conn} }

// Conn gives the bare connection, to pass frames on without reading them.
func (s *Session) Conn() io.ReadWriteCloser { return s.conn }

// Close ends the session; the process goes on.
func (s *Session) Close() error { return s.conn.Close() }

// Write sends input to the process.
func (s *Session) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 {
		c := p[:min(len(p), 64<<10)]
		if err := s.frame(frameStdin, c); err != nil {
			return n, err
		}
		n += len(c)
		p = p[len(c):]
	}
	return n, nil
}

// CloseInput tells the process that no more input comes.
func (s *Session) CloseInput() error { return s.frame(frameStdin, nil) }

// Resize tells the terminal's new size.
func (s *Session) Resize(rows, cols uint16) error {
	b, err := json.Marshal(size{rows, cols})
	if err != nil {
		return err
	}
	return s.frame(frameResize, b)
}

// Signal sends a signal ("INT") to the process.
func (s *Session) Signal(name string) error { return s.frame(frameSignal, []byte(name)) }

// Leave tells that the person goes. The process's side ends the session when
// all that was sent before has reached the process; Close ends it at once.
func (s *Session) Leave() error { return s.frame(frameLeave, nil) }

// Stream copies the process's output until it ends and tells how. A
// connection that ends before is io.ErrUnexpectedEOF.
func (s *Session) Stream(stdout, stderr io.Writer) (Exit, error) {
	for {
		kind, p, err := s.read()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return Exit{}, err
		}
		switch kind {
		case frameStdout:
			_, err = stdout.Write(p)
			s.advance(int64(len(p)), 0)
		case frameStderr:
			_, err = stderr.Write(p)
			s.advance(0, int64(len(p)))
		case frameMark:
			var m Mark
			if err := json.Unmarshal(p, &m); err != nil {
				return Exit{}, err
			}
			s.rmu.Lock()
			s.reached = &m
			s.rmu.Unlock()
		case frameExit:
			var e Exit
			return e, json.Unmarshal(p, &e)
		case frameError:
			var e Error
			if err := json.Unmarshal(p, &e); err != nil {
				return Exit{}, err
			}
			return Exit{}, &e
		}
		if err != nil {
			return Exit{}, err
		}
	}
}

// advance counts what has come since the last mark.
func (s *Session) advance(stdout, stderr int64) {
	s.rmu.Lock()
	defer s.rmu.Unlock()
	if s.reached != nil {
		s.reached.Stdout += stdout
		s.reached.Stderr += stderr
	}
}

// Reached tells up to where Stream has come, nil where no mark came: an attach
// with AttachOptions.From goes on there after this session broke.
func (s *Session) Reached() *Mark {
	s.rmu.Lock()
	defer s.rmu.Unlock()
	if s.reached == nil {
		return nil
	}
	m := *s.reached
	return &m
}

// Input is what the process's side hears from the person's side.
type Input struct {
	Data   []byte // nil with Close
	Close  bool   // no more input
	Resize bool
	Rows   uint16
	Cols   uint16
	Signal string
}

// ReadInput is the process's side: the next thing that the person sent.
func (s *Session) ReadInput() (Input, error) {
	kind, p, err := s.read()
	if err != nil {
		return Input{}, err
	}
	switch kind {
	case frameStdin:
		return Input{Data: p, Close: len(p) == 0}, nil
	case frameResize:
		var z size
		if err := json.Unmarshal(p, &z); err != nil {
			return Input{}, err
		}
		return Input{Resize: true, Rows: z.Rows, Cols: z.Cols}, nil
	case frameSignal:
		return Input{Signal: string(p)}, nil
	case frameLeave:
		return Input{}, io.EOF
	}
	return Input{}, fmt.Errorf("session: unexpected frame %d", kind)
}

// Stdout is the process's side: a writer of its output.
func (s *Session) Stdout() io.Writer { return frameWriter{s, frameStdout} }

// Stderr is the process's side: a writer of its error output.
func (s *Session) Stderr() io.Writer { return frameWriter{s, frameStderr} }

// End is the process's side: tells how it ended. Close comes after.
func (s *Session) End(e Exit) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.frame(frameExit, b)
}

// Mark is the process's side: tells that all up to m has been sent.
func (s *Session) Mark(m Mark) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.frame(frameMark, b)
}

// Fail is the process's side: tells that it could not be run.
func (s *Session) Fail(e *Error) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.frame(frameError, b)
}

type size struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

type frameWriter struct {
	s    *Session
	kind byte
}

func (w frameWriter) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 {
		c := p[:min(len(p), 64<<10)]
		if err := w.s.frame(w.kind, c); err != nil {
			return n, err
		}
		n += len(c)
		p = p[len(c):]
	}
	return n, nil
}

func (s *Session) frame(kind byte, p []byte) error {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	b := make([]byte, 8+len(p))
	b[0] = kind
	binary.BigEndian.PutUint32(b[4:], uint32(len(p)))
	copy(b[8:], p)
	_, err := s.conn.Write(b)
	return err
}

func (s *Session) read() (byte, []byte, error) {
	var h [8]byte
	if _, err := io.ReadFull(s.conn, h[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(h[4:])
	if n > MaxFrame {
		return 0, nil, fmt.Errorf("session: frame of %d bytes is over the bound of %d", n, MaxFrame)
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(s.conn, p); err != nil {
		return 0, nil, err
	}
	return h[0], p, nil
}
