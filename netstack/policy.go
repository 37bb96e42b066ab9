package netstack

import "net/netip"

// policy says which destinations a container may reach through the gateway.
// It is asked for every new flow; what it refuses is answered at once (RST,
// or ICMP unreachable), so that a client does not wait.
type policy struct{ refused []netip.Prefix }

// refusedAlways are never reachable: the host's loopback (0.0.0.0/8 means it,
// too), addresses that only one link knows, the metadata services of the
// clouds (169.254.169.254 is link-local; Alibaba; Azure; Oracle), and what is
// no unicast.
var refusedAlways = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("100.100.100.200/32"),
	netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("192.0.0.192/32"),
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("240.0.0.0/4"),
}

// newPolicy refuses the subnet itself as well: its members reach each other
// over the bridge, and the gateway's own services are endpoints of the stack.
func newPolicy(subnet netip.Prefix) policy {
	return policy{refused: append([]netip.Prefix{subnet}, refusedAlways...)}
}

func (p policy) allows(dst netip.Addr) bool {
	for _, r := range p.refused {
		if r.Contains(dst) {
			return false
		}
	}
	return dst.Is4()
}
