package netstack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/netstack/nstest"
)

func echo(c *net.TCPConn) { _, _ = io.Copy(c, c) }

func say(t *testing.T, c *net.TCPConn, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWrite()
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "hello" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestEndpointsTalk(t *testing.T) {
	n := newNetwork(t, Config{})
	a, b := attach(t, n, "a"), attach(t, n, "b")
	nstest.Serve(listenIn(t, b, 80), echo)
	c, err := dialIn(a, netip.AddrPortFrom(b.IP, 80).String())
	say(t, c, err)
}

func TestOutbound(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	l := listenHost(t, hostIP.String()+":0")
	nstest.Serve(l, echo)
	c, err := dialIn(a, l.Addr().String())
	say(t, c, err)
}

func TestRefusedDestinations(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	l := listenHost(t, "0.0.0.0:0")
	nstest.Serve(l, echo)
	port := l.Addr().(*net.TCPAddr).Port
	for _, ip := range []string{n.Gateway().String(), "169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "127.1.2.3", "10.88.0.200", "240.0.0.1"} {
		start := time.Now()
		c, err := dialIn(a, fmt.Sprintf("%s:%d", ip, port))
		if err == nil {
			c.Close()
			t.Errorf("%s was reached", ip)
		}
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("%s was refused after %v only", ip, took)
		}
	}
	if _, err := dialIn(a, fmt.Sprintf("%s:1", hostIP)); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("closed port of the host: %v", err)
	}
}

func publish(t *testing.T, n *Network, id string, p Port) Port {
	t.Helper()
	got, err := n.Publish(context.Background(), id, []Port{p})
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

func eachPath(t *testing.T, f func(*testing.T, Path)) {
	for _, p := range []Path{PathDirect, PathStack} {
		t.Run(string(p), func(t *testing.T) { f(t, p) })
	}
}

func TestPublishedBytesAreEqual(t *testing.T) {
	eachPath(t, func(t *testing.T, path Path) {
		n := newNetwork(t, Config{Path: path})
		a := attach(t, n, "a")
		const size = 64 << 20
		sums := make(chan [32]byte, 2)
		nstest.Serve(listenIn(t, a, 80), func(c *net.TCPConn) {
			h := sha256.New()
			go func() { sums <- send(c, size, 2) }()
			if _, err := io.Copy(h, c); err != nil {
				t.Error(err)
			}
			sums <- [32]byte(h.Sum(nil))
			<-t.Context().Done()
		})
		p := publish(t, n, "a", Port{ContainerPort: 80})
		start := time.Now()
		c, err := net.Dial("tcp", p.Host().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		up := make(chan [32]byte, 1)
		go func() { up <- send(c.(*net.TCPConn), size, 1) }()
		h := sha256.New()
		if n, err := io.Copy(h, c); err != nil || n != size {
			t.Fatalf("%d bytes, %v", n, err)
		}
		want := map[[32]byte]bool{<-up: true, [32]byte(h.Sum(nil)): true}
		for range 2 {
			if got := <-sums; !want[got] {
				t.Errorf("sum %x is none of %v", got, want)
			}
		}
		t.Logf("2 × %d MiB with sums in %v", size>>20, time.Since(start))
	})
}

func send(c *net.TCPConn, size int64, seed byte) [32]byte {
	h := sha256.New()
	_, _ = io.Copy(io.MultiWriter(c, h), io.LimitReader(rand.NewChaCha8([32]byte{seed}), size))
	_ = c.CloseWrite()
	return [32]byte(h.Sum(nil))
}

// A client that has said all it has to say still gets the answer, and so the
// other way round.
func TestHalfClose(t *testing.T) {
	eachPath(t, func(t *testing.T, path Path) {
		n := newNetwork(t, Config{Path: path})
		a := attach(t, n, "a")
		nstest.Serve(listenIn(t, a, 80), func(c *net.TCPConn) {
			b, err := io.ReadAll(c)
			if err == nil {
				_, _ = c.Write(append([]byte("re: "), b...))
			}
		})
		heard := make(chan error, 1)
		nstest.Serve(listenIn(t, a, 81), func(c *net.TCPConn) {
			_ = c.CloseWrite()
			b, err := io.ReadAll(c)
			if string(b) != "late" {
				err = fmt.Errorf("after half-close: %q, %v", b, err)
			}
			heard <- err
		})
		c, err := net.Dial("tcp", publish(t, n, "a", Port{ContainerPort: 80}).Host().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte("question"))
		_ = c.(*net.TCPConn).CloseWrite()
		if b, err := io.ReadAll(c); err != nil || string(b) != "re: question" {
			t.Fatalf("got %q, %v", b, err)
		}
		c.Close()
		if c, err = net.Dial("tcp", publish(t, n, "a", Port{ContainerPort: 81}).Host().String()); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(c); err != nil || len(b) != 0 {
			t.Fatalf("got %q, %v", b, err)
		}
		if _, err := c.Write([]byte("late")); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if err := <-heard; err != nil {
			t.Fatal(err)
		}
	})
}

func TestResetIsPassedOn(t *testing.T) {
	eachPath(t, func(t *testing.T, path Path) {
		n := newNetwork(t, Config{Path: path})
		a := attach(t, n, "a")
		nstest.Serve(listenIn(t, a, 80), func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 1))
			_ = c.SetLinger(0)
		})
		c, err := net.Dial("tcp", publish(t, n, "a", Port{ContainerPort: 80}).Host().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = c.Write([]byte("x"))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
			t.Fatalf("got %v, want a reset", err)
		}
		if err := connectAndRead(publish(t, n, "a", Port{ContainerPort: 9})); !errors.Is(err, unix.ECONNRESET) {
			t.Fatalf("port that nothing listens on: got %v, want a reset", err)
		}
	})
}

// What listens on the container's own loopback is not published.
func TestLoopbackOfContainerIsPrivate(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	l := within(t, a.Namespace(), func() (net.Listener, error) { return net.Listen("tcp4", "127.0.0.1:80") })
	defer l.Close()
	nstest.Serve(l.(*net.TCPListener), echo)
	if err := connectAndRead(publish(t, n, "a", Port{ContainerPort: 80})); !errors.Is(err, unix.ECONNRESET) {
		t.Fatalf("got %v, want a reset", err)
	}
}

// connectAndRead gives the first error; a reset may come before connect(2)
// has returned.
func connectAndRead(p Port) error {
	c, err := net.Dial("tcp", p.Host().String())
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	return err
}

func TestPublishAllOrNone(t *testing.T) {
	n := newNetwork(t, Config{})
	attach(t, n, "a")
	taken := listenHost(t, "127.0.0.1:0")
	free := listenHost(t, "127.0.0.1:0")
	freePort := uint16(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	_, err := n.Publish(context.Background(), "a", []Port{
		{HostPort: freePort, ContainerPort: 1},
		{HostPort: uint16(taken.Addr().(*net.TCPAddr).Port), ContainerPort: 2},
	})
	var pe *PortError
	if !errors.As(err, &pe) || !errors.Is(err, unix.EADDRINUSE) || pe.Port.ContainerPort != 2 {
		t.Fatalf("got %v", err)
	}
	listenHost(t, fmt.Sprintf("127.0.0.1:%d", freePort)) // is free again
}

func TestPublishUDP(t *testing.T) {
	eachPath(t, func(t *testing.T, path Path) {
		n := newNetwork(t, Config{Path: path})
		a := attach(t, n, "a")
		s := within(t, a.Namespace(), func() (net.PacketConn, error) { return net.ListenPacket("udp4", a.IP.String()+":53") })
		defer s.Close()
		go echoPackets(s)
		p := publish(t, n, "a", Port{ContainerPort: 53, Protocol: "udp"})
		for range 2 {
			c, err := net.Dial("udp4", p.Host().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			exchange(t, c)
		}
	})
}

func echoPackets(s net.PacketConn) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := s.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = s.WriteTo(buf[:n], from)
	}
}

// exchange sends datagrams and wants them back; the large one goes in fragments.
func exchange(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	for _, size := range []int{1, 1400, 9000} {
		if _, err := c.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1<<16)); err != nil || n != size {
			t.Fatalf("%d bytes came back as %d, %v", size, n, err)
		}
	}
}

func TestOutboundUDP(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	s, err := net.ListenPacket("udp4", hostIP.String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	go echoPackets(s)
	dial := func(to string) net.Conn {
		return within(t, a.Namespace(), func() (net.Conn, error) { return net.Dial("udp4", to) })
	}
	c := dial(s.LocalAddr().String())
	defer c.Close()
	exchange(t, c)

	refused := dial("169.254.169.254:53")
	defer refused.Close()
	_ = refused.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = refused.Write([]byte("x"))
	if _, err := refused.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNREFUSED) {
		t.Fatalf("refused destination: %v", err)
	}
}

func TestDetachEndsAll(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a", "web")
	nstest.Serve(listenIn(t, a, 80), echo)
	p := publish(t, n, "a", Port{ContainerPort: 80})
	c, err := net.Dial("tcp", p.Host().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := n.Detach("a"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(c); errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("connection goes on")
	}
	if _, err := net.Dial("tcp", p.Host().String()); !errors.Is(err, unix.ECONNREFUSED) {
		t.Fatalf("port is open: %v", err)
	}
	if err := n.Detach("a"); !errors.Is(err, ErrNotAttached) {
		t.Fatalf("twice: %v", err)
	}
}

func TestAttachAgainKeepsAddress(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	attach(t, n, "b")
	if again := attach(t, n, "a"); again.IP != a.IP {
		t.Fatalf("%s became %s", a.IP, again.IP)
	}
}

func TestAddressesComeBackLate(t *testing.T) {
	a := newAddresses(netip.MustParsePrefix("10.0.0.0/29"), netip.MustParseAddr("10.0.0.1"))
	first, _ := a.take()
	a.release(first)
	for range 4 {
		if ip, err := a.take(); err != nil || ip == first {
			t.Fatalf("%s, %v", ip, err)
		}
	}
	if ip, err := a.take(); err != nil || ip != first {
		t.Fatalf("%s, %v", ip, err)
	}
	if ip, err := a.take(); err == nil {
		t.Fatalf("%s was taken twice", ip)
	}
}

func TestPing(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	ping := func(ip string) error {
		_, err := nstest.Within(a.Namespace(), func() (int, error) {
			f, err := openPing(netip.MustParseAddr(ip))
			if err != nil {
				return 0, err
			}
			defer f.Close()
			_ = f.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := f.Write([]byte{icmpEcho, 0, 0, 0, 0, 0, 0, 1, 'h', 'i'}); err != nil {
				return 0, err
			}
			return f.Read(make([]byte, 100))
		})
		return err
	}
	for _, ip := range []string{n.Gateway().String(), hostIP.String()} {
		if err := ping(ip); err != nil {
			t.Errorf("ping %s: %v", ip, err)
		}
	}
	if err := ping("169.254.169.254"); !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("ping of a refused address: %v", err)
	}
}
