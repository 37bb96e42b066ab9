package netstack

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"davit/netstack/nstest"
)

// seenBy serves in a container: every connection is told whose it is.
func seenBy(t *testing.T, e *Endpoint, network string, ip netip.Addr) {
	t.Helper()
	l := within(t, e.Namespace(), func() (net.Listener, error) { return net.Listen(network, netip.AddrPortFrom(ip, 80).String()) })
	t.Cleanup(func() { _ = l.Close() })
	nstest.Serve(l.(*net.TCPListener), func(c *net.TCPConn) { fmt.Fprint(c, c.RemoteAddr()) })
}

func asked(t *testing.T, from, to string) string {
	t.Helper()
	d := net.Dialer{Timeout: 10 * time.Second}
	if from != "" {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))
	}
	c, err := d.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	ap, err := netip.ParseAddrPort(string(b))
	if err != nil {
		t.Fatal(err)
	}
	own := c.LocalAddr().(*net.TCPAddr).AddrPort()
	if own.Addr() == ap.Addr() && own.Port() != ap.Port() {
		t.Logf("the client's port %d became %d", own.Port(), ap.Port())
	}
	return ap.Addr().String()
}

// The container sees who it serves; a client on the host's loopback is seen as
// the gateway. Programs that speak one protocol only are reached by both.
func TestContainerSeesItsClients(t *testing.T) {
	eachPath(t, func(t *testing.T, path Path) {
		n := newNetwork(t, Config{Path: path, Subnet6: testSubnet6})
		four, six := attach(t, n, "four"), attach(t, n, "six")
		seenBy(t, four, "tcp4", four.IP)
		seenBy(t, six, "tcp6", six.IP6)
		any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
		for _, c := range []struct {
			what, id string
			listen   netip.Addr
			from, at string
			want     netip.Addr
		}{
			{"a client of the network", "four", any4, hostIP.String(), hostIP.String(), hostIP},
			{"a client on loopback", "four", any4, "", "127.0.0.1", n.Gateway()},
			{"loopback over IPv6, served over IPv4", "four", any6, "", "::1", n.Gateway()},
			{"a client over IPv6", "six", any6, nstest.HostIP6.String(), nstest.HostIP6.String(), nstest.HostIP6},
			{"loopback over IPv6", "six", any6, "", "::1", n.Gateway6()},
			{"over IPv4, served over IPv6", "six", any4, hostIP.String(), hostIP.String(), n.Gateway6()},
			{"over IPv6, served over IPv4", "four", any6, nstest.HostIP6.String(), nstest.HostIP6.String(), n.Gateway()},
		} {
			p := publish(t, n, c.id, Port{HostIP: c.listen, ContainerPort: 80})
			at := net.JoinHostPort(c.at, fmt.Sprint(p.HostPort))
			for range 3 {
				if got := asked(t, c.from, at); got != c.want.String() {
					t.Errorf("%s: the container saw %s, want %s", c.what, got, c.want)
				}
			}
		}
	})
}

// A port that is shown to clients' addresses can be used for the container's
// own connections as well.
func TestServingPortSpeaksToOthers(t *testing.T) {
	n := newNetwork(t, Config{})
	a, b := attach(t, n, "a"), attach(t, n, "b")
	seenBy(t, a, "tcp4", a.IP)
	p := publish(t, n, "a", Port{HostIP: netip.IPv4Unspecified(), ContainerPort: 80})
	asked(t, hostIP.String(), netip.AddrPortFrom(hostIP, p.HostPort).String())
	if got := within(t, b.Namespace(), func() (string, error) { return asked(t, "", netip.AddrPortFrom(a.IP, 80).String()), nil }); got != b.IP.String() {
		t.Errorf("a neighbour was seen as %s", got)
	}
	l := listenHost(t, hostIP.String()+":0")
	nstest.Serve(l, echo)
	c, err := nstest.Within(a.Namespace(), func() (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: a.IP.AsSlice(), Port: 443}, Timeout: 10 * time.Second}
		return d.Dial("tcp4", l.Addr().String())
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// A datagram's sender is seen, and the container can speak to it and to others
// from the port that is published.
func TestPublishedUDPShowsSender(t *testing.T) {
	eachPath(t, func(t *testing.T, path Path) {
		n := newNetwork(t, Config{Path: path})
		a := attach(t, n, "a")
		s := within(t, a.Namespace(), func() (net.PacketConn, error) { return net.ListenPacket("udp4", a.IP.String()+":53") })
		defer s.Close()
		p := publish(t, n, "a", Port{HostIP: hostIP, ContainerPort: 53, Protocol: "udp"})
		c, err := net.DialUDP("udp4", &net.UDPAddr{IP: hostIP.AsSlice()}, net.UDPAddrFromAddrPort(p.Host()))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, x := range []net.Conn{c} {
			_ = x.SetDeadline(time.Now().Add(10 * time.Second))
		}
		_ = s.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = c.Write([]byte("hello"))
		buf := make([]byte, 100)
		k, from, err := s.ReadFrom(buf)
		if err != nil || string(buf[:k]) != "hello" || from.String() != c.LocalAddr().String() {
			t.Fatalf("%q from %v, %v; want %v", buf[:k], from, err, c.LocalAddr())
		}
		_, _ = s.WriteTo([]byte("back"), from)
		if k, err := c.Read(buf); err != nil || string(buf[:k]) != "back" {
			t.Fatalf("%q, %v", buf[:k], err)
		}
		other, err := net.ListenPacket("udp4", hostIP.String()+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		_ = other.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = s.WriteTo([]byte("first"), other.LocalAddr())
		if k, _, err := other.ReadFrom(buf); err != nil || string(buf[:k]) != "first" {
			t.Fatalf("%q, %v", buf[:k], err)
		}
	})
}

// A datagram from the host's loopback comes from the gateway, at whichever
// address the container listens; it answers, and several clients are several.
// From the port that it serves it can ask the resolver all the same.
func TestPublishedUDPFromLoopback(t *testing.T) {
	eachPath(t, func(t *testing.T, path Path) {
		n := newNetwork(t, Config{Path: path, Subnet6: testSubnet6})
		a := attach(t, n, "a", "web")
		for i, listen := range []string{"0.0.0.0:53", a.IP.String() + ":54", "[::]:55"} {
			s := within(t, a.Namespace(), func() (net.PacketConn, error) { return net.ListenPacket("udp", listen) })
			defer s.Close()
			p := publish(t, n, "a", Port{HostIP: [...]netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv4Unspecified(), netip.IPv6Loopback()}[i],
				ContainerPort: uint16(53 + i), Protocol: "udp"})
			seen := map[netip.AddrPort]bool{}
			for range 3 {
				seen[saidOver(t, s, p, n.Gateway())] = true
			}
			if len(seen) != 3 {
				t.Errorf("%s: three clients are seen as %v", listen, seen)
			}
			if i == 0 {
				if path == PathDirect && len(a.inside.led) == 0 {
					t.Error("that was not the short way")
				}
				if got := answersTo(t, s, n.Gateway(), "web."); got != "NOERROR "+a.IP.String() {
					t.Errorf("the resolver told a server of names %s", got)
				}
			}
		}
	})
}

// saidOver has one client of p speak with s, and tells whom s saw.
func saidOver(t *testing.T, s net.PacketConn, p Port, want netip.Addr) netip.AddrPort {
	t.Helper()
	c, err := net.Dial("udp", netip.AddrPortFrom(loopbackOf(p.HostIP), p.HostPort).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	deadline := time.Now().Add(30 * time.Second)
	_, _ = c.SetDeadline(deadline), s.SetDeadline(deadline)
	buf := make([]byte, 100)
	var from net.Addr
	for _, text := range []string{"one", "two"} {
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		var k int
		if k, from, err = s.ReadFrom(buf); err != nil || string(buf[:k]) != text {
			t.Fatalf("the container got %q, %v", buf[:k], err)
		}
		if _, err := s.WriteTo([]byte("re: "+text), from); err != nil {
			t.Fatal(err)
		}
		if k, err = c.Read(buf); err != nil || string(buf[:k]) != "re: "+text {
			t.Fatalf("the client got %q, %v", buf[:k], err)
		}
	}
	ap := from.(*net.UDPAddr).AddrPort()
	ap = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	if ap.Addr() != want {
		t.Errorf("the container saw %s, want %s", ap, want)
	}
	return ap
}

func loopbackOf(ip netip.Addr) netip.Addr {
	if ip.IsUnspecified() && ip.Is4() {
		return netip.MustParseAddr("127.0.0.1")
	}
	return ip
}

// answersTo asks the gateway's resolver from a socket.
func answersTo(t *testing.T, s net.PacketConn, gateway netip.Addr, name string) string {
	t.Helper()
	q, err := new(dns.Msg).SetQuestion(name, dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteTo(q, net.UDPAddrFromAddrPort(netip.AddrPortFrom(gateway, dnsPort))); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, dns.MinMsgSize)
	k, _, err := s.ReadFrom(buf)
	var m dns.Msg
	if err == nil {
		err = m.Unpack(buf[:k])
	}
	if err != nil {
		t.Fatal(err)
	}
	return answers(&m)
}
