package netstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// EndpointConfig says who is attached, and how.
type EndpointConfig struct {
	ID    string   // unique in the network
	Names []string // under which others find it
	// IP, IP6 and MAC are those wanted; the zero value leaves the choice.
	IP, IP6 netip.Addr
	MAC     net.HardwareAddr
	// Namespace gets a further interface; nil: a new namespace is made. It is
	// the network's from then on.
	Namespace  *os.File
	Offline    bool
	HostAccess bool // it may reach [Network.HostAddr]
	OwnSearch  bool // names of one label are not looked for in the host's search domains
	// Peers are asked for names that this network does not know.
	Peers []Peer
}

// Peer is another network's knowledge of names: addresses of a name with its
// final dot, or names of an address.
type Peer func(ctx context.Context, query string) (Answer, bool)

// Answer is what a network knows of a name or of an address.
type Answer struct {
	IPs   []netip.Addr
	Names []string // with the final dot
}

// Endpoint is a container's place in a network. Its exported fields do not
// change, but for those that [Network.Change] changes; see Config.
type Endpoint struct {
	ID        string
	IP        netip.Addr
	IP6       netip.Addr // invalid: the network has no IPv6
	MAC       net.HardwareAddr
	Interface string // its name in the namespace
	HostLink  int    // index of the bridge's end of the veth pair, for [Network.Restore]

	n         *Network
	ns        *namespace
	index     int        // of Interface
	queueMu   sync.Mutex // for the two that follow
	queue     queue
	isSettled bool // see settled

	mu     sync.Mutex
	config EndpointConfig
	ports  []*port
	over   bool
	down   bool // its link is

	live   liveStreams
	inside insideSockets
	heard  heard

	passedIn, passedOut atomic.Int64 // of flows that ended; see Traffic
	lost                atomic.Int64 // frames that a packet socket had no room for
	halfOpen            atomic.Int32 // connections to the outside that it waits for
}

// Config is how the endpoint is attached now.
func (e *Endpoint) Config() EndpointConfig {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.config
}

// Namespace is the endpoint's network namespace: lo and the interface are up
// and have addresses and routes. The file stays the endpoint's.
func (e *Endpoint) Namespace() *os.File { return e.ns.file }

// Attach makes a namespace, or takes the one given, and joins it to the
// network. An endpoint of that id which is there already is replaced, and its
// address goes on.
func (n *Network) Attach(_ context.Context, c EndpointConfig) (*Endpoint, error) {
	if !n.begin() {
		return nil, net.ErrClosed
	}
	defer n.work.Done()
	if old, err := n.Endpoint(c.ID); err == nil {
		if !c.IP.IsValid() {
			c.IP = old.IP
		}
		if err := n.Detach(c.ID); err != nil && !errors.Is(err, ErrNotAttached) {
			return nil, err
		}
	}
	p, err := n.plug(c.Namespace)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{ID: c.ID, config: c, HostLink: p.hostLink, Interface: p.name, index: p.index, n: n, ns: p.ns, queue: p.queue}
	e.live.taken = &n.taken
	if err := n.enter(e); err != nil {
		n.leaving.add(e)
		return nil, err
	}
	if err := errors.Join(e.configure(), n.admit(e)); err != nil {
		_ = n.Detach(c.ID)
		return nil, fmt.Errorf("attach %s: %w", c.ID, err)
	}
	n.names.add(e, c.Names)
	e.settled(true)
	return e, e.setOffline(c.Offline)
}

func (n *Network) plug(namespace *os.File) (*plug, error) {
	if namespace == nil {
		return n.spares.get()
	}
	return n.plugInto(namespace)
}

// Restored is what an earlier process knew of an endpoint.
type Restored struct {
	IP, IP6   netip.Addr
	MAC       net.HardwareAddr
	Interface string
	HostLink  int
	In, Out   int64 // its [Endpoint.Traffic]
}

// Restore takes over an endpoint of an earlier process, whose namespace is
// c.Namespace.
func (n *Network) Restore(c EndpointConfig, r Restored) (*Endpoint, error) {
	if !n.begin() {
		return nil, net.ErrClosed
	}
	defer n.work.Done()
	space, err := openNamespace(n.maker, c.Namespace)
	if err != nil {
		return nil, fmt.Errorf("namespace of %s: %w", c.ID, err)
	}
	c.IP, c.IP6, c.MAC = r.IP, r.IP6, r.MAC
	e := &Endpoint{ID: c.ID, config: c, HostLink: r.HostLink, Interface: r.Interface, n: n, ns: space, queue: n.shared()}
	e.live.taken = &n.taken
	e.passedIn.Store(r.In)
	e.passedOut.Store(r.Out)
	err = e.requeue()
	if err == nil {
		err = n.enter(e)
	}
	if err != nil {
		n.closeQueue(e.queue)
		space.close()
		return nil, err
	}
	if err := errors.Join(e.neighbours(e.queue.mac), n.admit(e)); err != nil {
		_ = n.Detach(c.ID)
		return nil, err
	}
	n.names.add(e, c.Names)
	e.settled(true)
	return e, e.setOffline(c.Offline)
}

// requeue gives an endpoint a new queue: the earlier one ended with its process.
func (e *Endpoint) requeue() error {
	link, err := e.ns.handle.LinkByName(e.Interface)
	if err != nil {
		return fmt.Errorf("link %s: %w", e.Interface, err)
	}
	e.index = link.Attrs().Index
	e.queue, err = e.n.firstQueue(e.HostLink)
	return err
}

// enter gives e its addresses, those wanted where there are some, and its place.
func (n *Network) enter(e *Endpoint) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return net.ErrClosed
	}
	if n.endpoints[e.ID] != nil {
		return fmt.Errorf("%s is being attached already", e.ID)
	}
	var err error
	if e.IP = e.config.IP; e.IP.IsValid() {
		err = n.addresses.reserve(e.IP)
	} else {
		e.IP, err = n.addresses.take()
	}
	if err != nil {
		return err
	}
	if e.MAC = e.config.MAC; e.MAC == nil {
		e.MAC = macFor(e.IP)
	}
	if n.gateway6.IsValid() {
		if e.IP6 = e.config.IP6; !e.IP6.IsValid() {
			e.IP6 = n.derive6(e.IP)
		}
	}
	if err := n.clashes(e); err != nil {
		n.addresses.release(e.IP)
		return err
	}
	n.endpoints[e.ID], n.byIP[e.IP] = e, e
	if e.IP6.IsValid() {
		n.byIP[e.IP6] = e
	}
	return nil
}

// clashes refuses a MAC or IPv6 address that somebody has; mu is held.
func (n *Network) clashes(e *Endpoint) error {
	if e.IP6.IsValid() && (n.byIP[e.IP6] != nil || e.IP6 == n.gateway6 || !n.config.Subnet6.Contains(e.IP6)) {
		return fmt.Errorf("address %s %w, or not in %s", e.IP6, ErrTaken, n.config.Subnet6)
	}
	if bytes.Equal(e.MAC, macFor(n.gateway)) {
		return fmt.Errorf("MAC address %s %w: it is the gateway's", e.MAC, ErrTaken)
	}
	for _, o := range n.endpoints {
		if bytes.Equal(o.MAC, e.MAC) {
			return fmt.Errorf("MAC address %s %w by %s", e.MAC, ErrTaken, o.ID)
		}
	}
	return nil
}

// derive6 is the IPv6 address that goes with an IPv4 address: its host part in
// the last bytes.
func (n *Network) derive6(ip netip.Addr) netip.Addr {
	b, four := n.config.Subnet6.Addr().As16(), ip.As4()
	for i := n.config.Subnet.Bits(); i < 32; i++ {
		if bit := byte(0x80 >> (i % 8)); four[i/8]&bit != 0 && 96+i >= n.config.Subnet6.Bits() {
			b[12+i/8] |= bit
		}
	}
	return netip.AddrFrom16(b)
}

// configure gives the interface its addresses, the default routes, and the
// gateway's MAC, so that no first packet waits for ARP and nobody else can
// answer it. Of two networks' default routes the kernel takes that of the
// first interface, and the other when that goes.
func (e *Endpoint) configure() error {
	h, n := e.ns.handle, e.n
	link := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: e.index, Name: e.Interface}}
	if err := h.LinkSetHardwareAddr(link, e.MAC); err != nil {
		return fmt.Errorf("set MAC: %w", err)
	}
	if err := e.address(link, e.IP, n.config.Subnet.Bits()); err != nil {
		return err
	}
	if e.IP6.IsValid() {
		if err := errors.Join(e.address(link, e.IP6, n.config.Subnet6.Bits()), e.address(link, linkLocal(e.MAC), 64)); err != nil {
			return err
		}
	}
	if err := e.neighbours(e.ownQueue().mac); err != nil {
		return err
	}
	for _, g := range e.gateways() {
		if n.config.Internal {
			continue
		}
		if err := h.RouteAdd(&netlink.Route{LinkIndex: e.index, Gw: g.AsSlice(), Priority: e.metric(g)}); err != nil {
			return fmt.Errorf("set default route: %w", err)
		}
	}
	if e.IP6.IsValid() {
		e.awaitLocal(e.IP6)
	}
	return nil
}

// localPatience bounds that wait, which takes the kernel microseconds where it
// is not busy.
const localPatience = 5 * time.Second

// awaitLocal waits until what is sent to ip is delivered. The kernel lets an
// IPv6 address be used before it leads answers to it: that is done by a worker
// (addrconf_dad_work), also for one that needs no check.
func (e *Endpoint) awaitLocal(ip netip.Addr) {
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		routes, err := e.ns.handle.RouteGet(ip.AsSlice())
		if err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL {
			return
		}
		if time.Since(began) > localPatience {
			e.n.log.Warn("the kernel delivers nothing yet", "id", e.ID, "address", ip, "err", err)
			return
		}
	}
}

// metric orders the default routes by their interfaces. None is 0, which over
// IPv6 the kernel takes for 1024.
func (e *Endpoint) metric(gateway netip.Addr) int {
	const step = 1024
	number, err := strconv.Atoi(strings.TrimPrefix(e.Interface, "eth"))
	if err != nil {
		number = 0 // it is no name of ours
	}
	if gateway.Is6() {
		number++
	}
	return number * step
}

func (e *Endpoint) address(link netlink.Link, ip netip.Addr, bits int) error {
	a := &netlink.Addr{IPNet: &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(bits, ip.BitLen())}}
	if ip.Is6() {
		a.Flags = unix.IFA_F_NODAD // nobody else can have it
	}
	if err := e.ns.handle.AddrAdd(link, a); err != nil {
		return fmt.Errorf("set address %s: %w", ip, err)
	}
	return nil
}

// gateways are the addresses that it reaches the outside by.
func (e *Endpoint) gateways() []netip.Addr {
	if e.IP6.IsValid() {
		return []netip.Addr{e.n.gateway, e.n.gateway6}
	}
	return []netip.Addr{e.n.gateway}
}

// neighbours tells the namespace which addresses are the gateway's, and at
// which of its MACs.
func (e *Endpoint) neighbours(gateway mac) error {
	all := e.gateways()
	if e.config.HostAccess {
		all = append(all, e.n.HostAddr())
	}
	for _, ip := range all {
		if err := e.neighbour(ip, gateway); err != nil {
			return err
		}
	}
	return nil
}

func (e *Endpoint) neighbour(ip netip.Addr, gateway mac) error {
	at := &netlink.Neigh{LinkIndex: e.index, State: netlink.NUD_PERMANENT, IP: ip.AsSlice(), HardwareAddr: gateway[:]}
	if err := e.ns.handle.NeighSet(at); err != nil {
		return fmt.Errorf("set the gateway's MAC: %w", err)
	}
	return nil
}

// Change sets an endpoint's names, peers and whether it is offline.
func (n *Network) Change(c EndpointConfig) error {
	e, err := n.Endpoint(c.ID)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.config.Names, e.config.Peers, e.config.Offline = c.Names, c.Peers, c.Offline
	e.mu.Unlock()
	n.names.remove(e)
	n.names.add(e, c.Names)
	return e.setOffline(c.Offline)
}

// setOffline cuts the endpoint off: its link goes down, and what goes through
// its published ports ends.
func (e *Endpoint) setOffline(offline bool) error {
	h, link := e.n.ns.handle, &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: e.HostLink}}
	e.live.bar(offline)
	if !offline {
		if !e.wasOffline(false) {
			return nil
		}
		return h.LinkSetUp(link)
	}
	e.wasOffline(true)
	return h.LinkSetDown(link)
}

// wasOffline notes whether the link is down, and tells whether it was.
func (e *Endpoint) wasOffline(now bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	was := e.down
	e.down = now
	return was
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
	e.inside.close()
	n.names.remove(e)
	e.settled(false)
	n.expel(e)
	n.mu.Lock()
	delete(n.byIP, e.IP)
	delete(n.byIP, e.IP6)
	n.addresses.release(e.IP)
	n.mu.Unlock()
	n.leaving.add(e)
}
