package netstack

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// Subnets are the ranges that a network without one of its own is given: the
// first that no route of the host overlaps.
func Subnets() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("10.88.0.0/24"),
		netip.MustParsePrefix("10.189.88.0/24"),
		netip.MustParsePrefix("172.31.88.0/24"),
		netip.MustParsePrefix("192.168.188.0/24"),
		netip.MustParsePrefix("10.231.188.0/24"),
		netip.MustParsePrefix("172.22.188.0/24"),
		netip.MustParsePrefix("198.18.88.0/24"), // for benchmarks of routers: hardly ever routed
	}
}

// DefaultSubnet6 is a range of unique local addresses (RFC 4193) for a network
// that was not made with one of its own. It never leaves this machine.
func DefaultSubnet6() netip.Prefix { return netip.MustParsePrefix("fd88:da71:7::/64") }

func (n *Network) chooseSubnet() error {
	if s := n.config.Subnet; s.IsValid() {
		if !s.Addr().Is4() || s.Bits() > 29 || s.Bits() < 8 {
			return fmt.Errorf("subnet %s: want an IPv4 range from /8 to /29", s)
		}
		n.config.Subnet = s.Masked()
		return nil
	}
	used, err := hostRoutes()
	if err != nil {
		return err
	}
	used = append(used, n.config.Avoid...)
	for _, s := range Subnets() {
		if !overlapsAny(s, used) {
			n.config.Subnet = s
			return nil
		}
	}
	return &HostError{
		What: "every subnet that Davit would take is used by a route of this machine",
		Mend: "choose a subnet for the network by hand",
		Err:  fmt.Errorf("%d routes looked at", len(used)),
	}
}

// hostRoutes gives the destinations that the host routes, without the default route.
func hostRoutes() ([]netip.Prefix, error) {
	routes, err := consistent(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	var used []netip.Prefix
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		ip, ok := netip.AddrFromSlice(r.Dst.IP.To4())
		bits, _ := r.Dst.Mask.Size()
		if ok && bits > 0 {
			used = append(used, netip.PrefixFrom(ip, bits))
		}
	}
	return used, nil
}

func overlapsAny(p netip.Prefix, used []netip.Prefix) bool {
	for _, u := range used {
		if u.Overlaps(p) {
			return true
		}
	}
	return false
}

// addresses hands out a subnet's addresses, each as late again as can be.
type addresses struct {
	subnet netip.Prefix
	last   netip.Addr
	used   map[netip.Addr]bool
}

func newAddresses(subnet netip.Prefix, own ...netip.Addr) *addresses {
	a := &addresses{subnet: subnet, last: own[0], used: map[netip.Addr]bool{subnet.Addr(): true, broadcast(subnet): true}}
	for _, ip := range own {
		a.used[ip] = true
	}
	return a
}

func (a *addresses) take() (netip.Addr, error) {
	ip := a.last
	for range 1 << (32 - a.subnet.Bits()) {
		if ip = ip.Next(); !a.subnet.Contains(ip) {
			ip = a.subnet.Addr()
		}
		if !a.used[ip] {
			a.used[ip], a.last = true, ip
			return ip, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no address is left in %s", a.subnet)
}

func (a *addresses) reserve(ip netip.Addr) error {
	if !a.subnet.Contains(ip) || a.used[ip] {
		return fmt.Errorf("address %s %w, or not in %s", ip, ErrTaken, a.subnet)
	}
	a.used[ip] = true
	return nil
}

func (a *addresses) release(ip netip.Addr) { delete(a.used, ip) }

func broadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}
