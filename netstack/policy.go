package netstack

import (
	"net/netip"
	"slices"
)

// policy says which destinations a container may reach through the gateway.
// It is asked for every new flow; what it refuses is answered at once (RST,
// or ICMP unreachable), so that a client does not wait.
type policy struct {
	refused []netip.Prefix
	host    netip.Addr // stands for the host's loopback, for who may reach it
	sealed  bool       // nothing else is reached
	others  *others
}

// refusedAlways are never reachable: the host's loopback (0.0.0.0/8 means it,
// too), addresses that only one link knows, the metadata services of the
// clouds (169.254.169.254 is link-local; Alibaba; Azure; Oracle; EC2's,
// Google's and Oracle's over IPv6), and what is no unicast. Of IPv6 also the
// ranges whose addresses stand for IPv4 ones.
var refusedAlways = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("100.100.100.200/32"),
	netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("192.0.0.192/32"),
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("240.0.0.0/4"),

	netip.MustParsePrefix("::/32"), // ::, ::1, and IPv4-compatible
	netip.MustParsePrefix("::ffff:0:0/96"),
	netip.MustParsePrefix("::ffff:0:0:0/96"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("fd00:ec2::/32"),
	netip.MustParsePrefix("fd20:ce::254/128"),
	netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"),
}

// newPolicy refuses the subnets themselves as well: their members reach each
// other over the bridge, and the gateway's own services are endpoints of the
// stack.
func newPolicy(c Config, host netip.Addr) policy {
	p := policy{refused: slices.Clone(refusedAlways), host: host, sealed: c.Internal, others: &others{read: c.Others}}
	for _, s := range []netip.Prefix{c.Subnet, c.Subnet6} {
		if s.IsValid() {
			p.refused = append(p.refused, s)
		}
	}
	return p
}

func (p policy) allows(dst netip.Addr) bool {
	return !p.sealed && dst.IsValid() && !slices.ContainsFunc(p.refused, func(r netip.Prefix) bool { return r.Contains(dst) }) && !p.others.have(dst)
}

// way gives the address that the host is to connect to for a destination of
// e's; false: it may not be reached.
func (p policy) way(e *Endpoint, dst netip.Addr) (netip.Addr, bool) {
	if dst == p.host && e != nil && e.config.HostAccess {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	return dst, p.allows(dst)
}
