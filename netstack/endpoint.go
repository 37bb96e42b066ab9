package netstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// EndpointConfig says who is attached.
type EndpointConfig struct {
	ID    string   // unique in the network
	Names []string // under which others find it
}

// Endpoint is a container's place in a network. Its exported fields do not
// change.
type Endpoint struct {
	EndpointConfig
	IP       netip.Addr
	MAC      net.HardwareAddr
	HostLink int // index of the bridge's end of the veth pair, for [Network.Restore]

	n  *Network
	ns *namespace

	mu    sync.Mutex
	ports []*port
	over  bool

	live liveStreams
}

// Namespace is the endpoint's network namespace: lo and eth0 are up and have
// addresses and routes. The file stays the endpoint's.
func (e *Endpoint) Namespace() *os.File { return e.ns.file }

// Attach makes a namespace and joins it to the network. An endpoint of that
// id which is there already is replaced, and its address goes on.
func (n *Network) Attach(_ context.Context, c EndpointConfig) (*Endpoint, error) {
	if !n.begin() {
		return nil, net.ErrClosed
	}
	defer n.work.Done()
	var ip netip.Addr
	if old, err := n.Endpoint(c.ID); err == nil {
		ip = old.IP
		if err := n.Detach(c.ID); err != nil && !errors.Is(err, ErrNotAttached) {
			return nil, err
		}
	}
	p, err := n.spares.get()
	if err != nil {
		return nil, err
	}
	e := &Endpoint{EndpointConfig: c, HostLink: p.hostLink, n: n, ns: p.ns}
	if err := n.enter(e, ip); err != nil {
		p.ns.close()
		return nil, err
	}
	if err := errors.Join(e.configure(p), n.admit(e.IP)); err != nil {
		_ = n.Detach(c.ID)
		return nil, fmt.Errorf("attach %s: %w", c.ID, err)
	}
	n.names.add(e.IP, e.Names)
	return e, nil
}

// Restore takes over an endpoint of an earlier process, whose namespace is
// ns; that is the network's from then on.
func (n *Network) Restore(c EndpointConfig, ip netip.Addr, hostLink int, ns *os.File) (*Endpoint, error) {
	if !n.begin() {
		return nil, net.ErrClosed
	}
	defer n.work.Done()
	space, err := openNamespace(n.maker, ns)
	if err != nil {
		return nil, fmt.Errorf("namespace of %s: %w", c.ID, err)
	}
	e := &Endpoint{EndpointConfig: c, HostLink: hostLink, n: n, ns: space}
	if err := n.enter(e, ip); err != nil {
		space.close()
		return nil, err
	}
	if err := n.admit(e.IP); err != nil {
		_ = n.Detach(c.ID)
		return nil, err
	}
	n.names.add(e.IP, e.Names)
	return e, nil
}

// enter gives e an address, want where that is one, and its place.
func (n *Network) enter(e *Endpoint, want netip.Addr) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return net.ErrClosed
	}
	if n.endpoints[e.ID] != nil {
		return fmt.Errorf("%s is being attached already", e.ID)
	}
	var err error
	if e.IP = want; want.IsValid() {
		err = n.addresses.reserve(want)
	} else {
		e.IP, err = n.addresses.take()
	}
	if err != nil {
		return err
	}
	e.MAC = macFor(e.IP)
	n.endpoints[e.ID], n.byIP[e.IP] = e, e
	return nil
}

// configure gives eth0 its addresses, the default route, and the gateway's
// MAC, so that no first packet waits for ARP and nobody else can answer it.
func (e *Endpoint) configure(p *plug) error {
	h, n := p.ns.handle, e.n
	eth0 := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: endpointIndex, Name: endpointLink}}
	if err := h.LinkSetHardwareAddr(eth0, e.MAC); err != nil {
		return fmt.Errorf("set MAC: %w", err)
	}
	mask := net.CIDRMask(n.config.Subnet.Bits(), 32)
	if err := h.AddrAdd(eth0, &netlink.Addr{IPNet: &net.IPNet{IP: e.IP.AsSlice(), Mask: mask}}); err != nil {
		return fmt.Errorf("set address %s: %w", e.IP, err)
	}
	gateway := net.IP(n.gateway.AsSlice())
	neighbour := &netlink.Neigh{LinkIndex: endpointIndex, State: netlink.NUD_PERMANENT, IP: gateway, HardwareAddr: macFor(n.gateway)}
	if err := h.NeighSet(neighbour); err != nil {
		return fmt.Errorf("set gateway's MAC: %w", err)
	}
	if err := h.RouteAdd(&netlink.Route{LinkIndex: endpointIndex, Gw: gateway}); err != nil {
		return fmt.Errorf("set default route: %w", err)
	}
	return nil
}

// Detach takes an endpoint off the network: its ports close, its connections
// end, its namespace has no way out any more.
func (n *Network) Detach(id string) error {
	if !n.begin() {
		return net.ErrClosed
	}
	defer n.work.Done()
	n.mu.Lock()
	e := n.endpoints[id]
	delete(n.endpoints, id)
	n.mu.Unlock()
	if e == nil {
		return fmt.Errorf("%s %w", id, ErrNotAttached)
	}
	e.close()
	return nil
}

// Endpoint finds one by its id.
func (n *Network) Endpoint(id string) (*Endpoint, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e := n.endpoints[id]; e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("%s %w", id, ErrNotAttached)
}

// Endpoints lists all, by address.
func (n *Network) Endpoints() []*Endpoint {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []*Endpoint
	for _, e := range n.endpoints {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *Endpoint) int { return a.IP.Compare(b.IP) })
	return all
}

// at finds the endpoint that has an address; nil: none.
func (n *Network) at(ip netip.Addr) *Endpoint {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byIP[ip]
}

// close runs once, by whoever took the endpoint out of the network's list.
func (e *Endpoint) close() {
	n := e.n
	e.mu.Lock()
	e.over = true
	ports := e.ports
	e.ports = nil
	e.mu.Unlock()
	for _, p := range ports {
		p.close()
	}
	e.live.abortAll()
	n.names.remove(e.IP)
	n.expel(e.IP)
	n.mu.Lock()
	delete(n.byIP, e.IP)
	n.addresses.release(e.IP)
	n.mu.Unlock()
	// The kernel needs tens of milliseconds to take a veth pair away, which
	// nobody should wait for; the caller has counted itself in work.
	n.work.Go(e.unplug)
}

func (e *Endpoint) unplug() {
	n := e.n
	veth := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: e.HostLink}}
	err := n.ns.handle.LinkDel(veth)
	if err != nil && !errors.Is(err, unix.ENODEV) { // its namespace ended first
		n.log.Error("remove veth", "id", e.ID, "err", err)
	}
	e.ns.close()
}
