package netstack

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// queue is the way of one endpoint's frames to the stack. Where there are taps
// all share the network's, for as long as that is not crowded; then each gets a
// tap of its own in the bridge, under a MAC address that nobody else knows,
// which that endpoint is told to be the gateway's: so no other's frames fill
// it. Without taps it is a packet socket on the bridge's end of the endpoint's
// veth pair.
type queue struct {
	fd   int
	link int // the tap's index; 0: it is none
	mac  mac // the gateway's, for that endpoint
}

// maxQueues keeps half of a bridge's ports, of which there are 1,024, for
// endpoints. Those beyond share the network's own tap.
const maxQueues = 400

// shared is the queue of those that have none of their own.
func (n *Network) shared() queue { return queue{fd: -1, mac: n.link.edge.mac} }

// firstQueue is that of a link which is being made.
func (n *Network) firstQueue(hostLink int) (queue, error) {
	if n.tap != nil && !n.apart.Load() {
		return n.shared(), nil
	}
	return n.openQueue(hostLink)
}

// separate gives each endpoint a queue of its own from now on.
func (n *Network) separate() {
	if n.tap == nil || n.apart.Swap(true) || !n.begin() {
		return
	}
	defer n.work.Done()
	for _, e := range n.Endpoints() {
		e.separate()
	}
}

// settled tells that e is configured, for as long as it is. It is too late for
// [Network.separate] then, where that has looked before.
func (e *Endpoint) settled(is bool) {
	e.queueMu.Lock()
	e.isSettled = is
	e.queueMu.Unlock()
	if is && e.n.apart.Load() {
		e.separate()
	}
}

// separate gives e a queue of its own, if it has none. Where none can be had it
// goes on with the shared one.
func (e *Endpoint) separate() {
	if err := e.openOwnQueue(); err != nil {
		e.n.log.Warn("give an endpoint its own queue", "id", e.ID, "err", err)
	}
}

func (e *Endpoint) openOwnQueue() error {
	e.queueMu.Lock()
	defer e.queueMu.Unlock()
	if !e.isSettled || e.queue.fd >= 0 {
		return nil
	}
	q, err := e.n.openQueue(e.HostLink)
	if err != nil || q.fd < 0 {
		return err
	}
	e.queue = q
	e.n.link.edge.pin(e.MAC, e.pinAt(q))
	return e.neighbours(q.mac)
}

// ownQueue is the queue that e has.
func (e *Endpoint) ownQueue() queue {
	e.queueMu.Lock()
	defer e.queueMu.Unlock()
	return e.queue
}

// openQueue makes a queue for the endpoint behind a link of the bridge. Where
// none can be had the endpoint shares the network's.
func (n *Network) openQueue(hostLink int) (queue, error) {
	q := n.shared()
	var err error
	switch {
	case n.tap == nil:
		q.fd, err = n.openPacket(hostLink)
	case n.queues.Load() >= maxQueues:
		return q, nil
	default:
		q, err = n.openQueueTap()
	}
	if err == nil {
		if err = n.link.intake.add(q.fd, hostLink); err != nil {
			_ = unix.Close(q.fd)
		}
	}
	switch {
	case err == nil:
		n.queues.Add(1)
		return q, nil
	case n.tap == nil:
		return n.shared(), fmt.Errorf("queue: %w", err)
	}
	n.log.Warn("an endpoint shares the network's queue", "err", err)
	return n.shared(), nil
}

// closeQueue waits until nobody reads it. That a tap goes takes the kernel tens
// of milliseconds.
func (n *Network) closeQueue(q queue) {
	if q.fd < 0 {
		return
	}
	n.link.intake.remove(q.fd)
	_ = unix.Close(q.fd)
	n.queues.Add(-1)
}

func (n *Network) openQueueTap() (queue, error) {
	q := queue{fd: -1, mac: mac{0x02, 0x42}}
	_, _ = rand.Read(q.mac[2:]) // never fails
	index := int(n.seq.Add(1))
	q.link = index
	name := fmt.Sprintf("tap%d", index)
	err := n.maker.in(n.ns.file, func() error {
		var err error
		if q.fd, err = openTap(name, index); err != nil {
			return err
		}
		if err := unix.SetNonblock(q.fd, true); err != nil {
			return os.NewSyscallError("fcntl", err)
		}
		if err := n.joinBridge(index); err != nil {
			return err
		}
		return settle(name)
	})
	if err == nil {
		err = n.leadTo(index, q.mac[:])
	}
	if err != nil && q.fd >= 0 {
		_ = unix.Close(q.fd)
	}
	return q, err
}

// joinBridge brings a link up as a port of the bridge over which nothing is
// learned, and to which nothing goes but what is led there.
func (n *Network) joinBridge(index int) error {
	req := n.ns.request(unix.RTM_NEWLINK, 0)
	head := linkHead(unix.AF_UNSPEC, index)
	head.Flags, head.Change = unix.IFF_UP, unix.IFF_UP
	req.AddData(head)
	req.AddData(nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(n.config.MTU))))
	req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(n.bridge))))
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fmt.Errorf("put link %d into the bridge: %w", index, err)
	}
	req = n.ns.request(unix.RTM_SETLINK, 0)
	req.AddData(linkHead(unix.AF_BRIDGE, index))
	port := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	for _, a := range []int{unix.IFLA_BRPORT_LEARNING, unix.IFLA_BRPORT_UNICAST_FLOOD, unix.IFLA_BRPORT_MCAST_FLOOD, unix.IFLA_BRPORT_BCAST_FLOOD} {
		port.AddRtAttr(a, []byte{0})
	}
	req.AddData(port)
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fmt.Errorf("keep floods from link %d: %w", index, err)
	}
	return nil
}

// leadTo tells the bridge that a MAC is behind one of its ports.
func (n *Network) leadTo(index int, hw net.HardwareAddr) error {
	at := &netlink.Neigh{
		LinkIndex: index, Family: unix.AF_BRIDGE, Flags: netlink.NTF_MASTER, State: netlink.NUD_NOARP, HardwareAddr: hw,
	}
	if err := n.ns.handle.NeighSet(at); err != nil {
		return fmt.Errorf("tell the bridge who is where: %w", err)
	}
	return nil
}

// unpolled gives the file of a descriptor that Go's poller does not watch, for
// it is read by others. What f was is closed.
func unpolled(f *os.File) (*os.File, int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, -1, err
	}
	fd := -1
	cerr := raw.Control(func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	name := f.Name()
	_ = f.Close()
	if cerr != nil {
		err = cerr
	}
	if err != nil {
		return nil, -1, os.NewSyscallError("dup", err)
	}
	_ = unix.SetNonblock(fd, false) // with it os.NewFile would have it watched
	file := os.NewFile(uintptr(fd), name)
	return file, fd, os.NewSyscallError("fcntl", unix.SetNonblock(fd, true))
}
