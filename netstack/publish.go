package netstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Port is a published port: who connects to HostIP:HostPort on the host
// reaches ContainerPort of the endpoint's address.
type Port struct {
	HostIP        netip.Addr // invalid: 127.0.0.1
	HostPort      uint16     // 0: a free one
	ContainerPort uint16
	Protocol      string // "tcp" (also "") or "udp"
	// First and Last are the range that the host's port is to be of, where it is
	// not free, or 0; both 0: there is none.
	First, Last uint16
	// Kept is the listening socket of an earlier process; nil: a new one is
	// made. It is the network's from then on.
	Kept *os.File
}

func (p Port) withDefaults() Port {
	if !p.HostIP.IsValid() {
		p.HostIP = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if p.Protocol == "" {
		p.Protocol = "tcp"
	}
	return p
}

// Host is where the port listens.
func (p Port) Host() netip.AddrPort { return netip.AddrPortFrom(p.HostIP, p.HostPort) }

// PortError says which port could not be opened; errors.Is finds the
// kernel's reason, for example unix.EADDRINUSE.
type PortError struct {
	Port Port
	Err  error
}

func (e *PortError) Error() string { return fmt.Sprintf("port %s: %v", e.Port.Host(), e.Err) }

// Unwrap gives the cause.
func (e *PortError) Unwrap() error { return e.Err }

// Publish opens ports of the host for an endpoint, all of them or none, and
// gives them with the host's ports that were chosen.
func (n *Network) Publish(_ context.Context, id string, ports []Port) ([]Port, error) {
	if !n.begin() {
		return nil, net.ErrClosed
	}
	defer n.work.Done()
	e, err := n.Endpoint(id)
	if err != nil {
		return nil, err
	}
	var opened []*port
	for _, p := range ports {
		o, err := e.listen(p.withDefaults())
		if err != nil {
			closePorts(opened)
			return nil, err
		}
		opened = append(opened, o)
	}
	e.mu.Lock()
	if e.over || !n.beginAll(len(opened)) {
		e.mu.Unlock()
		closePorts(opened)
		return nil, fmt.Errorf("%s %w", id, ErrNotAttached)
	}
	e.ports = append(e.ports, opened...)
	e.mu.Unlock()
	var chosen []Port
	for _, o := range opened {
		chosen = append(chosen, o.Port)
		go func() {
			defer n.work.Done()
			o.serve()
		}()
	}
	return chosen, nil
}

func closePorts(ports []*port) {
	for _, p := range ports {
		p.close()
	}
}

// flow is one that comes in by the port.
func (p *port) flow(from net.Addr) *flow {
	remote, err := netip.ParseAddrPort(from.String())
	if err != nil {
		remote = netip.AddrPort{} // it has gone already
	}
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	return &flow{protocol: p.Protocol, inbound: true, port: p.ContainerPort, remote: remote, since: time.Now()}
}

// Unpublish closes a port, and ends what is under way over it; false: it is not
// published.
func (e *Endpoint) Unpublish(want Port) bool {
	want = want.withDefaults()
	e.mu.Lock()
	i := slices.IndexFunc(e.ports, func(p *port) bool { return p.Host() == want.Host() && p.Protocol == want.Protocol })
	var gone *port
	if i >= 0 {
		gone = e.ports[i]
		e.ports = slices.Delete(e.ports, i, i+1)
	}
	e.mu.Unlock()
	if gone == nil {
		return false
	}
	gone.close()
	for _, s := range e.live.of(func(f *flow) bool {
		return f.inbound && f.port == gone.ContainerPort && f.protocol == gone.Protocol
	}) {
		s.Abort()
	}
	return true
}

// Ports are those that are open for the endpoint.
func (e *Endpoint) Ports() []Port {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Port
	for _, p := range e.ports {
		all = append(all, p.Port)
	}
	return all
}

// PortFile gives a copy of a port's listening socket, to be kept for
// [Port].Kept; the caller closes it.
func (e *Endpoint) PortFile(want Port) (*os.File, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.ports {
		if p.Host() == want.Host() && p.Protocol == want.Protocol {
			return p.socket.File()
		}
	}
	return nil, &PortError{Port: want, Err: errors.New("is not published")}
}

// port is one that is open.
type port struct {
	Port
	e      *Endpoint
	socket interface {
		File() (*os.File, error)
		Close() error
	}
	serve func() // until the socket is closed
}

func (p *port) close() { _ = p.socket.Close() }

// listen opens a port; of a range, the one that is wanted, or the first that
// can be had.
func (e *Endpoint) listen(p Port) (*port, error) {
	if p.Last == 0 || p.Kept != nil {
		return e.listenAt(p)
	}
	var first error
	for _, number := range p.candidates() {
		p.HostPort = number
		o, err := e.listenAt(p)
		switch {
		case err == nil:
			return o, nil
		case !errors.Is(err, unix.EADDRINUSE) && !errors.Is(err, os.ErrPermission):
			return nil, err
		case first == nil || errors.Is(err, unix.EADDRINUSE) && !errors.Is(first, unix.EADDRINUSE):
			first = err // that others have them all says more than that some are not allowed
		}
	}
	return nil, first
}

// candidates are the ports of the range, in the order in which they are tried.
func (p Port) candidates() []uint16 {
	var all []uint16
	if p.HostPort != 0 {
		all = append(all, p.HostPort)
	}
	for n := int(p.First); n <= int(p.Last); n++ {
		if n != int(p.HostPort) {
			all = append(all, uint16(n))
		}
	}
	return all
}

func (e *Endpoint) listenAt(p Port) (*port, error) {
	if p.ContainerPort == 0 {
		return nil, &PortError{Port: p, Err: errors.New("a container has no port 0")}
	}
	o := &port{Port: p, e: e}
	var addr net.Addr
	var err error
	switch p.Protocol {
	case "tcp":
		addr, err = o.listenTCP()
	case "udp":
		addr, err = o.listenUDP()
	default:
		err = fmt.Errorf("protocol %s is none that can be published", p.Protocol)
	}
	o.Kept = nil
	if err != nil {
		return nil, &PortError{Port: p, Err: err}
	}
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		o.close()
		return nil, err
	}
	o.HostPort = ap.Port()
	return o, nil
}

func (p *port) listenTCP() (net.Addr, error) {
	var l net.Listener
	var err error
	if p.Kept != nil {
		l, err = net.FileListener(p.Kept)
		_ = p.Kept.Close()
	} else {
		lc := net.ListenConfig{KeepAlive: keepAlive}
		lc.SetMultipathTCP(false) // which Go has by default, and which costs each connection time
		l, err = lc.Listen(context.Background(), networkOf("tcp", p.HostIP), p.Host().String())
	}
	if err != nil {
		return nil, err
	}
	t, ok := l.(*net.TCPListener)
	if !ok {
		_ = l.Close()
		return nil, errors.New("no TCP listener")
	}
	if p.HostIP.IsLoopback() {
		unpaceConn(t)
	}
	if p.e.n.config.Path == PathStack {
		p.socket, p.serve = t, func() { p.acceptAll(t) }
		return t.Addr(), nil
	}
	at := t.Addr()
	d, err := listenDirect(p, t)
	if err != nil {
		return nil, err
	}
	p.socket, p.serve = d, func() {}
	return at, nil
}

// networkOf makes 0.0.0.0 mean IPv4 only, as people expect it to.
func networkOf(protocol string, ip netip.Addr) string {
	if ip.Is4() {
		return protocol + "4"
	}
	return protocol + "6"
}

func (p *port) acceptAll(l *net.TCPListener) {
	for {
		c, err := l.AcceptTCP()
		switch {
		case err == nil:
			if !p.e.n.begin() {
				_ = c.Close()
				return
			}
			go func() {
				defer p.e.n.work.Done()
				p.carry(c)
			}()
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOMEM), errors.Is(err, unix.ENOBUFS):
			// Of these the kernel gives back some when connections end.
			p.e.n.log.Warn("accept", "port", p.Host(), "err", err)
			select {
			case <-time.After(20 * time.Millisecond):
			case <-p.e.n.ctx.Done():
				return
			}
		case errors.Is(err, unix.ECONNABORTED):
		default:
			return
		}
	}
}

// inboundTimeout is for the connection to a container, which is on this machine.
const inboundTimeout = 10 * time.Second

// carry joins one client to the container, through the stack.
func (p *port) carry(client *net.TCPConn) {
	outside := &hostConn{client}
	if !p.e.n.mayOpen(p.e) {
		outside.Abort()
		return
	}
	f := p.flow(client.RemoteAddr())
	inside, err := p.dialStack(f.remote.Addr())
	if err != nil {
		outside.Abort()
		return
	}
	relay(p.e, f, pair{
		a: outside, b: inside,
		ab: func() error { return inside.readFrom(client, &f.received) },
		ba: func() error { return inside.writeTo(client, &f.sent) },
	})
}

// dialStack tries the ways to the container over the stack.
func (p *port) dialStack(client netip.Addr) (c *stackConn, err error) {
	for _, d := range p.destinations(client) {
		if c, err = p.e.n.dialStack(d); err == nil {
			return c, nil
		}
	}
	return nil, err
}
