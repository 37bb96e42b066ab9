package netstack

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const (
	// vnetHeaderSize is that of struct virtio_net_hdr without mergeable buffers.
	vnetHeaderSize = 10
	// frameHead is what precedes the network packet in a read from the tap.
	frameHead = vnetHeaderSize + ethernetSize
	// maxPacket is the largest IPv4 packet, and gVisor's largest pooled buffer.
	maxPacket = 1 << 16
	// gsoMax is the most payload in one segment that the stack hands down:
	// headers included it stays below maxPacket.
	gsoMax = 65000
	// smallPacket and below are copied out of the read buffer: a receive
	// queue full of them would otherwise hold 64 KiB for each.
	smallPacket = 8 << 10
)

// link joins the stack to the network's device: frames with virtio-net headers,
// segmented and summed by the kernel, if at all. One goroutine reads the queues
// (see intake), and whichever sends writes.
type link struct {
	fd     int  // valid until the stack has ended
	packet bool // it is a packet socket
	intake *intake
	mtu    atomic.Uint32
	addr   tcpip.LinkAddress
	edge   *edge
	echo   func(packet []byte) // takes echo requests to the outside; packet is valid during the call

	mu         sync.RWMutex
	dispatcher stack.NetworkDispatcher
	started    bool // the intake was
}

var _ stack.LinkEndpoint = (*link)(nil)
var _ stack.GSOEndpoint = (*link)(nil)

func (n *Network) newLink(e *edge) (*link, error) {
	l := &link{fd: n.device, packet: n.tap == nil, edge: e, addr: tcpip.LinkAddress(e.mac[:])}
	l.mtu.Store(uint32(n.config.MTU))
	var err error
	if l.intake, err = newIntake(l, n.separate); err != nil {
		return nil, err
	}
	if !l.packet {
		err = l.intake.add(l.fd, anyLink)
	}
	return l, err
}

// receive takes one frame of the queue of a link, whose packet is the first n
// bytes of body, and gives the buffer for the next.
func (l *link) receive(from int, ethernet []byte, body *buffer.View, n int) *buffer.View {
	packet := body.AsSlice()[:n]
	switch l.edge.judge(from, ethernet, packet) {
	case toEcho:
		l.echo(packet)
	case toARP:
		l.deliver(header.ARPProtocolNumber, copied(packet))
	case toIPv4:
		return l.hand(header.IPv4ProtocolNumber, body, n)
	case toIPv6:
		return l.hand(header.IPv6ProtocolNumber, body, n)
	}
	return body
}

// hand gives the stack a packet, itself or its copy.
func (l *link) hand(protocol tcpip.NetworkProtocolNumber, body *buffer.View, n int) *buffer.View {
	if n <= smallPacket {
		l.deliver(protocol, copied(body.AsSlice()[:n]))
		return body
	}
	body.CapLength(n)
	l.deliver(protocol, body)
	return buffer.NewViewSize(maxPacket)
}

func copied(packet []byte) *buffer.View {
	v := buffer.NewView(len(packet))
	_, _ = v.Write(packet)
	return v
}

func (l *link) deliver(protocol tcpip.NetworkProtocolNumber, v *buffer.View) {
	l.mu.RLock()
	d := l.dispatcher
	l.mu.RUnlock()
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithView(v)})
	defer pkt.DecRef()
	if d != nil {
		d.DeliverNetworkPacket(protocol, pkt)
	}
}

// WritePackets sends packets to the bridge.
func (l *link) WritePackets(pkts stack.PacketBufferList) (int, tcpip.Error) {
	n := 0
	for _, pkt := range pkts.AsSlice() {
		if err := l.write(pkt); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (l *link) write(pkt *stack.PacketBuffer) tcpip.Error {
	var vnet [vnetHeaderSize]byte
	describe(&vnet, pkt)
	slices := pkt.AsSlices()
	iov := make([][]byte, 1, len(slices)+1)
	iov[0] = vnet[:]
	iov = append(iov, slices...)
	return l.writev(iov)
}

// describe fills in the virtio-net header: what the kernel has yet to do.
func describe(h *[vnetHeaderSize]byte, pkt *stack.PacketBuffer) {
	const (
		needsChecksum = 1
		gsoTCPv4      = 1
		gsoTCPv6      = 4
	)
	gso := pkt.GSOOptions
	if gso.Type == stack.GSONone {
		return
	}
	binary.LittleEndian.PutUint16(h[2:], uint16(pkt.HeaderSize()))
	if gso.NeedsCsum {
		h[0] = needsChecksum
		binary.LittleEndian.PutUint16(h[6:], ethernetSize+gso.L3HdrLen)
		binary.LittleEndian.PutUint16(h[8:], gso.CsumOffset)
	}
	if pkt.Data().Size() > int(gso.MSS) && (gso.Type == stack.GSOTCPv4 || gso.Type == stack.GSOTCPv6) {
		h[1] = gsoTCPv4
		if gso.Type == stack.GSOTCPv6 {
			h[1] = gsoTCPv6
		}
		binary.LittleEndian.PutUint16(h[4:], gso.MSS)
	}
}

// writeIP sends a packet that did not come from the stack.
func (l *link) writeIP(dst mac, packet []byte) {
	var head [frameHead]byte
	eth := head[vnetHeaderSize:]
	copy(eth[0:6], dst[:])
	copy(eth[6:12], l.edge.mac[:])
	binary.BigEndian.PutUint16(eth[12:], etherIPv4)
	if packet[0]>>4 == 6 {
		binary.BigEndian.PutUint16(eth[12:], etherIPv6)
	}
	_ = l.writev([][]byte{head[:], packet})
}

func (l *link) writev(iov [][]byte) tcpip.Error {
	var to *unix.SockaddrLinklayer
	if l.packet {
		var known bool
		if to, known = l.toLink(iov); !known {
			return &tcpip.ErrHostUnreachable{} // it has gone
		}
	}
	for {
		err := l.send(iov, to)
		var errno syscall.Errno
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.As(err, &errno):
			return tcpip.TranslateErrno(errno)
		default:
			return &tcpip.ErrAborted{}
		}
	}
}

// send is a tap's write, or a packet socket's with the link.
func (l *link) send(iov [][]byte, to *unix.SockaddrLinklayer) (err error) {
	if to == nil {
		_, err = unix.Writev(l.fd, iov)
	} else {
		_, err = unix.SendmsgBuffers(l.fd, iov, nil, to, 0)
	}
	return err
}

// Attach starts reading, and with nil ends it.
func (l *link) Attach(d stack.NetworkDispatcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d != nil && !l.started {
		l.started = true
		go l.intake.run()
	}
	if d == nil {
		l.intake.stop()
	}
	l.dispatcher = d
}

// IsAttached tells whether frames reach a stack.
func (l *link) IsAttached() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.dispatcher != nil
}

// Wait returns when the reader has ended, which Attach(nil) makes it do.
func (l *link) Wait() {
	l.mu.RLock()
	started := l.started
	l.mu.RUnlock()
	if started {
		l.intake.stop()
		<-l.intake.done
	}
}

// MTU is that of the tap.
func (l *link) MTU() uint32 { return l.mtu.Load() }

// SetMTU changes what MTU tells.
func (l *link) SetMTU(m uint32) { l.mtu.Store(m) }

// MaxHeaderLength is that of Ethernet.
func (l *link) MaxHeaderLength() uint16 { return ethernetSize }

// LinkAddress is the gateway's MAC.
func (l *link) LinkAddress() tcpip.LinkAddress { return l.addr }

// SetLinkAddress does nothing: the gateway's MAC follows from its address.
func (l *link) SetLinkAddress(tcpip.LinkAddress) {}

// Capabilities says that checksums from containers need no check: they come
// unfinished over the veth, and nothing between can damage them.
func (l *link) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityRXChecksumOffload | stack.CapabilityResolutionRequired
}

// GSOMaxSize bounds a segment.
func (l *link) GSOMaxSize() uint32 { return gsoMax }

// SupportedGSO says that the kernel segments.
func (l *link) SupportedGSO() stack.SupportedGSO { return stack.HostGSOSupported }

// ARPHardwareType is Ethernet.
func (l *link) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareEther }

// AddHeader puts the Ethernet header before the packet.
func (l *link) AddHeader(pkt *stack.PacketBuffer) {
	header.Ethernet(pkt.LinkHeader().Push(ethernetSize)).Encode(&header.EthernetFields{
		SrcAddr: pkt.EgressRoute.LocalLinkAddress,
		DstAddr: pkt.EgressRoute.RemoteLinkAddress,
		Type:    pkt.NetworkProtocolNumber,
	})
}

// ParseHeader has nothing to do: frames come in without their header.
func (l *link) ParseHeader(*stack.PacketBuffer) bool { return true }

// Close does nothing: the network closes the file.
func (l *link) Close() {}

// SetOnCloseAction does nothing, as Close does nothing.
func (l *link) SetOnCloseAction(func()) {}
