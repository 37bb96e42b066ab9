package netstack

import (
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

// stream is one end of a relayed connection.
type stream interface {
	CloseWrite() error // FIN
	Abort()            // RST
	Close() error
}

// pair is two ends and how bytes go from one to the other; a copier returns
// nil at the end of its source, and an error when either end broke.
type pair struct {
	a, b   stream
	ab, ba func() error
}

// relay joins two connections of e's until both directions have ended: a FIN
// goes on as a FIN and leaves the other direction open, a RST goes on as a RST.
func relay(e *Endpoint, f *flow, p pair) {
	defer e.ended(f)
	defer e.live.add(f, p.a, p.b)()
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.finish(p.ba(), p.a)
	}()
	p.finish(p.ab(), p.b)
	<-done
	_ = p.a.Close()
	_ = p.b.Close()
}

func (p pair) finish(err error, dst stream) {
	if err == nil {
		err = dst.CloseWrite()
	}
	if err != nil {
		p.a.Abort()
		p.b.Abort()
	}
}

// liveStreams are the connections that a network's end must end.
type liveStreams struct {
	taken *atomic.Int64 // descriptors, by all in the network; set once

	mu    sync.Mutex
	all   map[stream]*flow
	flows int // connections, whose two ends may both be in all
	over  bool
}

// add counts streams until the function that it gives is called.
func (l *liveStreams) add(f *flow, ss ...stream) func() {
	l.mu.Lock()
	if l.all == nil {
		l.all = map[stream]*flow{}
	}
	for _, s := range ss {
		l.all[s] = f
	}
	l.flows++
	l.taken.Add(f.descriptors())
	over := l.over
	l.mu.Unlock()
	if over {
		for _, s := range ss {
			s.Abort()
		}
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range ss {
			delete(l.all, s)
		}
		l.flows--
		l.taken.Add(-f.descriptors())
	}
}

// count is how many live.
func (l *liveStreams) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flows
}

// list gives those that live.
func (l *liveStreams) list() []*flow {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[*flow]bool{}
	for _, f := range l.all {
		seen[f] = true
	}
	return slices.Collect(maps.Keys(seen))
}

// of gives the streams of the flows that fit.
func (l *liveStreams) of(fits func(*flow) bool) []stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []stream
	for s, f := range l.all {
		if fits(f) {
			all = append(all, s)
		}
	}
	return all
}

func (l *liveStreams) abortAll() { l.bar(true) }

// bar ends all, and those to come at once, until it is lifted.
func (l *liveStreams) bar(on bool) {
	l.mu.Lock()
	l.over = on
	if !on {
		l.mu.Unlock()
		return
	}
	var all []stream
	for s := range l.all {
		all = append(all, s)
	}
	l.mu.Unlock()
	for _, s := range all {
		s.Abort()
	}
}

// hostConn is a connection of the host's kernel.
type hostConn struct{ *net.TCPConn }

// Abort sends a RST.
func (c *hostConn) Abort() {
	_ = c.SetLinger(0)
	_ = c.TCPConn.Close()
}

// CloseWrite sends a FIN; that the other side is gone already is no fault.
func (c *hostConn) CloseWrite() error {
	if err := c.TCPConn.CloseWrite(); err != nil && !isNotConnected(err) {
		return err
	}
	return nil
}

// stackConn is a connection of the gVisor stack.
type stackConn struct {
	ep   tcpip.Endpoint
	wq   *waiter.Queue
	once sync.Once
	gone chan struct{} // closed by Abort
}

func newStackConn(ep tcpip.Endpoint, wq *waiter.Queue) *stackConn {
	return &stackConn{ep: ep, wq: wq, gone: make(chan struct{})}
}

// CloseWrite sends a FIN.
func (c *stackConn) CloseWrite() error {
	err := c.ep.Shutdown(tcpip.ShutdownWrite)
	if _, gone := err.(*tcpip.ErrNotConnected); err != nil && !gone {
		return errors.New(err.String())
	}
	return nil
}

// Abort sends a RST.
func (c *stackConn) Abort() {
	c.once.Do(func() { close(c.gone) })
	c.ep.Abort()
}

// Close lets the connection end by itself, as close(2) does.
func (c *stackConn) Close() error {
	c.ep.Close()
	return nil
}

var errStreamGone = errors.New("connection was aborted")

// writeTo copies what arrives to w, straight from the stack's buffers.
func (c *stackConn) writeTo(w io.Writer, count *atomic.Int64) error {
	entry, ready := waiter.NewChannelEntry(waiter.ReadableEvents | waiter.EventErr | waiter.EventHUp)
	c.wq.EventRegister(&entry)
	defer c.wq.EventUnregister(&entry)
	for {
		r, err := c.ep.Read(w, tcpip.ReadOptions{})
		switch err.(type) {
		case nil:
			c.ep.ModerateRecvBuf(r.Count)
			count.Add(int64(r.Count))
		case *tcpip.ErrWouldBlock:
			select {
			case <-ready:
			case <-c.gone:
				return errStreamGone
			}
		case *tcpip.ErrClosedForReceive:
			return nil
		default:
			return errors.New(err.String())
		}
	}
}

// readFrom sends what it reads from the host's connection. No buffer is held
// while there is nothing to read.
func (c *stackConn) readFrom(src *net.TCPConn, count *atomic.Int64) error {
	entry, ready := waiter.NewChannelEntry(waiter.WritableEvents | waiter.EventErr | waiter.EventHUp)
	c.wq.EventRegister(&entry)
	defer c.wq.EventUnregister(&entry)
	for {
		buf, n, err := readPooled(src)
		if err == nil && n > 0 {
			err = c.send(buf[:n], ready)
			count.Add(int64(n))
		}
		putBuffer(buf)
		if err != nil || n == 0 {
			return err
		}
	}
}

func (c *stackConn) send(b []byte, ready <-chan struct{}) error {
	for len(b) > 0 {
		p := payload(b)
		n, err := c.ep.Write(&p, tcpip.WriteOptions{})
		b = b[n:]
		switch err.(type) {
		case nil:
		case *tcpip.ErrWouldBlock:
			select {
			case <-ready:
			case <-c.gone:
				return errStreamGone
			}
		default:
			return errors.New(err.String())
		}
	}
	return nil
}

// payload is a tcpip.Payloader over bytes.
type payload []byte

func (p *payload) Read(b []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, *p)
	*p = (*p)[n:]
	return n, nil
}

func (p *payload) Len() int { return len(*p) }
