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

	etherIPv4 = 0x0800
	etherARP  = 0x0806

	protocolICMP = 1
	icmpEcho     = 8
)

type mac [6]byte

// edge decides which frames from the containers reach the stack. A frame
// must come from the address and the MAC of one endpoint, and be meant for
// the gateway. Its methods may be called at the same time; looking does not
// lock.
type edge struct {
	mac mac
	ip  [4]byte

	mu   sync.Mutex // for writers
	pins atomic.Pointer[map[mac][4]byte]

	dropped atomic.Uint64
}

type verdict int

const (
	drop   verdict = iota
	toIPv4         // for the stack
	toARP          // for the stack
	toEcho         // an echo request to the outside: the stack would forge the reply
)

func newEdge(gateway netip.Addr) *edge {
	e := &edge{mac: mac(macFor(gateway)), ip: gateway.As4()}
	e.pins.Store(&map[mac][4]byte{})
	return e
}

func (e *edge) pin(hw net.HardwareAddr, ip netip.Addr) {
	e.change(func(m map[mac][4]byte) { m[mac(hw)] = ip.As4() })
}

func (e *edge) unpin(hw net.HardwareAddr) {
	e.change(func(m map[mac][4]byte) { delete(m, mac(hw)) })
}

func (e *edge) change(f func(map[mac][4]byte)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := map[mac][4]byte{}
	for k, v := range *e.pins.Load() {
		next[k] = v
	}
	f(next)
	e.pins.Store(&next)
}

// judge looks at a frame's Ethernet header, of ethernetSize bytes, and what
// follows it.
func (e *edge) judge(ethernet, body []byte) verdict {
	v := e.look(ethernet, body)
	if v == drop {
		e.dropped.Add(1)
	}
	return v
}

func (e *edge) look(ethernet, body []byte) verdict {
	dst, src := mac(ethernet[0:6]), mac(ethernet[6:12])
	ip, known := (*e.pins.Load())[src]
	if !known {
		return drop
	}
	toUs := dst == e.mac
	switch binary.BigEndian.Uint16(ethernet[12:14]) {
	case etherARP:
		if !toUs && dst != (mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) {
			return drop
		}
		return e.lookARP(body, src, ip)
	case etherIPv4:
		if !toUs {
			return drop
		}
		return e.lookIPv4(body, ip)
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
