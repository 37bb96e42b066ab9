package netstack

import (
	"net/netip"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// heard is what names an endpoint was told for which addresses, so that its
// connections can be shown with names. It remembers the last of them.
type heard struct {
	mu    sync.Mutex
	names map[netip.Addr]string
	order []netip.Addr // oldest first
}

// maxHeard bounds the memory for one endpoint.
const maxHeard = 512

// note remembers the addresses in an answer, under the name that was asked for.
func (h *heard) note(q, answer *dns.Msg) {
	if len(q.Question) != 1 {
		return
	}
	name := strings.TrimSuffix(strings.ToLower(q.Question[0].Name), ".")
	for _, rr := range answer.Answer {
		var ip netip.Addr
		switch a := rr.(type) {
		case *dns.A:
			ip, _ = netip.AddrFromSlice(a.A.To4()) // foreign: it may be none
		case *dns.AAAA:
			ip, _ = netip.AddrFromSlice(a.AAAA)
		}
		if ip.IsValid() {
			h.add(ip, name)
		}
	}
}

func (h *heard) add(ip netip.Addr, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.names == nil {
		h.names = map[netip.Addr]string{}
	}
	if _, known := h.names[ip]; !known {
		if len(h.order) >= maxHeard {
			delete(h.names, h.order[0])
			h.order = h.order[1:]
		}
		h.order = append(h.order, ip)
	}
	h.names[ip] = name
}

// name is the name by which an address was asked for last; "": none.
func (h *heard) name(ip netip.Addr) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.names[ip]
}
