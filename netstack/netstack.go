// Package netstack is a virtual network as a Go value: [New], Attach,
// Publish, Close.
//
// A network is a kernel bridge in a network namespace of its own, to which
// every endpoint (a container's network namespace) is joined by a veth pair,
// so that containers talk to each other at the kernel's speed. One tap leads
// from that bridge to a gVisor stack in this process, which owns the gateway's
// address: it answers DNS, and carries TCP, UDP and echo requests to the
// outside by ordinary sockets of the host. Published ports are listeners in
// the host's namespace.
//
//	 container ─ eth0 ═ veth ─┐
//	 container ─ eth0 ═ veth ─┤ davit0 (bridge) ─ tap0 ═ edge ─ gVisor ─ sockets
//	└── a namespace each ────┘└── the network's ───┘└───── the host's namespace ──┘
//
// The package runs in a process that is in the host's network namespace and
// is root of a user namespace: it needs CAP_SYS_ADMIN and CAP_NET_ADMIN there,
// and nothing outside of it but /dev/net/tun, without which packet sockets take
// the taps' place. Frames reach the stack by a queue that all share until it is
// crowded, then by one of each endpoint's own (queue.go); a few of each are taken
// in turns (intake.go). They are hostile; what may pass is decided in edge.go
// and policy.go.
package netstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"github.com/containers/gvisor-tap-vsock/pkg/types"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// Path is how a published port's bytes reach the container.
type Path string

// The paths.
const (
	// PathDirect joins the client's socket by splice(2) to one that is made
	// in the container's own namespace. The default.
	PathDirect Path = "direct"
	// PathStack dials the container from the gVisor stack, over the tap.
	PathStack Path = "stack"
)

// Config says what a network is like. Its zero value is a network called
// "default" with the first subnet of [Subnets] that the host does not use.
type Config struct {
	Name    string       // the DNS zone under which endpoints are found, too
	Subnet  netip.Prefix // IPv4; invalid: one is chosen
	Gateway netip.Addr   // invalid: the subnet's first
	// Subnet6 is the network's range of IPv6; invalid: it has none. Gateway6 is
	// its first address where it is invalid.
	Subnet6  netip.Prefix
	Gateway6 netip.Addr
	Avoid    []netip.Prefix // ranges that are not chosen
	// Others gives the ranges of other networks, which are not reached through
	// the host; nil: there are none. It is asked again and again.
	Others   func() []netip.Prefix
	Internal bool // no way outside, and no questions for names either
	Isolated bool // endpoints do not reach each other
	MTU      int  // of every interface; 0: 1500
	Path     Path // "": PathDirect
	// Zones are names that the network answers besides those of its
	// endpoints, for example a name for the host.
	Zones []types.Zone
	// ResolvConf names the host's resolvers; "": /etc/resolv.conf. It is
	// read again when it changes.
	ResolvConf string
	// Spares is how many ready-made namespaces are kept; 0: 2, < 0: none.
	Spares int
	// Kept is what an earlier process left behind; nil: start anew.
	Kept *Kept
	Log  *slog.Logger
}

// Kept is what outlives a process that held a network, so that the next one
// can go on with it.
type Kept struct {
	Namespace *os.File // the network's
	Tap       *os.File // nil: a new one is made
}

// Network is a running network. Its methods may be called at the same time.
type Network struct {
	config   Config
	log      *slog.Logger
	gateway  netip.Addr
	gateway6 netip.Addr // invalid: no IPv6

	maker  *thread // makes namespaces
	dialer *thread // makes sockets in endpoints' namespaces

	ns       *namespace
	bridge   int      // its index in ns
	tap      *os.File // nil: this computer has none to give
	tapIndex int
	device   int // that frames are sent by: the tap's descriptor, or a packet socket; 0: none
	guards   *guards
	guardMu  sync.Mutex // one transaction at a time
	link     *link
	stack    *stack.Stack
	tcp      *tcp.Forwarder
	policy   policy
	firsts   firstSegments
	udp      *udpFlows
	echo     *echoFlows
	dns      *resolver
	names    *names
	spares   *spares
	leaving  leaving

	mu        sync.Mutex
	endpoints map[string]*Endpoint
	byIP      map[netip.Addr]*Endpoint
	addresses *addresses
	closed    bool

	ctx    context.Context // ends with Close; stored because the network owns all its goroutines
	cancel context.CancelFunc
	work   sync.WaitGroup
	pipes  pipePool
	movers *movers
	seq    atomic.Uint32

	looks looks

	queues      atomic.Int64 // that endpoints have of their own
	apart       atomic.Bool  // each endpoint is to have one
	taken       atomic.Int64 // descriptors, by the connections of all endpoints
	refusedAt   atomic.Int64 // see Exhausted; Unix nanoseconds
	descriptors int64        // that this process may have; set once
}

// New makes a network. [HostError] says what of the host is in the way.
func New(c Config) (*Network, error) {
	c = c.withDefaults()
	n := &Network{config: c, log: c.Log, endpoints: map[string]*Endpoint{}, byIP: map[netip.Addr]*Endpoint{}, names: newNames(c.Name, c.Zones), descriptors: descriptors(), pipes: pipePool{owner: pipesOwner()}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	if err := n.open(); err != nil {
		_ = n.Close()
		return nil, err
	}
	return n, nil
}

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "default"
	}
	if c.MTU == 0 {
		c.MTU = 1500
	}
	if c.Path == "" {
		c.Path = PathDirect
	}
	if c.ResolvConf == "" {
		c.ResolvConf = "/etc/resolv.conf"
	}
	if c.Spares == 0 {
		c.Spares = 2
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (n *Network) open() error {
	if err := n.chooseSubnet(); err != nil {
		return err
	}
	if n.gateway = n.config.Gateway; !n.gateway.IsValid() {
		n.gateway = n.config.Subnet.Addr().Next()
	}
	n.addresses = newAddresses(n.config.Subnet, n.gateway, n.HostAddr())
	if n.config.Subnet6.IsValid() {
		if n.gateway6 = n.config.Gateway6; !n.gateway6.IsValid() {
			n.gateway6 = n.config.Subnet6.Addr().Next()
		}
	}
	n.policy = newPolicy(n.config, n.HostAddr())
	var err error
	n.maker, n.dialer = newThread(), newThread()
	if err := n.openBridge(); err != nil {
		return err
	}
	n.maker.rest, n.dialer.rest = n.ns.file, n.ns.file
	if err := n.openGuards(); err != nil {
		return err
	}
	if err := n.openStack(); err != nil {
		return err
	}
	if n.dns, err = newResolver(n); err != nil {
		return err
	}
	if n.movers, err = newMovers(n, Movers()); err != nil {
		return err
	}
	n.spares = newSpares(n, n.config.Spares)
	n.work.Go(n.watchCounters)
	return nil
}

// Subnet is the network's range.
func (n *Network) Subnet() netip.Prefix { return n.config.Subnet }

// Gateway is the address of the gateway and of the resolver.
func (n *Network) Gateway() netip.Addr { return n.gateway }

// Gateway6 is the gateway's IPv6 address; invalid where there is none.
func (n *Network) Gateway6() netip.Addr { return n.gateway6 }

// Subnet6 is the network's range of IPv6; invalid where there is none.
func (n *Network) Subnet6() netip.Prefix { return n.config.Subnet6 }

// HostAddr is the address under which endpoints that may do so reach what
// listens on the host's loopback: the subnet's last.
func (n *Network) HostAddr() netip.Addr {
	ip := broadcast(n.config.Subnet).Prev()
	if ip == n.gateway {
		return ip.Prev()
	}
	return ip
}

// Internal tells whether there is no way outside.
func (n *Network) Internal() bool { return n.config.Internal }

// Guards says in words what keeps endpoints from using each other's addresses.
func (n *Network) Guards() string { return n.guards.words() }

// MTU is that of every interface, in bytes.
func (n *Network) MTU() int { return n.config.MTU }

// Search are the host's search domains at this time.
func (n *Network) Search() []string {
	_, search := n.dns.host.current()
	return search
}

// Keep gives what the next process needs to go on with this network. The
// files stay the network's.
func (n *Network) Keep() Kept { return Kept{Namespace: n.ns.file, Tap: n.tap} }

// Close ends all connections, takes the network down, and waits until
// everything that it started has ended.
func (n *Network) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	var all []*Endpoint
	for _, e := range n.endpoints {
		all = append(all, e)
	}
	n.endpoints = map[string]*Endpoint{}
	n.mu.Unlock()

	n.cancel()
	for _, e := range all {
		e.close()
	}
	if n.spares != nil {
		n.spares.close()
	}
	if n.dns != nil {
		n.dns.close()
	}
	if n.echo != nil {
		n.echo.close()
	}
	n.work.Wait()
	if n.movers != nil {
		n.movers.close()
	}
	n.pipes.close()
	n.closeStack()
	for _, t := range []*thread{n.maker, n.dialer} {
		if t != nil {
			t.close()
		}
	}
	if n.guards != nil {
		n.guards.close()
	}
	n.leaving.close()
	if n.ns != nil {
		n.ns.close()
	}
	return nil
}

// linkLocal is the IPv6 address of one link that follows from a MAC (RFC 4291).
func linkLocal(hw net.HardwareAddr) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: hw[0] ^ 2, hw[1], hw[2], 0xff, 0xfe, hw[3], hw[4], hw[5]})
}

// HostError says that the host is in the way, and how to mend it.
type HostError struct {
	What string // what failed and why, for people
	Mend string // what to do, with the command to type where there is one
	Err  error
}

func (e *HostError) Error() string { return fmt.Sprintf("%s: %v", e.What, e.Err) }

// Unwrap gives the cause.
func (e *HostError) Unwrap() error { return e.Err }

// ErrNotAttached says that no endpoint has that id.
var ErrNotAttached = errors.New("is not attached to the network")

// ErrTaken says that another endpoint has that address.
var ErrTaken = errors.New("is taken")

func macFor(ip netip.Addr) net.HardwareAddr {
	b := ip.As4()
	// Locally administered, and bound to the address: a neighbour's cache
	// stays right when an address goes to another container.
	return net.HardwareAddr{0x02, 0x42, b[0], b[1], b[2], b[3]}
}
