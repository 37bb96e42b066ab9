package apitest

import (
	"bytes"
	"io"
	"sync"
)

// pipe is a byte stream that never blocks its writer, so that a front that
// does not read cannot hold up a container of the fake.
type pipe struct {
	mu     sync.Mutex
	wake   sync.Cond
	buf    bytes.Buffer
	closed bool
}

func newPipe() *pipe {
	p := &pipe{}
	p.wake.L = &p.mu
	return p
}

func (p *pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.buf.Len() == 0 && !p.closed {
		p.wake.Wait()
	}
	return p.buf.Read(b)
}

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, io.ErrClosedPipe
	}
	defer p.wake.Broadcast()
	return p.buf.Write(b)
}

// closeWrite ends the stream after what is in it.
func (p *pipe) closeWrite() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.wake.Broadcast()
}

// end is one end of a connection made of two pipes.
type end struct{ in, out *pipe }

func duplex() (near, far *end) {
	a, b := newPipe(), newPipe()
	return &end{in: a, out: b}, &end{in: b, out: a}
}

func (e *end) Read(b []byte) (int, error)  { return e.in.Read(b) }
func (e *end) Write(b []byte) (int, error) { return e.out.Write(b) }

func (e *end) Close() error {
	e.in.closeWrite()
	e.out.closeWrite()
	return nil
}
