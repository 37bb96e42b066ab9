package netstack

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
)

// maxUDPClients bounds the clients of one published port that are remembered.
const maxUDPClients = 4096

// udpQueue is how much may wait while others have the processor, in bytes; the
// host bounds it (net.core.rmem_max).
const udpQueue = 2 << 20

func (p *port) listenUDP() (net.Addr, error) {
	var c net.PacketConn
	var err error
	if p.Kept != nil {
		c, err = net.FilePacketConn(p.Kept)
		_ = p.Kept.Close()
	} else {
		c, err = net.ListenUDP(networkOf("udp", p.HostIP), net.UDPAddrFromAddrPort(p.Host()))
	}
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UDPConn)
	if !ok {
		_ = c.Close()
		return nil, errors.New("no UDP socket")
	}
	_ = u.SetReadBuffer(udpQueue) // else as much as the host has for all
	clients := &udpClients{p: p, socket: u, all: map[netip.AddrPort]*udpClient{}}
	p.socket, p.serve = u, clients.serve
	return u.LocalAddr(), nil
}

// udpClients are the clients of a published UDP port, each with a socket of
// its own towards the container, so that answers find their way back.
type udpClients struct {
	p      *port
	socket *net.UDPConn

	mu  sync.Mutex
	all map[netip.AddrPort]*udpClient
}

type udpClient struct {
	net.Conn
	flow   *flow
	once   sync.Once
	heard  time.Time // about when it last sent
	single bool      // its datagrams cannot leave several as one
	buf    []byte    // for answers that come over the stack
}

// udpRenewal is how exact that is.
const udpRenewal = time.Second

// Abort forgets the client, as Close does.
func (c *udpClient) Abort() { c.once.Do(func() { _ = c.Conn.Close() }) }

// CloseWrite does nothing.
func (c *udpClient) CloseWrite() error { return nil }

func (u *udpClients) serve() {
	raw, err := u.socket.SyscallConn()
	if err != nil {
		return
	}
	for u.serveSome(raw) {
	}
}

// serveSome passes on what comes next; false: the socket was closed.
func (u *udpClients) serveSome(raw syscall.RawConn) bool {
	batch, n, err := readBatch(raw)
	if batch != nil {
		defer batches.Put(batch)
	}
	for i := 0; i < n; {
		run := batch.run(i, n)
		if c := u.client(batch.from(i)); c != nil {
			c.pass(batch, i, run)
		}
		i += run
	}
	return err == nil || errors.Is(err, unix.ECONNREFUSED) // a client that has gone
}

// pass sends a run of datagrams to the container.
func (c *udpClient) pass(b *packetBatch, first, run int) {
	if now := time.Now(); now.Sub(c.heard) > udpRenewal {
		c.heard = now
		_ = c.SetReadDeadline(now.Add(udpAnswered))
	}
	for i := range run {
		c.flow.received.Add(int64(len(b.packet(first + i))))
	}
	if direct, ok := c.Conn.(*net.UDPConn); ok && run > 1 && !c.single {
		err := b.send(direct, first, run)
		if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EIO) && !errors.Is(err, unix.EMSGSIZE) && !errors.Is(err, unix.ECONNREFUSED) {
			return
		}
		// The kernel cannot; or an earlier one was refused, which is told once.
		c.single = !errors.Is(err, unix.ECONNREFUSED)
	}
	for i := range run {
		_, _ = c.Write(b.packet(first + i))
	}
}

// client finds or makes the way of one client; nil: there are too many.
func (u *udpClients) client(from netip.AddrPort) *udpClient {
	u.mu.Lock()
	defer u.mu.Unlock()
	if c := u.all[from]; c != nil {
		return c
	}
	if len(u.all) >= maxUDPClients || !u.p.e.n.mayOpen(u.p.e) {
		return nil
	}
	conn, beside, err := u.dial(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	if err != nil {
		u.p.e.n.log.Debug("reach container", "port", u.p.Host(), "err", err)
		return nil
	}
	if !u.p.e.n.begin() {
		_ = conn.Close()
		return nil
	}
	c := &udpClient{Conn: conn, flow: u.p.flow(net.UDPAddrFromAddrPort(from))}
	c.flow.beside = beside
	u.all[from] = c
	go func() {
		defer u.p.e.n.work.Done()
		u.answers(from, c)
	}()
	return c
}

// dial makes one client's way. A client beyond this machine goes through the
// stack, whatever the path: only so does the container see its address and can
// still speak to others from the same port by itself. beside tells whether the
// way does not pass the container's interface.
func (u *udpClients) dial(client netip.AddrPort) (conn net.Conn, beside bool, err error) {
	for _, d := range u.p.destinations(client.Addr()) {
		if u.p.e.n.config.Path == PathDirect && d.from != client.Addr() {
			if conn, err = u.dialDirect(d); err == nil {
				return conn, true, nil
			}
			u.p.e.n.log.Debug("the short way into a container", "port", u.p.Host(), "err", err)
		}
		if conn, err = u.dialStack(d, client); err == nil {
			return conn, false, nil
		}
	}
	return nil, false, err
}

func (u *udpClients) dialStack(d destination, client netip.AddrPort) (net.Conn, error) {
	to := full(d.to)
	from := tcpip.FullAddress{NIC: nicID, Addr: addressOf(d.from)}
	if d.from == client.Addr() {
		from.Port = client.Port()
	}
	return gonet.DialUDP(u.p.e.n.stack, &from, &to, protocolOf(d.to.Addr()))
}

// dialDirect makes a socket in the container's namespace, with the gateway's
// address.
func (u *udpClients) dialDirect(d destination) (net.Conn, error) {
	fd, err := u.p.e.packetSocket(d)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "udp")
	defer func() { _ = f.Close() }()
	return net.FileConn(f)
}

func (u *udpClients) answers(to netip.AddrPort, c *udpClient) {
	defer u.p.e.ended(c.flow)
	defer u.p.e.live.add(c.flow, c)()
	defer func() {
		u.mu.Lock()
		delete(u.all, to)
		u.mu.Unlock()
		c.Abort()
	}()
	for {
		n, err := c.answer(func(b []byte) { _, _ = u.socket.WriteToUDPAddrPort(b, to) })
		c.flow.sent.Add(int64(n))
		if err != nil && !errors.Is(err, unix.ECONNREFUSED) { // nothing listens in the container yet
			return
		}
	}
}

// answer waits for one and passes it on. While there is none, nothing is held
// for what comes from the kernel.
func (c *udpClient) answer(pass func([]byte)) (n int, err error) {
	var buf []byte
	if direct, ok := c.Conn.(syscall.Conn); ok {
		buf, n, err = readPooled(direct)
		defer putBuffer(buf)
	} else {
		if c.buf == nil {
			c.buf = make([]byte, maxPacket)
		}
		buf = c.buf
		n, err = c.Read(buf)
	}
	if err == nil {
		pass(buf[:n])
	}
	return n, err
}
