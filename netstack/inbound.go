package netstack

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// dialStack opens a connection from the gateway to a container, over the tap.
func (n *Network) dialStack(to netip.AddrPort) (*stackConn, error) {
	wq := new(waiter.Queue)
	ep, terr := n.stack.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, wq)
	if terr != nil {
		return nil, errors.New(terr.String())
	}
	entry, ready := waiter.NewChannelEntry(waiter.WritableEvents | waiter.EventErr | waiter.EventHUp)
	wq.EventRegister(&entry)
	defer wq.EventUnregister(&entry)
	terr = ep.Connect(full(to))
	if _, started := terr.(*tcpip.ErrConnectStarted); started {
		ctx, cancel := context.WithTimeout(n.ctx, inboundTimeout)
		defer cancel()
		select {
		case <-ready:
			terr = ep.LastError()
		case <-ctx.Done():
			ep.Close()
			return nil, ctx.Err()
		}
	}
	if terr != nil {
		ep.Close()
		return nil, errors.New(terr.String())
	}
	return newStackConn(ep, wq), nil
}

// dialDirect connects to a container's own address from inside its namespace:
// its loopback carries the bytes, and what listens on 127.0.0.1 only is not
// reached. A socket stays for ever in the namespace in which it was made, so
// the thread is needed for that moment only.
func (n *Network) dialDirect(ns *os.File, to netip.AddrPort) (*net.TCPConn, error) {
	fd, err := n.socketIn(ns, unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "tcp")
	defer func() { _ = f.Close() }()
	err = unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
	if errors.Is(err, unix.EINPROGRESS) {
		err = awaitConnect(f)
	}
	if err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	return tcpOf(f)
}

func (n *Network) socketIn(ns *os.File, kind int) (fd int, err error) {
	err = n.dialer.in(ns, func() error {
		fd, err = unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return os.NewSyscallError("socket", err)
	})
	return fd, err
}

func awaitConnect(f *os.File) error {
	if err := f.SetWriteDeadline(time.Now().Add(inboundTimeout)); err != nil {
		return err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	werr := raw.Write(func(fd uintptr) bool {
		var result int
		if result, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); err != nil {
			return true
		}
		if result != 0 {
			err = unix.Errno(result)
			return true
		}
		_, err = unix.Getpeername(int(fd)) // a socket can be "writable" before it is connected
		return !errors.Is(err, unix.ENOTCONN)
	})
	if werr != nil {
		return werr
	}
	return err
}
