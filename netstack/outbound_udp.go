package netstack

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	maxUDPFlows      = 8192
	maxUDPFlowsOfOne = 1024 // of one container, so that it cannot starve the others
	// Linux's own connection tracking waits as long.
	udpUnanswered = 30 * time.Second
	udpAnswered   = 120 * time.Second
)

// udpFlows are the UDP conversations of containers with the outside: for each
// pair of addresses and ports one connected socket of the host, so that only
// the far end that was spoken to can answer.
type udpFlows struct {
	n *Network

	mu  sync.Mutex
	sum int
	by  map[netip.Addr]int
}

func newUDPFlows(n *Network) *udpFlows { return &udpFlows{n: n, by: map[netip.Addr]int{}} }

// handle takes a datagram that belongs to no flow. false: ICMP port unreachable.
func (u *udpFlows) handle(id stack.TransportEndpointID, pkt *stack.PacketBuffer) bool {
	src := addrOf(id.RemoteAddress)
	e := u.n.at(src)
	to, ok := u.n.policy.way(e, addrOf(id.LocalAddress))
	if e == nil || !ok || u.n.ctx.Err() != nil {
		return false
	}
	dst := netip.AddrPortFrom(to, id.LocalPort)
	if !u.count(src) {
		return true // dropped: there are too many
	}
	if !u.n.begin() {
		u.uncount(src)
		return false
	}
	f, err := u.open(id, pkt, dst)
	if err != nil {
		u.n.work.Done()
		u.uncount(src)
		why, known := reasonOf(err)
		if known {
			u.n.unreachable(why, datagramHead(netip.AddrPortFrom(src, id.RemotePort), netip.AddrPortFrom(addrOf(id.LocalAddress), id.LocalPort), 0))
		}
		return known
	}
	go func() {
		defer u.n.work.Done()
		defer u.uncount(src)
		f.flow.host = e.heard.name(f.flow.remote.Addr())
		f.run(&e.live)
	}()
	return true
}

func (u *udpFlows) open(id stack.TransportEndpointID, pkt *stack.PacketBuffer, dst netip.AddrPort) (*udpFlow, error) {
	far, err := net.DialUDP(networkOf("udp", dst.Addr()), nil, net.UDPAddrFromAddrPort(dst))
	if err != nil {
		return nil, err
	}
	f := &udpFlow{n: u.n, from: netip.AddrPortFrom(addrOf(id.RemoteAddress), id.RemotePort), far: far, gone: make(chan struct{}), flow: &flow{
		protocol: "udp", port: id.RemotePort, remote: netip.AddrPortFrom(addrOf(id.LocalAddress), id.LocalPort), since: time.Now(),
	}}
	f.keepWhole(pkt)
	var terr tcpip.Error
	// A forwarder of its own for each flow is how the handler gets at its
	// state: it is called before HandlePacket returns.
	udp.NewForwarder(u.n.stack, func(r *udp.ForwarderRequest) {
		f.ep, terr = r.CreateEndpoint(&f.wq)
	}).HandlePacket(id, pkt)
	if terr != nil {
		_ = far.Close()
		return nil, errors.New(terr.String())
	}
	return f, nil
}

func (u *udpFlows) count(src netip.Addr) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.sum >= maxUDPFlows || u.by[src] >= maxUDPFlowsOfOne {
		return false
	}
	u.sum++
	u.by[src]++
	return true
}

func (u *udpFlows) uncount(src netip.Addr) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sum--
	if u.by[src]--; u.by[src] == 0 {
		delete(u.by, src)
	}
}

type udpFlow struct {
	n    *Network
	from netip.AddrPort // the container
	ep   tcpip.Endpoint
	wq   waiter.Queue
	far  *net.UDPConn
	flow *flow
	once sync.Once
	gone chan struct{}

	answered atomic.Bool
	last     atomic.Int64 // of the outgoing direction, Unix nanoseconds
}

// Abort, Close and CloseWrite make a flow a stream that a network's end ends.
func (f *udpFlow) Abort() {
	f.once.Do(func() {
		close(f.gone)
		_ = f.far.Close()
		f.ep.Close()
	})
}

// Close is Abort.
func (f *udpFlow) Close() error { f.Abort(); return nil }

// CloseWrite does nothing.
func (f *udpFlow) CloseWrite() error { return nil }

func (f *udpFlow) run(live *liveStreams) {
	defer live.add(f.flow, f)()
	defer f.Abort()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.outgoing()
	}()
	f.incoming()
	f.Abort()
	<-done
}

// outgoing carries datagrams from the container to the far end.
func (f *udpFlow) outgoing() {
	entry, ready := waiter.NewChannelEntry(waiter.ReadableEvents | waiter.EventErr | waiter.EventHUp)
	f.wq.EventRegister(&entry)
	defer f.wq.EventUnregister(&entry)
	for {
		for f.ep.Readiness(waiter.ReadableEvents) != 0 {
			if !f.forward() {
				return
			}
		}
		select {
		case <-ready:
		case <-f.gone:
			return
		}
	}
}

func (f *udpFlow) forward() bool {
	buf := getBuffer()
	defer putBuffer(buf)
	w := tcpip.SliceWriter(buf)
	r, err := f.ep.Read(&w, tcpip.ReadOptions{})
	if _, none := err.(*tcpip.ErrWouldBlock); none {
		return true
	}
	if err != nil {
		return false
	}
	f.last.Store(time.Now().UnixNano())
	f.flow.sent.Add(int64(r.Count))
	f.pass(buf[:r.Count])
	return true
}

// incoming carries answers, until the flow was idle for long enough.
func (f *udpFlow) incoming() {
	f.last.Store(time.Now().UnixNano())
	for {
		_ = f.far.SetReadDeadline(time.Now().Add(f.patience()))
		buf, n, err := readPooled(f.far)
		if err == nil {
			f.answered.Store(true)
			p := payload(buf[:n])
			f.flow.received.Add(int64(n))
			_, _ = f.ep.Write(&p, tcpip.WriteOptions{})
		}
		putBuffer(buf)
		switch {
		case err == nil:
		case f.told(err, 0):
		case errors.Is(err, os.ErrDeadlineExceeded):
			if time.Since(time.Unix(0, f.last.Load())) >= f.patience() {
				return
			}
		default:
			return
		}
	}
}

func (f *udpFlow) patience() time.Duration {
	if f.answered.Load() {
		return udpAnswered
	}
	return udpUnanswered
}
