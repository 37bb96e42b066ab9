package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"

	"davit/backend/api"
	"davit/backend/routes"
	"davit/backend/store"
	"davit/netstack/netd"
)

// number gives a network its subnets and gateways: those asked for, where
// nothing else has them, or such as nothing uses.
func (e *Engine) number(ctx context.Context, n *store.Network, spec api.NetworkSpec, others []store.Network) error {
	used := e.usedSubnets(ctx, others)
	p, err := subnetFor(spec.Subnet, used, func(i int) (netip.Prefix, bool) {
		// A /24 each of 10.89.0.0 to 10.255.255.0: the default network and
		// podman's and docker's own are elsewhere.
		first, second := 89+i/256, i%256
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(first), byte(second), 0}), 24), first < 256
	})
	if err != nil {
		return err
	}
	gateway, err := gatewayOf(spec.Gateway, p)
	if err != nil {
		return err
	}
	n.Subnet, n.Gateway = p.String(), gateway.String()
	if spec.IPv6Off {
		return nil
	}
	p6, err := subnetFor(spec.Subnet6, used, func(int) (netip.Prefix, bool) { return randomULA(), true })
	if err != nil {
		return err
	}
	n.Subnet6, n.Gateway6 = p6.String(), p6.Addr().Next().String()
	return nil
}

// taken is a range that something else uses, and what.
type taken struct {
	dst    netip.Prefix
	device string // "network web", or the device of a route
}

func (e *Engine) usedSubnets(ctx context.Context, others []store.Network) []taken {
	var used []taken
	for _, six := range []bool{false, true} {
		all, err := routes.Host(six)
		if err != nil {
			e.log.Warn("the routes of this computer cannot be read", "err", err)
		}
		for _, r := range all {
			used = append(used, taken{r.Dst, r.Device})
		}
	}
	for _, o := range others {
		subnets := []string{o.Subnet, o.Subnet6}
		if o.Name == api.NetworkDefault {
			if info, err := netd.NewClient(e.dirs.NetdSocket(o.Name)).Info(ctx); err == nil {
				subnets = []string{info.Subnet, info.Subnet6}
			}
		}
		for _, s := range subnets {
			if p, err := netip.ParsePrefix(s); err == nil {
				used = append(used, taken{p, "network " + o.Name})
			}
		}
	}
	return used
}

// subnetFor checks the range asked for, or finds a free one.
func subnetFor(asked string, used []taken, candidate func(i int) (netip.Prefix, bool)) (netip.Prefix, error) {
	if asked == "" {
		for i := 0; ; i++ {
			p, ok := candidate(i)
			if !ok {
				return p, api.Errorf(api.KindConflict, "every range that Davit would take is used already").
					WithHint("Name one: davit network create --subnet 10.200.0.0/24 …")
			}
			if clash(p, used) == "" {
				return p, nil
			}
		}
	}
	p, err := netip.ParsePrefix(asked)
	if err != nil {
		return p, invalid(asked, "%q is not a range of addresses", asked).WithHint("Write it so: 10.4.0.0/24")
	}
	if p.Masked() != p {
		return p, invalid(asked, "%s is not the beginning of its range", asked).WithHint("You may mean %s.", p.Masked())
	}
	if err := usable(p); err != nil {
		return p, err
	}
	if by := clash(p, used); by != "" {
		return p, api.Errorf(api.KindConflict, "%s overlaps %s", p, by).WithRef(asked).WithHint("Choose another range.")
	}
	return p, nil
}

func usable(p netip.Prefix) error {
	switch {
	case p.Addr().Is4() && (p.Bits() < 8 || p.Bits() > 29):
		return invalid(p.String(), "a subnet of /%d cannot be used", p.Bits()).WithHint("Use one from /8 to /29.")
	case p.Addr().Is6() && (p.Bits() < 48 || p.Bits() > 120):
		return invalid(p.String(), "an IPv6 subnet of /%d cannot be used", p.Bits()).WithHint("Use one from /48 to /120; /64 is usual.")
	case p.Addr().IsLoopback(), p.Addr().IsMulticast(), p.Addr().IsLinkLocalUnicast(), p.Addr().IsUnspecified(), p.Addr().Is4In6():
		return invalid(p.String(), "addresses of %s cannot be given to containers", p).WithHint("Use a private range, such as 10.4.0.0/24.")
	}
	return nil
}

func clash(p netip.Prefix, used []taken) string {
	for _, u := range used {
		if u.dst.Overlaps(p) {
			if strings.HasPrefix(u.device, "network ") {
				return fmt.Sprintf("%s of %s", u.dst, u.device)
			}
			return fmt.Sprintf("%s, which this computer reaches over %s", u.dst, u.device)
		}
	}
	return ""
}

func gatewayOf(asked string, p netip.Prefix) (netip.Addr, error) {
	if asked == "" {
		return p.Addr().Next(), nil
	}
	g, err := netip.ParseAddr(asked)
	if err != nil || !p.Contains(g) || g == p.Addr() {
		return g, invalid(asked, "the gateway %s is no address of %s", asked, p)
	}
	return g, nil
}

// randomULA is a range of unique local addresses (RFC 4193).
func randomULA() netip.Prefix {
	b := [16]byte{0xfd}
	_, _ = rand.Read(b[1:8]) // never fails, says crypto/rand
	return netip.PrefixFrom(netip.AddrFrom16(b), 64)
}
