package netstack

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The direct path makes sockets inside a container's namespace, and gives them
// the client's address, so that the container sees who it serves. The kernel
// lets a socket have a foreign address (IP_TRANSPARENT); what the container
// sends back to it has to come back to that socket instead of leaving by the
// default route. That is told by a mark: the socket's packets bear it, the
// connection that the container accepts inherits it (tcp_fwmark_accept), and a
// rule has what bears it delivered here. No port and no address of the
// container's own is touched by that.
//
// A client on this machine's loopback cannot be shown as that, for loopback
// addresses do not leave a machine: the container sees the gateway.

const (
	insideMark  = 0xda71
	insideTable = 0xda71
	insidePref  = 10 // before the rules for all other routes
	loIndex     = 1  // of lo, in every namespace
)

// destination is where in the container a client is joined to, and whom the
// container sees.
type destination struct {
	to   netip.AddrPort
	from netip.Addr // invalid: nobody but itself can be shown
}

// destinations are the ways to a port for one client: by the client's own
// protocol first, for a program may listen on one alone.
func (p *port) destinations(client netip.Addr) []destination {
	e, n := p.e, p.e.n
	local := client.IsLoopback() || !client.IsValid() || client.IsLinkLocalUnicast()
	four := destination{netip.AddrPortFrom(e.IP, p.ContainerPort), n.gateway}
	if client.Is4() && !local {
		four.from = client
	}
	if !e.IP6.IsValid() {
		return []destination{four}
	}
	six := destination{netip.AddrPortFrom(e.IP6, p.ContainerPort), n.gateway6}
	if client.Is6() && !local {
		six.from = client
		return []destination{six, four}
	}
	return []destination{four, six}
}

// insideSockets are made in advance: to enter a namespace and come back takes
// longer than all else of a connection.
type insideSockets struct {
	mu    sync.Mutex
	free  map[int][]int // by address family
	batch int
	once  sync.Once
	shown bool // clients' addresses can be
	over  bool
	led   map[destination]bool // whose answers to datagrams are led back
}

// maxBatch is how many sockets are made at once where connections come fast.
const maxBatch = 64

// connect begins a connection to d, from the port that the client has where
// that is free. EINPROGRESS: it is under way. With eager the caller writes at
// once, and its first bytes acknowledge the server's answer: the server wakes
// once for both.
func (e *Endpoint) connect(d destination, port uint16, eager bool) (int, error) {
	e.inside.once.Do(e.showClients)
	if !e.inside.shown {
		d.from = netip.Addr{}
	}
	for _, from := range []uint16{port, 0} {
		fd, err := e.takeSocket(d.to.Addr())
		if err != nil {
			return -1, err
		}
		if d.from.IsValid() {
			if from == 0 {
				_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) // else fewer are free
			}
			if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(d.from, from))); err != nil {
				_ = unix.Close(fd)
				continue // somebody has it
			}
		}
		if eager {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 0) // else it wakes twice
		}
		err = unix.Connect(fd, sockaddr(d.to))
		switch {
		case err == nil, errors.Is(err, unix.EINPROGRESS):
			return fd, err
		case errors.Is(err, unix.EADDRNOTAVAIL) && from != 0:
			_ = unix.Close(fd)
		default:
			_ = unix.Close(fd)
			return -1, os.NewSyscallError("connect", err)
		}
	}
	return -1, unix.EADDRNOTAVAIL
}

// takeSocket gives a TCP socket of the container's namespace.
func (e *Endpoint) takeSocket(to netip.Addr) (int, error) {
	family := unix.AF_INET
	if to.Is6() {
		family = unix.AF_INET6
	}
	s := &e.inside
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return -1, net.ErrClosed
	}
	if len(s.free[family]) == 0 {
		s.batch = min(max(1, 2*s.batch), maxBatch)
		made, err := e.makeSockets(family, s.batch)
		if err != nil {
			return -1, err
		}
		if s.free == nil {
			s.free = map[int][]int{}
		}
		s.free[family] = made
	}
	free := s.free[family]
	fd := free[len(free)-1]
	s.free[family] = free[:len(free)-1]
	return fd, nil
}

func (e *Endpoint) makeSockets(family, count int) (made []int, err error) {
	err = e.n.dialer.in(e.ns.file, func() error {
		for range count {
			fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
			if err != nil {
				if len(made) > 0 {
					return nil
				}
				return os.NewSyscallError("socket", err)
			}
			made = append(made, fd)
			if err := e.dress(fd, family); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		closeAll(made)
		return nil, err
	}
	return made, nil
}

// dress lets a socket have the client's address.
func (e *Endpoint) dress(fd, family int) error {
	if !e.inside.shown {
		return nil
	}
	level, option := unix.SOL_IP, unix.IP_TRANSPARENT
	if family == unix.AF_INET6 {
		level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	return os.NewSyscallError("setsockopt", errors.Join(
		unix.SetsockoptInt(fd, level, option, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, insideMark),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)))
}

func (s *insideSockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, free := range s.free {
		closeAll(free)
	}
	s.free = nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// showClients makes the namespace deliver what goes back to clients' addresses
// here. Where it cannot, containers see themselves as the client.
func (e *Endpoint) showClients() {
	err := e.n.maker.in(e.ns.file, func() error {
		return setSysctls([]sysctl{
			{"net/ipv4/tcp_fwmark_accept", "1"},
			// Refusals, which no socket sends, bear the mark, too.
			{"net/ipv4/fwmark_reflect", "1"}, {"net/ipv6/fwmark_reflect", "1"},
		})
	})
	families := []int{netlink.FAMILY_V4}
	if e.IP6.IsValid() {
		families = append(families, netlink.FAMILY_V6)
	}
	for _, family := range families {
		if err == nil {
			err = e.deliverMarked(family)
		}
	}
	e.inside.shown = err == nil
	if err != nil {
		e.n.log.Warn("clients' addresses cannot be shown to the container", "id", e.ID, "err", err)
	}
}

func (e *Endpoint) deliverMarked(family int) error {
	rule := netlink.NewRule()
	rule.Family, rule.Mark, rule.Table, rule.Priority = family, insideMark, insideTable, insidePref
	if err := e.ns.handle.RuleAdd(rule); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("rule for marked packets: %w", err)
	}
	all := &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}
	if family == netlink.FAMILY_V6 {
		all = &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	}
	route := &netlink.Route{LinkIndex: loIndex, Dst: all, Table: insideTable, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST, Family: family}
	if family == netlink.FAMILY_V6 {
		route.Scope = netlink.SCOPE_UNIVERSE
	}
	if err := e.ns.handle.RouteAdd(route); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("route for marked packets: %w", err)
	}
	return nil
}
