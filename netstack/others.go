package netstack

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// others are the ranges of other networks, which come and go: a container
// reaches those that it was joined to over their bridges, and none over the
// host, where such an address may be somebody else's besides.
type others struct {
	read  func() []netip.Prefix // nil: there are none
	mu    sync.Mutex            // of who reads
	until time.Time             // what is known is new enough; mu
	known atomic.Pointer[[]netip.Prefix]
}

// othersEvery bounds how often they are read.
const othersEvery = time.Second

// have tells whether one of them has the address. Whoever comes while another
// reads takes what was known.
func (o *others) have(ip netip.Addr) bool {
	if o == nil || o.read == nil {
		return false
	}
	if o.mu.TryLock() {
		if time.Now().After(o.until) {
			now := o.read()
			o.known.Store(&now)
			o.until = time.Now().Add(othersEvery)
		}
		o.mu.Unlock()
	}
	known := o.known.Load()
	return known != nil && slices.ContainsFunc(*known, func(p netip.Prefix) bool { return p.Contains(ip) })
}
