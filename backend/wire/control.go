package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"davit/backend/userns/fdmsg"
)

// The control socket joins a front with its engine without any address that
// others could connect to: a SEQPACKET pair, one end inherited by the engine.
//
//	front                              engine
//	  socketpair(STREAM)
//	  {"connect": true} + one end  →   Accept gives it to the HTTP server
//	  HTTP over the other end
//	  close                        →   EOF: the engine exits

// hello goes with the descriptor of a new connection.
type hello struct {
	Connect bool `json:"connect"`
}

// DialControl makes a control socket: the front's end, and the one that the
// engine inherits.
func DialControl() (*Dialer, *os.File, error) {
	c, engine, err := fdmsg.Pair()
	if err != nil {
		return nil, nil, fmt.Errorf("make a control socket: %w", err)
	}
	return &Dialer{c: c}, engine, nil
}

// ListenControl is the engine's end of the control socket f, which it closes.
// Accept gives io.EOF once the front has gone.
func ListenControl(f *os.File) (net.Listener, error) {
	c, err := fdmsg.Conn(f)
	if err != nil {
		return nil, fmt.Errorf("listen on the control socket: %w", err)
	}
	return &controlListener{c: c}, nil
}

type controlListener struct{ c *net.UnixConn }

func (l *controlListener) Accept() (net.Conn, error) {
	for {
		var h hello
		files, err := fdmsg.Receive(l.c, &h)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, fmt.Errorf("accept on the control socket: %w", err)
		}
		if !h.Connect || len(files) != 1 {
			fdmsg.CloseAll(files)
			continue
		}
		conn, err := fdmsg.Conn(files[0])
		if err != nil {
			continue // not a socket: nothing that could be served
		}
		return conn, nil
	}
}

func (l *controlListener) Close() error   { return l.c.Close() }
func (l *controlListener) Addr() net.Addr { return l.c.LocalAddr() }

// Dialer is the front's end of a control socket.
type Dialer struct{ c *net.UnixConn }

// Dial makes a connection to the engine; it does not wait for it to be accepted.
func (d *Dialer) Dial(context.Context) (net.Conn, error) {
	ours, theirs, err := fdmsg.StreamPair()
	if err != nil {
		return nil, fmt.Errorf("make a connection to the engine: %w", err)
	}
	defer theirs.Close()
	if err := fdmsg.Send(d.c, hello{Connect: true}, theirs); err != nil {
		ours.Close()
		return nil, fmt.Errorf("connect to the engine: %w", err)
	}
	return ours, nil
}

// Gone returns when the engine has ended, or Close was called: the engine
// sends nothing on the control socket.
func (d *Dialer) Gone() {
	var b [1]byte
	for {
		if n, err := d.c.Read(b[:]); n == 0 || err != nil {
			return
		}
	}
}

// Close lets go of the engine, which then ends.
func (d *Dialer) Close() error { return d.c.Close() }
