package netstack

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// flow is one connection of an endpoint with what lies beyond its networks.
type flow struct {
	protocol string
	inbound  bool
	beside   bool   // its bytes do not pass the endpoint's interface
	port     uint16 // the endpoint's own
	remote   netip.AddrPort
	host     string
	since    time.Time

	sent, received atomic.Int64 // bytes, as the endpoint sees it
}

// descriptors is how many it takes: the stack's ends take none.
func (f *flow) descriptors() int64 {
	if f.beside && f.protocol == "tcp" {
		return 2
	}
	return 1
}

// Flow is a flow at one time.
type Flow struct {
	Protocol       string // "tcp", "udp"
	Inbound        bool   // it came in by a published port
	Port           uint16 // the endpoint's own
	Remote         netip.AddrPort
	Host           string // the name that the endpoint had asked for; "": none is known
	Since          time.Time
	Sent, Received int64 // bytes, as the endpoint sees it
}

// Flows lists what the endpoint is connected with, the newest first.
func (e *Endpoint) Flows() []Flow {
	var all []Flow
	for _, f := range e.live.list() {
		all = append(all, Flow{
			Protocol: f.protocol, Inbound: f.inbound, Port: f.port, Remote: f.remote, Host: f.host, Since: f.since,
			Sent: f.sent.Load(), Received: f.received.Load(),
		})
	}
	slices.SortFunc(all, func(a, b Flow) int { return b.Since.Compare(a.Since) })
	return all
}

// Traffic is what went through the endpoint's published ports without passing
// its interface: bytes in and out, as it sees them.
func (e *Endpoint) Traffic() (in, out int64) {
	in, out = e.passedIn.Load(), e.passedOut.Load()
	for _, f := range e.live.list() {
		if f.beside {
			in, out = in+f.received.Load(), out+f.sent.Load()
		}
	}
	return in, out
}

// ended adds what a flow moved to the endpoint's sums.
func (e *Endpoint) ended(f *flow) {
	if f.beside {
		e.passedIn.Add(f.received.Load())
		e.passedOut.Add(f.sent.Load())
	}
}
