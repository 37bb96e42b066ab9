package netstack

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// reason is why a packet of a container did not arrive, as ICMP has it. What
// the host's kernel says is told on: a client inside learns what one outside
// would.
type reason struct {
	code4        byte // of "destination unreachable" (RFC 792, RFC 1812)
	type6, code6 byte // RFC 4443
	mtu          int  // of tooLong
}

var (
	noRoute    = reason{code4: 0, type6: 1, code6: 0}
	noHost     = reason{code4: 1, type6: 1, code6: 3}
	noPort     = reason{code4: 3, type6: 1, code6: 4}
	prohibited = reason{code4: 13, type6: 1, code6: 1}
)

// tooLong says that a path takes mtu bytes at once.
func tooLong(mtu int) reason { return reason{code4: 4, type6: 2, code6: 0, mtu: mtu} }

// reasonOf understands an error of the host's sockets; false: it is none of
// the path's.
func reasonOf(err error) (reason, bool) {
	switch {
	case errors.Is(err, unix.ENETUNREACH):
		return noRoute, true
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EHOSTDOWN):
		return noHost, true
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return prohibited, true
	}
	return reason{}, false
}

// gaveUp tells whether a far end did not answer at all: then nothing is told.
func gaveUp(err error) bool {
	return errors.Is(err, unix.ETIMEDOUT) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// unreachable tells the container that sent a packet why it did not arrive.
// about is the packet, or its headers at least.
func (n *Network) unreachable(why reason, about []byte) {
	if about[0]>>4 == 6 {
		const least = 1280 // as much as fits in the least MTU
		quoted := about[:min(len(about), least-ipv6Size-8)]
		buf := make([]byte, ipv6Size+8+len(quoted))
		m := buf[ipv6Size:]
		m[0], m[1] = why.type6, why.code6
		binary.BigEndian.PutUint32(m[4:], uint32(why.mtu))
		copy(m[8:], quoted)
		n.echo.send(n.gateway6, netip.AddrFrom16([16]byte(about[8:24])), buf)
		return
	}
	quoted := about[:min(len(about), int(about[0]&0xf)*4+8)]
	buf := make([]byte, ipv4Min+8+len(quoted))
	m := buf[ipv4Min:]
	m[0], m[1] = icmpUnreachable, why.code4
	binary.BigEndian.PutUint16(m[6:], uint16(why.mtu))
	copy(m[8:], quoted)
	n.echo.send(n.gateway, netip.AddrFrom4([4]byte(about[12:16])), buf)
}

// datagramHead makes the headers of a datagram that a container sent, for
// unreachable.
func datagramHead(from, to netip.AddrPort, size int) []byte {
	const udpSize = 8
	head := ipv4Min
	var b []byte
	if from.Addr().Is6() {
		head = ipv6Size
		b = make([]byte, head+udpSize)
		b[0], b[6], b[7] = 0x60, protocolUDP, 64
		binary.BigEndian.PutUint16(b[4:], uint16(udpSize+size))
		copy(b[8:], from.Addr().AsSlice())
		copy(b[24:], to.Addr().AsSlice())
	} else {
		b = make([]byte, head+udpSize)
		b[0], b[8], b[9] = 0x45, 64, protocolUDP
		binary.BigEndian.PutUint16(b[2:], uint16(head+udpSize+size))
		copy(b[12:], from.Addr().AsSlice())
		copy(b[16:], to.Addr().AsSlice())
	}
	binary.BigEndian.PutUint16(b[head:], from.Port())
	binary.BigEndian.PutUint16(b[head+2:], to.Port())
	binary.BigEndian.PutUint16(b[head+4:], uint16(udpSize+size))
	return b
}

// firstSegments are the beginnings of the SYNs that are being dialled for: who
// is told why there is no connection knows it by them.
type firstSegments struct {
	mu sync.Mutex
	by map[stack.TransportEndpointID][]byte
}

// note keeps one. More than can be dialled for are of no use.
func (f *firstSegments) note(id stack.TransportEndpointID, pkt *stack.PacketBuffer) {
	tcp := header.TCP(pkt.TransportHeader().Slice())
	if len(tcp) < header.TCPMinimumSize || tcp.Flags()&header.TCPFlagSyn == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil || len(f.by) > maxHalfOpen {
		f.by = map[stack.TransportEndpointID][]byte{}
	}
	f.by[id] = append(append([]byte{}, pkt.NetworkHeader().Slice()...), tcp[:8]...)
}

func (f *firstSegments) take(id stack.TransportEndpointID) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.by[id]
	delete(f.by, id)
	return b
}
