package netstack

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/netstack/nstest"
)

// A container learns of a destination that cannot be reached what the host
// would, over TCP and UDP and with ping, and at once.
func TestUnreachableIsToldAsItIs(t *testing.T) {
	n := newNetwork(t, Config{Subnet6: testSubnet6})
	a := attach(t, n, "a")
	for ip, want := range map[netip.Addr]error{
		hostIP: unix.ECONNREFUSED, nstest.Nowhere: unix.EHOSTUNREACH, nstest.Unrouted: unix.ENETUNREACH,
		nstest.HostIP6: unix.ECONNREFUSED, nstest.Nowhere6: unix.EHOSTUNREACH, netip.MustParseAddr("2001:db8:5::1"): unix.ENETUNREACH,
	} {
		to := netip.AddrPortFrom(ip, 9).String()
		_, err := nstest.Within(a.Namespace(), func() (net.Conn, error) { return net.DialTimeout("tcp", to, 30*time.Second) })
		if !errors.Is(err, want) {
			t.Errorf("tcp to %s: %v, want %v", ip, err, want)
		}
		if err := spokenTo(t, a, to); !errors.Is(err, want) {
			t.Errorf("udp to %s: %v, want %v", ip, err, want)
		}
	}
	for ip, want := range map[netip.Addr]error{nstest.Nowhere: unix.EHOSTUNREACH, nstest.Unrouted: unix.ENETUNREACH} {
		if err := pinged(a, ip); !errors.Is(err, want) {
			t.Errorf("ping of %s: %v, want %v", ip, err, want)
		}
	}
}

// spokenTo sends a datagram, and gives what is said of it. A socket is told of
// errors that may pass only when it asks for them.
func spokenTo(t *testing.T, e *Endpoint, to string) error {
	t.Helper()
	c := within(t, e.Namespace(), func() (net.Conn, error) { return net.Dial("udp", to) })
	defer c.Close()
	raw, err := c.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_RECVERR, 1)
	})
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

// pinged sends an echo request, and gives what is said of it.
func pinged(e *Endpoint, ip netip.Addr) error {
	_, err := nstest.Within(e.Namespace(), func() (int, error) {
		f, err := openPing(ip)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		raw, err := f.SyscallConn()
		if err != nil {
			return 0, err
		}
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_RECVERR, 1) })
		_ = f.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := f.Write([]byte{icmpEcho, 0, 0, 0, 0, 0, 0, 1, 'h', 'i'}); err != nil {
			return 0, err
		}
		return f.Read(make([]byte, 100))
	})
	return err
}

// A container that wants its datagrams whole learns what a path takes; what it
// sends in pieces goes on in pieces, and a far end that comes back is reached.
func TestPathMTUIsTold(t *testing.T) {
	n := newNetwork(t, Config{Subnet6: testSubnet6})
	a := attach(t, n, "a")
	for ip, head := range map[netip.Addr]int{nstest.Narrow: 28, nstest.Narrow6: 48} {
		c := within(t, a.Namespace(), func() (net.Conn, error) { return net.Dial("udp", netip.AddrPortFrom(ip, 9).String()) })
		defer c.Close()
		whole(t, c.(*net.UDPConn))
		if _, err := c.Write(make([]byte, n.MTU()-head)); err != nil {
			t.Fatalf("%s: the first datagram: %v", ip, err)
		}
		until(t, "the MTU", func() bool {
			_, err := c.Write(make([]byte, n.MTU()-head))
			return errors.Is(err, unix.EMSGSIZE)
		})
		// What was said of the last long one may be told by the next call.
		until(t, "what fits", func() bool {
			_, err := c.Write(make([]byte, nstest.NarrowMTU-head))
			return err == nil
		})
		if _, err := c.Write(make([]byte, nstest.NarrowMTU-head+1)); !errors.Is(err, unix.EMSGSIZE) {
			t.Errorf("%s: one byte more: %v", ip, err)
		}
	}
}

// whole has a socket send nothing in pieces.
func whole(t *testing.T, c *net.UDPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO) != nil {
			err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A datagram is not lost because the one before it was refused.
func TestRefusalCostsOneDatagram(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	s, err := net.ListenPacket("udp4", hostIP.String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	at := s.LocalAddr().String()
	s.Close()
	c := within(t, a.Namespace(), func() (net.Conn, error) { return net.Dial("udp4", at) })
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write([]byte("early")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNREFUSED) {
		t.Fatalf("nobody listens: %v", err)
	}
	if s, err = net.ListenPacket("udp4", at); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	go echoPackets(s)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if k, err := c.Read(make([]byte, 10)); k != 1 || err != nil {
		t.Fatalf("somebody listens: %d, %v", k, err)
	}
}
