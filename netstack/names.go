package netstack

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/containers/gvisor-tap-vsock/pkg/types"
)

// names says which names of a network stand for which addresses: those of its
// endpoints, which come and go, as "name" and "name.network", and the zones
// that were given when it was made. A name that several endpoints have has
// several addresses.
type names struct {
	suffix string // ".network."
	zones  []types.Zone

	mu      sync.RWMutex
	forward map[string][]holder // lower case, with the final dot
	reverse map[netip.Addr][]string
}

// holder has a name.
type holder struct{ ip, ip6 netip.Addr }

func (h holder) addresses() []netip.Addr {
	if !h.ip6.IsValid() {
		return []netip.Addr{h.ip}
	}
	return []netip.Addr{h.ip, h.ip6}
}

func newNames(network string, zones []types.Zone) *names {
	return &names{
		suffix: "." + strings.ToLower(network) + ".", zones: zones,
		forward: map[string][]holder{}, reverse: map[netip.Addr][]string{},
	}
}

func (t *names) add(e *Endpoint, all []string) {
	h := holder{e.IP, e.IP6}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range all {
		name = strings.ToLower(strings.Trim(name, "."))
		if name == "" || slices.Contains(t.forward[name+"."], h) {
			continue
		}
		t.forward[name+"."] = append(t.forward[name+"."], h)
		for _, ip := range h.addresses() {
			t.reverse[ip] = append(t.reverse[ip], name+".")
		}
	}
}

func (t *names) remove(e *Endpoint) {
	h := holder{e.IP, e.IP6}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range t.reverse[e.IP] {
		left := slices.DeleteFunc(slices.Clone(t.forward[name]), func(o holder) bool { return o == h })
		if len(left) == 0 {
			delete(t.forward, name)
			continue
		}
		t.forward[name] = left
	}
	for _, ip := range h.addresses() {
		delete(t.reverse, ip)
	}
}

// lookup gives the addresses of a name with its final dot; known tells
// whether the name is the network's, even where it has no address.
func (t *names) lookup(name string) (ips []netip.Addr, known bool) {
	name = strings.ToLower(name)
	if ips, known := t.inZones(name); known {
		return ips, true
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if ips := t.holders(name); ips != nil {
		return ips, true
	}
	if short, ok := strings.CutSuffix(name, t.suffix); ok {
		return t.holders(short + "."), true
	}
	return nil, false
}

// holders are the addresses of those that have a name; mu is held.
func (t *names) holders(name string) (ips []netip.Addr) {
	for _, h := range t.forward[name] {
		ips = append(ips, h.addresses()...)
	}
	return ips
}

func (t *names) inZones(name string) ([]netip.Addr, bool) {
	for _, z := range t.zones {
		host, ok := strings.CutSuffix(name, "."+strings.ToLower(strings.Trim(z.Name, "."))+".")
		if !ok {
			continue
		}
		for _, r := range z.Records {
			matches := r.Name != "" && strings.EqualFold(r.Name, host) || r.Regexp != nil && r.Regexp.MatchString(host)
			if ip, ok := netip.AddrFromSlice(r.IP.To4()); matches && ok {
				return []netip.Addr{ip}, true
			}
		}
		if ip, ok := netip.AddrFromSlice(z.DefaultIP.To4()); ok {
			return []netip.Addr{ip}, true
		}
		return nil, true
	}
	return nil, false
}

// of gives the names of an address, the first first.
func (t *names) of(ip netip.Addr) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Clone(t.reverse[ip])
}
