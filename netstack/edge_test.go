package netstack

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"gvisor.dev/gvisor/pkg/buffer"
)

var (
	edgeGateway = netip.MustParseAddr("10.88.0.1")
	edgeMember  = netip.MustParseAddr("10.88.0.2")
)

// frame is an Ethernet frame with an IPv4 packet from src to dst.
func frame(from mac, to mac, src, dst netip.Addr, protocol byte, payload ...byte) []byte {
	b := append(append([]byte{}, to[:]...), from[:]...)
	b = binary.BigEndian.AppendUint16(b, etherIPv4)
	ip := make([]byte, ipv4Min)
	ip[0], ip[8], ip[9] = 0x45, 64, protocol
	binary.BigEndian.PutUint16(ip[2:], uint16(ipv4Min+len(payload)))
	s, d := src.As4(), dst.As4()
	copy(ip[12:], s[:])
	copy(ip[16:], d[:])
	return append(append(b, ip...), payload...)
}

func frame6(from mac, to mac, src, dst netip.Addr, protocol byte, payload ...byte) []byte {
	b := append(append([]byte{}, to[:]...), from[:]...)
	b = binary.BigEndian.AppendUint16(b, etherIPv6)
	b = append(b, 0x60, 0, 0, 0, 0, byte(len(payload)), protocol, 64)
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	return append(b, payload...)
}

func arpFrame(from mac, hw mac, sender, target netip.Addr) []byte {
	b := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, from[:]...)
	b = binary.BigEndian.AppendUint16(b, etherARP)
	a := []byte{0, 1, 8, 0, 6, 4, 0, 1}
	s, g := sender.As4(), target.As4()
	a = append(append(append(append(a, hw[:]...), s[:]...), make([]byte, 6)...), g[:]...)
	return append(b, a...)
}

func TestEdgeAdmitsOnlyWhoIsWhoItSays(t *testing.T) {
	gateway6, member6 := netip.MustParseAddr("fd00:1::1"), netip.MustParseAddr("fd00:1::2")
	e := newEdge(edgeGateway, gateway6)
	e.pin(macFor(edgeMember), pinOf(edgeMember, member6))
	us, member, stranger := mac(macFor(edgeGateway)), mac(macFor(edgeMember)), mac{2, 0, 0, 0, 0, 9}
	out, other := netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("10.88.0.3")
	out6 := netip.MustParseAddr("2001:db8::1")
	const tcp = 6
	for _, c := range []struct {
		what  string
		frame []byte
		want  verdict
	}{
		{"to the outside", frame(member, us, edgeMember, out, tcp), toIPv4},
		{"foreign MAC", frame(stranger, us, edgeMember, out, tcp), drop},
		{"another's address", frame(member, us, other, out, tcp), drop},
		{"to another's MAC", frame(member, stranger, edgeMember, out, tcp), drop},
		{"broadcast", frame(member, mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, edgeMember, out, tcp), drop},
		{"echo to the outside", frame(member, us, edgeMember, out, protocolICMP, icmpEcho, 0, 0, 0, 0, 0, 0, 0), toEcho},
		{"echo to the gateway", frame(member, us, edgeMember, edgeGateway, protocolICMP, icmpEcho, 0, 0, 0, 0, 0, 0, 0), toIPv4},
		{"other ICMP to the outside", frame(member, us, edgeMember, out, protocolICMP, 3, 0, 0, 0, 0, 0, 0, 0), drop},
		{"cut", frame(member, us, edgeMember, out, tcp)[:20], drop},
		{"who has the gateway", arpFrame(member, member, edgeMember, edgeGateway), toARP},
		{"who has another", arpFrame(member, member, edgeMember, other), drop},
		{"another's address is mine", arpFrame(member, member, other, edgeGateway), drop},
		{"to the outside over IPv6", frame6(member, us, member6, out6, tcp), toIPv6},
		{"another's IPv6 address", frame6(member, us, gateway6, out6, tcp), drop},
		{"echo over IPv6", frame6(member, us, member6, out6, protocolICMPv6, icmpv6Echo, 0, 0, 0, 0, 0, 0, 0), toEcho},
		{"echo to the gateway over IPv6", frame6(member, us, member6, gateway6, protocolICMPv6, icmpv6Echo, 0, 0, 0, 0, 0, 0, 0), toIPv6},
		{"a router's advertisement", frame6(member, us, member6, gateway6, protocolICMPv6, ndRouter, 0, 0, 0, 0, 0, 0, 0), drop},
		{"a fragment of UDP", frame6(member, us, member6, out6, protocolFragment, protocolUDP, 0, 0, 1, 0, 0, 0, 0), toIPv6},
		{"a fragment of ICMP", frame6(member, us, member6, out6, protocolFragment, protocolICMPv6, 0, 0, 1, 0, 0, 0, 0), drop},
		{"ICMP behind options", frame6(member, us, member6, out6, 0, protocolICMPv6, 0, 0, 0, 0, 0, 0, 0), drop},
		{"my address is at a stranger's", arpFrame(member, stranger, edgeMember, edgeGateway), drop},
	} {
		if got := e.judge(anyLink, c.frame[:ethernetSize], c.frame[ethernetSize:]); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	e.unpin(macFor(edgeMember))
	f := frame(member, us, edgeMember, out, tcp)
	if got := e.judge(anyLink, f[:ethernetSize], f[ethernetSize:]); got != drop {
		t.Errorf("after detach: %v", got)
	}
}

// FuzzFrames feeds frames to a whole stack, as they come from its tap. Half of
// them are made to pass the edge.
func FuzzFrames(f *testing.F) {
	n := newNetwork(f, Config{Spares: -1, Subnet6: testSubnet6})
	member := attach(f, n, "a")
	from, us := mac(member.MAC), n.link.edge.mac
	for _, dst := range []netip.Addr{n.Gateway(), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("224.0.0.1")} {
		for _, protocol := range []byte{1, 2, 6, 17} {
			f.Add(true, frame(from, us, member.IP, dst, protocol, make([]byte, 40)...))
		}
	}
	f.Add(true, arpFrame(from, from, member.IP, n.Gateway()))
	for _, protocol := range []byte{0, protocolTCP, protocolUDP, protocolFragment, protocolICMPv6} {
		f.Add(true, frame6(from, us, member.IP6, n.Gateway6(), protocol, make([]byte, 40)...))
	}
	f.Add(false, []byte{})
	body := buffer.NewViewSize(maxPacket)
	f.Fuzz(func(t *testing.T, honest bool, b []byte) {
		if len(b) < ethernetSize || len(b) > ethernetSize+maxPacket-1 {
			return
		}
		if honest {
			makeHonest(b, from, us, member.IP, n)
		}
		packet := b[ethernetSize:]
		copy(body.AsSlice(), packet)
		body = n.link.receive(anyLink, b[:ethernetSize], body, len(packet))
	})
}

// makeHonest gives a frame the addresses that let it pass, and keeps it from
// leaving the machine: the outside is the host's own loopback, which is refused.
func makeHonest(b []byte, from, us mac, ip netip.Addr, n *Network) {
	copy(b[0:6], us[:])
	copy(b[6:12], from[:])
	if len(b) < ethernetSize+ipv4Min {
		return
	}
	if binary.BigEndian.Uint16(b[12:]) == etherIPv6 && len(b) >= ethernetSize+ipv6Size {
		copy(b[ethernetSize+8:], n.derive6(ip).AsSlice())
		copy(b[ethernetSize+24:], n.Gateway6().AsSlice())
		return
	}
	s, g := ip.As4(), n.Gateway().As4()
	copy(b[ethernetSize+12:], s[:])
	if b[ethernetSize+16] != 127 && b[ethernetSize+16] < 224 {
		copy(b[ethernetSize+16:], g[:])
	}
}
