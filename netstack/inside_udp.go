package netstack

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A datagram's answer bears no mark, for nobody has accepted anything. What
// leads it back to the socket that stands for the gateway is a rule for what
// goes from the published port to the gateway's address, where nothing but DNS
// is otherwise: that port is left out.

const (
	answerTable = insideTable + 1
	answerPref  = insidePref + 1
	// firstAnswerPort is the least that such a socket is given, far from those
	// of the gateway's services.
	firstAnswerPort = 1024
	lastAnswerPort  = 1<<16 - 2 // a rule's range ends there; such sockets are given none beyond 60999
)

// packetSocket makes a UDP socket in the container's namespace that speaks to d
// as d.from.
func (e *Endpoint) packetSocket(d destination) (int, error) {
	if err := e.leadAnswers(d); err != nil {
		return -1, fmt.Errorf("lead answers back: %w", err)
	}
	family, level, option := unix.AF_INET, unix.SOL_IP, unix.IP_TRANSPARENT
	if d.to.Addr().Is6() {
		family, level, option = unix.AF_INET6, unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	fd := -1
	err := e.n.dialer.in(e.ns.file, func() (err error) {
		fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		return os.NewSyscallError("setsockopt", errors.Join(
			unix.SetsockoptInt(fd, level, option, 1), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, insideMark)))
	})
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, sockaddr(netip.AddrPortFrom(d.from, 0))))
	}
	if err == nil {
		err = os.NewSyscallError("connect", unix.Connect(fd, sockaddr(d.to)))
	}
	if err != nil && fd >= 0 {
		_ = unix.Close(fd)
		fd = -1
	}
	return fd, err
}

// leadAnswers does so for one port, once.
func (e *Endpoint) leadAnswers(d destination) error {
	e.inside.once.Do(e.showClients)
	if !e.inside.shown {
		return errors.New("clients' addresses cannot be shown")
	}
	s := &e.inside
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.led[d] {
		return nil
	}
	// Who answers to the gateway's address is on the other end of lo, which
	// otherwise believes no address of its own.
	err := e.n.maker.in(e.ns.file, func() error { return setSysctls([]sysctl{{"net/ipv4/conf/lo/accept_local", "1"}}) })
	if err == nil {
		err = errors.Join(ifNew(e.ns.handle.RouteReplace(answerRoute(d))), ifNew(e.ns.handle.RuleAdd(answerRule(d))))
	}
	if err != nil {
		return err
	}
	if s.led == nil {
		s.led = map[destination]bool{}
	}
	s.led[d] = true
	return nil
}

// ifNew takes what an earlier process left for done.
func ifNew(err error) error {
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

func familyOf(ip netip.Addr) int {
	if ip.Is6() {
		return netlink.FAMILY_V6
	}
	return netlink.FAMILY_V4
}

func only(ip netip.Addr) *net.IPNet {
	return &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(ip.BitLen(), ip.BitLen())}
}

func answerRule(d destination) *netlink.Rule {
	rule := netlink.NewRule()
	rule.Family, rule.Table, rule.Priority = familyOf(d.from), answerTable, answerPref
	rule.Dst, rule.IPProto = only(d.from), unix.IPPROTO_UDP
	rule.Sport = netlink.NewRulePortRange(d.to.Port(), d.to.Port())
	rule.Dport = netlink.NewRulePortRange(firstAnswerPort, lastAnswerPort)
	return rule
}

// answerRoute delivers here. A server that listens on all addresses answers
// from the one that it was spoken to at.
func answerRoute(d destination) *netlink.Route {
	scope := netlink.SCOPE_HOST
	if d.from.Is6() {
		scope = netlink.SCOPE_UNIVERSE
	}
	return &netlink.Route{
		LinkIndex: loIndex, Dst: only(d.from), Src: d.to.Addr().AsSlice(), Table: answerTable, Type: unix.RTN_LOCAL, Scope: scope,
		Family: familyOf(d.from),
	}
}
