package netstack

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

const (
	ethernetSize = 14
	arpSize      = 28
	ipv4Min      = 20
	ipv6Size     = 40
	fragmentSize = 8 // of IPv6's header for fragments

	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	protocolICMP     = 1
	protocolTCP      = 6
	protocolUDP      = 17
	protocolFragment = 44
	protocolICMPv6   = 58

	icmpEcho        = 8
	icmpv6Echo      = 128
	ndRouter        = 134
	ndSolicitation  = 135
	ndAdvertisement = 136
	ndRedirect      = 137
	mldReport       = 143
)

type mac [6]byte

// edge decides which frames from the containers reach the stack. A frame
// must come from the address and the MAC of one endpoint, and be meant for
// the gateway. Its methods may be called at the same time; looking does not
// lock.
type edge struct {
	mac mac
	ip  [4]byte
	ip6 [16]byte // zero: no IPv6

	mu   sync.Mutex // for writers
	pins atomic.Pointer[map[mac]pin]

	dropped atomic.Uint64
}

// pin is the addresses that an endpoint sends from, and to; a zero ip6 is none.
type pin struct {
	ip      [4]byte
	ip6     [16]byte
	gateway mac // that it knows the gateway by
	link    int // the bridge's, that it is behind
}

func pinOf(ip, ip6 netip.Addr) pin {
	p := pin{ip: ip.As4()}
	if ip6.IsValid() {
		p.ip6 = ip6.As16()
	}
	return p
}

func (e *Endpoint) pinAt(q queue) pin {
	p := pinOf(e.IP, e.IP6)
	p.gateway, p.link = q.mac, e.HostLink
	return p
}

type verdict int

const (
	drop   verdict = iota
	toIPv4         // for the stack
	toIPv6         // for the stack
	toARP          // for the stack
	toEcho         // an echo request to the outside: the stack would forge the reply
)

// newEdge makes one; an invalid gateway6 means that there is no IPv6.
func newEdge(gateway, gateway6 netip.Addr) *edge {
	e := &edge{mac: mac(macFor(gateway)), ip: gateway.As4()}
	if gateway6.IsValid() {
		e.ip6 = gateway6.As16()
	}
	e.pins.Store(&map[mac]pin{})
	return e
}

func (e *edge) pin(hw net.HardwareAddr, p pin) {
	e.change(func(m map[mac]pin) { m[mac(hw)] = p })
}

func (e *edge) unpin(hw net.HardwareAddr) {
	e.change(func(m map[mac]pin) { delete(m, mac(hw)) })
}

func (e *edge) change(f func(map[mac]pin)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := map[mac]pin{}
	for k, v := range *e.pins.Load() {
		next[k] = v
	}
	f(next)
	e.pins.Store(&next)
}

// linkOf is the link of the bridge that a MAC is behind; 0: nobody has it.
func (e *edge) linkOf(hw mac) int { return (*e.pins.Load())[hw].link }

// judge looks at a frame's Ethernet header, of ethernetSize bytes, and what
// follows it, out of the queue of a link.
func (e *edge) judge(from int, ethernet, body []byte) verdict {
	v := e.look(from, ethernet, body)
	if v == drop {
		e.dropped.Add(1)
	}
	return v
}

func (e *edge) look(from int, ethernet, body []byte) verdict {
	dst, src := mac(ethernet[0:6]), mac(ethernet[6:12])
	p, known := (*e.pins.Load())[src]
	if !known || from != anyLink && from != p.link {
		return drop
	}
	toUs := dst == e.mac || dst == p.gateway
	switch binary.BigEndian.Uint16(ethernet[12:14]) {
	case etherARP:
		if !toUs && dst != (mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) {
			return drop
		}
		return e.lookARP(body, src, p.ip)
	case etherIPv4:
		if !toUs {
			return drop
		}
		return e.lookIPv4(body, p.ip)
	case etherIPv6:
		if !toUs || p.ip6 == [16]byte{} {
			return drop
		}
		return e.lookIPv6(body, p.ip6)
	}
	return drop
}

func (e *edge) lookARP(b []byte, src mac, ip [4]byte) verdict {
	if len(b) < arpSize {
		return drop
	}
	sender := mac(b[8:14]) == src && [4]byte(b[14:18]) == ip
	if !sender || [4]byte(b[24:28]) != e.ip {
		return drop
	}
	return toARP
}

func (e *edge) lookIPv4(b []byte, ip [4]byte) verdict {
	if len(b) < ipv4Min || b[0]>>4 != 4 || [4]byte(b[12:16]) != ip {
		return drop
	}
	header := int(b[0]&0xf) * 4
	if header < ipv4Min || len(b) < header {
		return drop
	}
	if b[9] != protocolICMP {
		return toIPv4
	}
	if [4]byte(b[16:20]) == e.ip {
		return toIPv4 // the gateway answers for itself
	}
	fragment := binary.BigEndian.Uint16(b[6:8])&0x3fff != 0
	if fragment || len(b) < header+8 || b[header] != icmpEcho {
		return drop // errors about our own packets included: the stack sends DF never
	}
	return toEcho
}

// lookIPv6 lets TCP and UDP pass, whole or in fragments, and echo requests.
// What else has a header before them, or is about neighbours, which both sides
// know, is for nobody here.
func (e *edge) lookIPv6(b []byte, ip [16]byte) verdict {
	if len(b) < ipv6Size || b[0]>>4 != 6 || [16]byte(b[8:24]) != ip {
		return drop
	}
	switch b[6] {
	case protocolTCP, protocolUDP:
		return toIPv6
	case protocolFragment:
		if len(b) >= ipv6Size+fragmentSize && (b[ipv6Size] == protocolUDP || b[ipv6Size] == protocolTCP) {
			return toIPv6
		}
	case protocolICMPv6:
		if len(b) < ipv6Size+8 || b[ipv6Size] != icmpv6Echo {
			return drop
		}
		if [16]byte(b[24:40]) == e.ip6 {
			return toIPv6 // the gateway answers for itself
		}
		return toEcho
	}
	return drop
}
