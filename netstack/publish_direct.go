package netstack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// directListener is a listening socket that the movers accept from.
type directListener struct {
	n    *Network
	file *os.File
	fd   int // file's; valid until it is closed
	once sync.Once
}

// listenDirect takes l over.
func listenDirect(p *port, l *net.TCPListener) (*directListener, error) {
	f, err := l.File() // a copy, in blocking mode
	_ = l.Close()
	if err != nil {
		return nil, err
	}
	d := &directListener{n: p.e.n, file: f, fd: int(f.Fd())}
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
		err = d.file.Close()
	})
	return err
}
