package netstack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// directListener is a listening socket that the movers accept from. It is no
// os.File: of each connection Go's scheduler would be told, too, which does
// nothing for it.
type directListener struct {
	n    *Network
	fd   int // valid until it is closed
	once sync.Once
}

// listenDirect takes l over.
func listenDirect(p *port, l *net.TCPListener) (*directListener, error) {
	fd, err := dupOf(l)
	_ = l.Close()
	if err != nil {
		return nil, err
	}
	d := &directListener{n: p.e.n, fd: fd}
	// What is accepted has these from its listener, without a call for each.
	seconds := int(keepAlive.Seconds())
	err = errors.Join(
		unix.SetNonblock(d.fd, true),
		unix.SetsockoptInt(d.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptInt(d.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
		unix.SetsockoptInt(d.fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds),
		unix.SetsockoptInt(d.fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds),
	)
	if err == nil {
		err = p.e.n.movers.listen(d.fd, p)
	}
	if err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("listen: %w", err)
	}
	return d, nil
}

// dupOf copies a socket's descriptor.
func dupOf(c syscall.Conn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	cerr := raw.Control(func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(cerr, os.NewSyscallError("dup", err))
}

// File gives a copy of the socket.
func (d *directListener) File() (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(fd), "listener"), nil
}

// Close ends accepting.
func (d *directListener) Close() error {
	var err error
	d.once.Do(func() {
		d.n.movers.unlisten(d.fd)
		err = unix.Close(d.fd)
	})
	return err
}
