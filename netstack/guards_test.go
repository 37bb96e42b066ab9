package netstack

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/netstack/nstest"
)

// packetSocket is what a container with NET_RAW can make: it sends and
// receives whole frames.
func packetSocket(t testing.TB, e *Endpoint) *os.File {
	t.Helper()
	return within(t, e.Namespace(), func() (*os.File, error) {
		const all = 0x0300 // ETH_P_ALL in network byte order
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, all)
		if err != nil {
			return nil, err
		}
		if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: e.index}); err != nil {
			return nil, err
		}
		f := os.NewFile(uintptr(fd), "packet")
		t.Cleanup(func() { _ = f.Close() })
		return f, nil
	})
}

// advertisement is a neighbour advertisement for about, from src.
func advertisement(from, to mac, src, dst, about netip.Addr) []byte {
	body := append([]byte{ndAdvertisement, 0, 0, 0, 0x60, 0, 0, 0}, about.AsSlice()...)
	return frame6(from, to, src, dst, protocolICMPv6, append(body, 2, 1, from[0], from[1], from[2], from[3], from[4], from[5])...)
}

// seen tells whether a frame with the mark arrives before the honest one, which
// is sent after it and must arrive.
func seen(t *testing.T, at *os.File, mark []byte) bool {
	t.Helper()
	_ = at.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, maxPacket)
	for got := false; ; {
		n, err := at.Read(buf)
		if err != nil {
			t.Fatal("the honest frame did not arrive:", err)
		}
		switch {
		case bytes.HasSuffix(buf[:n], mark):
			got = true
		case bytes.HasSuffix(buf[:n], honestMark):
			return got
		}
	}
}

var honestMark = []byte("honest-mark")

// Nobody speaks in another's name, and nobody hears what is another's: not
// even who may make frames of every kind.
func TestNobodySpeaksInAnothersName(t *testing.T) {
	n := newNetwork(t, Config{Subnet6: testSubnet6})
	victim, attacker, third := attach(t, n, "victim"), attach(t, n, "attacker"), attach(t, n, "third")
	if n.guards.cause != nil {
		t.Fatalf("this kernel has no nf_tables, and the test cannot tell: %v", n.guards.cause)
	}
	out, in := packetSocket(t, attacker), packetSocket(t, third)
	me, it, to := mac(attacker.MAC), mac(victim.MAC), mac(third.MAC)
	mark := []byte("spoofed-mark")
	tagged := frame(it, to, victim.IP, third.IP, protocolUDP, mark...)
	tagged = append(append(append([]byte{}, tagged[:12]...), 0x81, 0, 0, 5), tagged[12:]...)
	reply := arpFrame(me, me, victim.IP, third.IP)
	copy(reply, to[:])
	binary.BigEndian.PutUint16(reply[20:], 2)
	for what, f := range map[string][]byte{
		"another's MAC":                 frame(it, to, attacker.IP, third.IP, protocolUDP, mark...),
		"another's address":             frame(me, to, victim.IP, third.IP, protocolUDP, mark...),
		"both":                          frame(it, to, victim.IP, third.IP, protocolUDP, mark...),
		"the gateway's":                 frame(mac(macFor(n.Gateway())), to, n.Gateway(), third.IP, protocolUDP, mark...),
		"tagged":                        tagged,
		"ARP: another is here":          append(reply, mark...),
		"IPv6: another's address":       frame6(me, to, victim.IP6, third.IP6, protocolUDP, mark...),
		"IPv6: another's link's":        frame6(me, to, linkLocal(victim.MAC), third.IP6, protocolUDP, mark...),
		"neighbours: another is here":   append(advertisement(me, to, attacker.IP6, third.IP6, victim.IP6), mark...),
		"neighbours: I am the gateway":  append(advertisement(me, to, attacker.IP6, third.IP6, n.Gateway6()), mark...),
		"neighbours: I am a router":     frame6(me, to, linkLocal(attacker.MAC), third.IP6, protocolICMPv6, append([]byte{ndRouter, 0, 0, 0, 64, 0, 0, 0}, mark...)...),
		"neighbours: go another way":    frame6(me, to, attacker.IP6, third.IP6, protocolICMPv6, append([]byte{ndRedirect, 0, 0, 0, 0, 0, 0, 0}, mark...)...),
		"some other protocol":           append(append(append([]byte{}, to[:]...), me[:]...), append([]byte{0x88, 0xcc}, mark...)...),
		"no address, and not a probe":   frame6(me, to, netip.IPv6Unspecified(), third.IP6, protocolUDP, mark...),
		"another's MAC, asking for one": frame6(it, to, netip.IPv6Unspecified(), third.IP6, protocolICMPv6, append([]byte{ndSolicitation, 0, 0, 0, 0, 0, 0, 0}, append(third.IP6.AsSlice(), mark...)...)...),
	} {
		if _, err := out.Write(f); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if _, err := out.Write(frame(me, to, attacker.IP, third.IP, protocolUDP, honestMark...)); err != nil {
			t.Fatal(err)
		}
		if seen(t, in, mark) {
			t.Errorf("%s: the frame went through", what)
		}
	}
}

// Who sends from another's MAC does not draw that one's traffic to himself,
// and who has left does not hold his place.
func TestTrafficOfAnotherIsNotDrawn(t *testing.T) {
	n := newNetwork(t, Config{})
	victim, attacker, third := attach(t, n, "victim"), attach(t, n, "attacker"), attach(t, n, "third")
	evil, ear, mouth := packetSocket(t, attacker), packetSocket(t, victim), packetSocket(t, third)
	for range 10 {
		if _, err := evil.Write(frame(mac(victim.MAC), mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, victim.IP, third.IP, protocolUDP, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := mouth.Write(frame(mac(third.MAC), mac(victim.MAC), third.IP, victim.IP, protocolUDP, honestMark...)); err != nil {
		t.Fatal(err)
	}
	if seen(t, ear, []byte("none")) {
		t.Fatal("a mark that nobody sent")
	}
	_ = evil.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	buf := make([]byte, maxPacket)
	for {
		k, err := evil.Read(buf)
		if err != nil {
			return
		}
		if bytes.HasSuffix(buf[:k], honestMark) && mac(buf[0:6]) == mac(victim.MAC) {
			t.Fatal("the attacker got what was the victim's")
		}
	}
}

// Members of an isolated network have their way outside, and not each other.
func TestIsolatedMembersDoNotMeet(t *testing.T) {
	n := newNetwork(t, Config{Isolated: true, Subnet6: testSubnet6})
	a, b := attach(t, n, "a"), attach(t, n, "b")
	listenIn(t, b, 80)
	c, err := nstest.Within(a.Namespace(), func() (net.Conn, error) {
		return net.DialTimeout("tcp4", net.JoinHostPort(b.IP.String(), "80"), 300*time.Millisecond)
	})
	if err == nil {
		c.Close()
		t.Fatal("a reached b")
	}
	l := listenHost(t, hostIP.String()+":0")
	c, err = dialIn(a, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
