package netstack

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	// maxHalfOpen bounds the connections whose far end has not answered yet,
	// of all containers; a SYN beyond it is dropped, and comes again.
	maxHalfOpen = 8192
	// maxHalfOpenOfOne is how many of them may be one container's, so that it
	// cannot starve the others.
	maxHalfOpenOfOne = 1024
	// dialTimeout is how long a far end may take; a client inside gives up
	// by its own clock.
	dialTimeout = 30 * time.Second
	// keepAlive finds out on the host's side that a far end has gone: the
	// container's own probes are answered by the stack.
	keepAlive = 60 * time.Second
)

// handleTCP takes a segment that belongs to no connection. false: RST.
func (n *Network) handleTCP(id stack.TransportEndpointID, pkt *stack.PacketBuffer) bool {
	e := n.at(addrOf(id.RemoteAddress))
	if _, ok := n.policy.way(e, addrOf(id.LocalAddress)); !ok || e == nil || n.ctx.Err() != nil {
		return false
	}
	if e.halfOpen.Load() >= maxHalfOpenOfOne {
		return true // dropped
	}
	n.firsts.note(id, pkt)
	return n.tcp.HandlePacket(id, pkt)
}

// forwardTCP runs for each connection that a container opens to the outside,
// on a goroutine of its own: first the far end is dialled from the host, so
// that the container learns the truth; then the container's SYN is answered.
func (n *Network) forwardTCP(r *tcp.ForwarderRequest) {
	if !n.begin() {
		r.Complete(true)
		return
	}
	defer n.work.Done()
	id := r.ID()
	first := n.firsts.take(id)
	e := n.at(addrOf(id.RemoteAddress))
	if e == nil {
		r.Complete(true)
		return
	}
	to, ok := n.policy.way(e, addrOf(id.LocalAddress))
	if !ok || !n.mayOpen(e) {
		r.Complete(true)
		return
	}
	if e.halfOpen.Add(1) > maxHalfOpenOfOne { // several came at once
		e.halfOpen.Add(-1)
		r.Complete(false)
		return
	}
	far, err := n.dialHost(netip.AddrPortFrom(to, id.LocalPort))
	e.halfOpen.Add(-1)
	if err != nil {
		n.refuse(r, first, err)
		return
	}
	var wq waiter.Queue
	ep, terr := r.CreateEndpoint(&wq)
	r.Complete(terr != nil)
	if terr != nil {
		_ = far.Close()
		return
	}
	inside := newStackConn(ep, &wq)
	outside := &hostConn{far}
	f := &flow{
		protocol: "tcp", port: id.RemotePort, remote: netip.AddrPortFrom(addrOf(id.LocalAddress), id.LocalPort), since: time.Now(),
	}
	f.host = e.heard.name(f.remote.Addr())
	relay(e, f, pair{
		a: inside, b: outside,
		ab: func() error { return inside.writeTo(far, &f.sent) },
		ba: func() error { return inside.readFrom(far, &f.received) },
	})
}

// refuse tells the container what the host was told: a RST for a RST, an ICMP
// error for one, and nothing for nothing.
func (n *Network) refuse(r *tcp.ForwarderRequest, first []byte, err error) {
	why, known := reasonOf(err)
	known = known && first != nil
	r.Complete(!known && !gaveUp(err))
	if known {
		n.unreachable(why, first)
	}
}

func (n *Network) dialHost(to netip.AddrPort) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout)
	defer cancel()
	d := net.Dialer{KeepAlive: keepAlive}
	c, err := d.DialContext(ctx, networkOf("tcp", to.Addr()), to.String())
	if err != nil {
		return nil, err
	}
	t, ok := c.(*net.TCPConn)
	if !ok {
		_ = c.Close()
		return nil, errors.New("no TCP connection")
	}
	if own, ok := t.LocalAddr().(*net.TCPAddr); ok && staysHere(own.AddrPort().Addr(), to.Addr()) {
		unpaceConn(t)
	}
	return t, nil
}

// begin counts a goroutine that Close must wait for; false: closed already.
func (n *Network) begin() bool { return n.beginAll(1) }

func (n *Network) beginAll(count int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.work.Add(count)
	return true
}
