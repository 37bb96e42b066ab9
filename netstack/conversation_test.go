package netstack

import (
	"encoding/binary"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"

	"davit/netstack/nstest"
)

// conversation is an endpoint that says to the gateway what a script has it
// say, one frame after the other, and knows what it was answered: numbers of
// segments are those of connections that are there, or a little beside them.
type conversation struct {
	t      testing.TB
	n      *Network
	e      *Endpoint
	ear    *os.File
	body   *buffer.View
	script []byte
	ends   []*spoken // the connections
	said   [][]byte  // the last frames
}

// spoken is one connection, as the endpoint knows it.
type spoken struct {
	port      uint16
	to        netip.AddrPort
	next, ack uint32
}

const (
	mostSaid   = 64 // frames in one conversation
	mostSpoken = 8
)

func (c *conversation) byte() byte {
	if len(c.script) == 0 {
		return 0
	}
	b := c.script[0]
	c.script = c.script[1:]
	return b
}

// bytes takes some of the script, zeroes where it has ended.
func (c *conversation) bytes(n int) []byte {
	b := make([]byte, n)
	c.script = c.script[copy(b, c.script):]
	return b
}

// near is a number close to another, and mostly the same.
func (c *conversation) near(v uint32) uint32 {
	d := c.byte()
	if d < 128 {
		return v
	}
	return v + uint32(int32(int8(d<<1)))<<(d&7)
}

func (c *conversation) end() *spoken { return c.ends[int(c.byte())%len(c.ends)] }

// hold goes through the script.
func (c *conversation) hold(targets []netip.AddrPort) {
	for i := range mostSpoken {
		c.ends = append(c.ends, &spoken{port: uint16(2000 + i), to: targets[i%len(targets)], next: uint32(i) << 20})
	}
	says := []func() []byte{c.open, c.speak, c.speak, c.close, c.datagram, c.piece, c.piece, c.ping, c.complaint, c.again, c.garbled, c.other}
	for i := 0; i < mostSaid && len(c.script) > 0; i++ {
		what := c.byte()
		if f := says[int(what)%len(says)](); len(f) >= ethernetSize {
			c.say(f)
		}
		if what&0x80 != 0 {
			c.listen(time.Millisecond)
		}
	}
}

func (c *conversation) say(f []byte) {
	c.said = append(c.said, f)
	packet := f[ethernetSize:]
	copy(c.body.AsSlice(), packet)
	c.body = c.n.link.receive(anyLink, f[:ethernetSize], c.body, len(packet))
}

func (c *conversation) ip(to netip.Addr, protocol byte, payload []byte) []byte {
	return frame(mac(c.e.MAC), c.n.link.edge.mac, c.e.IP, to, protocol, payload...)
}

// segment is one of TCP, with options of the script.
func (c *conversation) segment(s *spoken, seq, ack uint32, flags byte, data []byte) []byte {
	options := c.bytes(int(c.byte()) % 4 * 4)
	h := binary.BigEndian.AppendUint16(nil, s.port)
	h = binary.BigEndian.AppendUint16(h, s.to.Port())
	h = binary.BigEndian.AppendUint32(h, seq)
	h = binary.BigEndian.AppendUint32(h, ack)
	h = append(h, byte(5+len(options)/4)<<4, flags)
	h = binary.BigEndian.AppendUint16(h, uint16(c.byte())<<8)
	return c.ip(s.to.Addr(), protocolTCP, append(append(append(h, 0, 0, 0, 0), options...), data...))
}

const (
	finFlag = 1
	synFlag = 2
	rstFlag = 4
	ackFlag = 16
)

func (c *conversation) open() []byte {
	s := c.end()
	f := c.segment(s, s.next, 0, synFlag, nil)
	s.next++
	return f
}

func (c *conversation) speak() []byte {
	s := c.end()
	data := c.bytes(int(c.byte()) % 100)
	f := c.segment(s, c.near(s.next), c.near(s.ack), ackFlag|c.byte()&^rstFlag&^synFlag, data)
	s.next += uint32(len(data))
	return f
}

func (c *conversation) close() []byte {
	s := c.end()
	flags := []byte{finFlag | ackFlag, rstFlag, rstFlag | ackFlag, finFlag | synFlag, synFlag | ackFlag, 0xff}[c.byte()%6]
	f := c.segment(s, c.near(s.next), c.near(s.ack), flags, nil)
	s.next++
	return f
}

func udpBytes(from, to uint16, data []byte) []byte {
	h := binary.BigEndian.AppendUint16(nil, from)
	h = binary.BigEndian.AppendUint16(h, to)
	h = binary.BigEndian.AppendUint16(h, uint16(8+len(data)))
	return append(append(h, 0, 0), data...)
}

func (c *conversation) datagram() []byte {
	s := c.end()
	return c.ip(s.to.Addr(), protocolUDP, udpBytes(s.port, s.to.Port(), c.bytes(int(c.byte()))))
}

// piece is a fragment: of few datagrams, so that some meet.
func (c *conversation) piece() []byte {
	s := c.end()
	f := c.ip(s.to.Addr(), []byte{protocolUDP, protocolTCP, protocolICMP}[c.byte()%3], c.bytes(int(c.byte())&^7))
	h := f[ethernetSize:]
	h[5] = c.byte() & 1 // which datagram
	binary.BigEndian.PutUint16(h[6:], uint16(c.byte()&1)<<13|uint16(c.byte()))
	return f
}

func (c *conversation) ping() []byte {
	kind := []byte{icmpEcho, icmpEcho, icmpEchoReply, 13, 17}[c.byte()%5]
	message := append([]byte{kind, 0, 0, 0, 0, c.byte() & 3, 0, c.byte()}, c.bytes(int(c.byte()))...)
	binary.BigEndian.PutUint16(message[2:], ^checksum.Checksum(message, 0))
	return c.ip(c.end().to.Addr(), protocolICMP, message)
}

// complaint is an ICMP error about something that was said, or heard.
func (c *conversation) complaint() []byte {
	s := c.end()
	quoted := frame(mac{}, mac{}, s.to.Addr(), c.e.IP, []byte{protocolTCP, protocolUDP}[c.byte()&1],
		binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, s.to.Port()), s.port), s.ack)...)
	message := append([]byte{[]byte{3, 4, 5, 11, 12}[c.byte()%5], c.byte() % 16, 0, 0, 0, 0, c.byte(), c.byte()}, quoted[ethernetSize:]...)
	binary.BigEndian.PutUint16(message[2:], ^checksum.Checksum(message, 0))
	return c.ip(s.to.Addr(), protocolICMP, message)
}

// again is one of the last frames, once more.
func (c *conversation) again() []byte {
	if len(c.said) == 0 {
		return nil
	}
	return append([]byte(nil), c.said[int(c.byte())%len(c.said)]...)
}

// garbled is one of them with some bytes changed, or cut.
func (c *conversation) garbled() []byte {
	f := c.again()
	if len(f) <= ethernetSize+ipv4Min {
		return nil
	}
	for range int(c.byte()) % 4 {
		f[ethernetSize+int(c.byte())%(len(f)-ethernetSize)] = c.byte()
	}
	copy(f[ethernetSize+16:], c.end().to.Addr().AsSlice()) // it stays on this machine
	return f[:len(f)-int(c.byte())%16]
}

// other is a question for a MAC, or a datagram over IPv6.
func (c *conversation) other() []byte {
	if c.byte()&1 == 0 {
		return arpFrame(mac(c.e.MAC), mac(c.e.MAC), c.e.IP, c.n.Gateway())
	}
	return frame6(mac(c.e.MAC), c.n.link.edge.mac, c.e.IP6, c.n.Gateway6(), []byte{protocolUDP, protocolTCP, protocolFragment, protocolICMPv6}[c.byte()%4], c.bytes(int(c.byte()))...)
}

// listen takes what has come, and verifies that it is for the endpoint and from
// somebody it spoke to. It gives the payloads of datagrams.
func (c *conversation) listen(patience time.Duration) (datagrams [][]byte) {
	b := make([]byte, maxPacket)
	for {
		_ = c.ear.SetReadDeadline(time.Now().Add(patience))
		k, err := c.ear.Read(b)
		if err != nil {
			return datagrams
		}
		if k < ethernetSize+ipv4Min || mac(b[6:12]) != c.n.link.edge.mac {
			continue // the endpoint's own kernel speaks
		}
		if mac(b[0:6]) != mac(c.e.MAC) {
			c.t.Errorf("the gateway sends to %x", b[0:6])
		}
		if binary.BigEndian.Uint16(b[12:]) == etherIPv4 {
			datagrams = append(datagrams, c.heard(b[ethernetSize:k])...)
		}
	}
}

// heard takes one IPv4 packet of the gateway's.
func (c *conversation) heard(p []byte) [][]byte {
	head, total := int(p[0]&0xf)*4, int(binary.BigEndian.Uint16(p[2:]))
	if p[0]>>4 != 4 || head < ipv4Min || total > len(p) || total < head+8 || checksum.Checksum(p[:head], 0) != 0xffff {
		c.t.Fatalf("the gateway sends %x", p)
	}
	from, _ := netip.AddrFromSlice(p[12:16])
	known := from == c.n.Gateway()
	for _, s := range c.ends {
		known = known || s.to.Addr() == from
	}
	if to, _ := netip.AddrFromSlice(p[16:20]); to != c.e.IP || !known {
		c.t.Errorf("the gateway sends from %v to %v", from, to)
	}
	body := p[head:total]
	switch p[9] {
	case protocolUDP:
		return [][]byte{append([]byte(nil), body[8:]...)}
	case protocolTCP:
		if len(body) < 20 {
			c.t.Fatalf("the gateway sends the segment %x", body)
		}
		for _, s := range c.ends {
			if s.port == binary.BigEndian.Uint16(body[2:]) {
				data := max(0, len(body)-int(body[12]>>4)*4)
				s.ack = binary.BigEndian.Uint32(body[4:]) + uint32(data)
				if body[13]&(synFlag|finFlag) != 0 {
					s.ack++
				}
			}
		}
	}
	return nil
}

// stillAnswered asks the gateway's resolver for the endpoint's own name.
func (c *conversation) stillAnswered() {
	q := new(dns.Msg).SetQuestion("talker.", dns.TypeA)
	b, err := q.Pack()
	if err != nil {
		c.t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		c.say(c.ip(c.n.Gateway(), protocolUDP, udpBytes(999, 53, b)))
		for _, d := range c.listen(20 * time.Millisecond) {
			var r dns.Msg
			if r.Unpack(d) == nil && r.Id == q.Id && len(r.Answer) == 1 {
				return
			}
		}
	}
	c.t.Fatal("the gateway does not answer any more")
}

// silence keeps the endpoint's kernel from answering what is not for it: it
// would tear each connection that it has not opened.
func silence(f *testing.F, e *Endpoint) {
	f.Helper()
	link := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: e.index}}
	all, err := e.ns.handle.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		f.Fatal(err)
	}
	for _, a := range all {
		if err := e.ns.handle.AddrDel(link, &a); err != nil {
			f.Fatal(err)
		}
	}
}

// FuzzConversations holds whole conversations with the gateway and with servers
// on the host: connections that are opened, spoken over, torn and begun again,
// fragments that meet, complaints about what was said.
func FuzzConversations(f *testing.F) {
	n := newNetwork(f, Config{Spares: -1, Subnet6: testSubnet6})
	e := attach(f, n, "talker", "talker")
	l := listenHost(f, hostIP.String()+":0")
	nstest.Serve(l, echo)
	silence(f, e)
	ear := packetSocket(f, e)
	targets := []netip.AddrPort{
		l.Addr().(interface{ AddrPort() netip.AddrPort }).AddrPort(), netip.AddrPortFrom(n.Gateway(), 53), netip.AddrPortFrom(hostIP, 1),
	}
	for _, s := range conversations {
		f.Add(s)
	}
	body := buffer.NewViewSize(maxPacket)
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 4096 {
			return
		}
		c := &conversation{t: t, n: n, e: e, ear: ear, body: body, script: script}
		c.hold(targets)
		c.stillAnswered()
		body = c.body
		if e.halfOpen.Load() > maxHalfOpenOfOne || len(e.Flows()) > maxUDPFlowsOfOne+maxHalfOpenOfOne {
			t.Errorf("%d half-open, %d flows", e.halfOpen.Load(), len(e.Flows()))
		}
		// What is left is torn, so that the next begins as this one did.
		for _, s := range c.ends {
			c.say(c.segment(s, s.next, s.ack, rstFlag|ackFlag, nil))
		}
		e.live.abortAll()
		e.live.bar(false)
	})
}

// conversations are the first: the numbers of what is said, 0x80 and what
// follows each.
var conversations = [][]byte{
	{0x80, 0, 0, 0xff, 0x81, 0, 5, 'h', 'e', 'l', 'l', 'o', 0, 0, 0, 0, 0xff, 0x83, 0, 0, 0, 0, 0, 0xff},                     // said and ended
	{0x80, 1, 0, 0xff, 0x81, 1, 2, 0, 3, 0, 0, 0, 0, 0xff, 0x83, 1, 1, 0, 0, 0, 0xff},                                        // torn
	{0x80, 0, 0, 0xff, 0x80, 0, 0, 0xff, 0x81, 0, 1, 'a', 0xff, 0x90, 0, 0, 0xff, 0x89, 0, 0x89, 1, 0x8a, 1, 2, 14, 3, 0, 0}, // twice, and garbled
	{0x84, 1, 4, 1, 2, 3, 4, 0x84, 2, 0, 0x84, 0, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1},                                              // datagrams
	{5, 0, 0, 64, 1, 2, 3, 4, 5, 6, 7, 8, 5, 0, 0, 64, 9, 9, 9, 9, 0, 0, 0, 0, 1, 0, 8, 0x85, 0, 0, 8, 0, 0, 0, 1, 2},        // pieces
	{0x87, 0, 1, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0x87, 1, 2, 2, 0, 1, 0x88, 0, 0, 0, 3, 5, 0, 0x88, 0, 1, 1, 0, 4, 220},     // complaints
	{0x8b, 0, 0x8b, 1, 0, 12, 1, 2, 3, 4, 0x8b, 1, 2, 30, 17, 0, 0, 1, 0x80, 2, 0, 0xff, 0x81, 2, 0, 0xff, 0x91, 0x83, 2, 5}, // others
}
