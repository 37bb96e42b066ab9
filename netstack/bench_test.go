package netstack

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"davit/netstack/nstest"
)

// One iteration of a throughput benchmark moves this many bytes.
const benchChunk = 1 << 20

func benchmarkAttach(b *testing.B, spares int) {
	n := newNetwork(b, Config{Spares: spares})
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprint(i)
		if _, err := n.Attach(context.Background(), EndpointConfig{ID: id}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := n.Detach(id); err != nil {
			b.Fatal(err)
		}
		for len(n.spares.ready) < cap(n.spares.ready) { // as at a person's pace
			runtime.Gosched()
		}
		b.StartTimer()
	}
}

func BenchmarkAttachReady(b *testing.B) { benchmarkAttach(b, 2) }
func BenchmarkAttachMade(b *testing.B)  { benchmarkAttach(b, -1) }

func BenchmarkDetach(b *testing.B) {
	n := newNetwork(b, Config{Spares: -1})
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprint(i)
		b.StopTimer()
		if _, err := n.Attach(context.Background(), EndpointConfig{ID: id}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := n.Detach(id); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		n, err := New(Config{ResolvConf: os.DevNull, Spares: -1})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = n.Close()
		b.StartTimer()
	}
}

// pump measures a connection; up sends from the dialling side.
func pump(b *testing.B, l *net.TCPListener, dial func() (net.Conn, error), up bool) {
	b.Helper()
	buf := make([]byte, benchChunk)
	done := make(chan int64, 1)
	serveOne := func(c net.Conn, sends bool) {
		if !sends {
			n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 1<<18))
			done <- n
			return
		}
		for {
			if _, err := c.Write(buf); err != nil {
				return
			}
		}
	}
	nstest.Serve(l, func(c *net.TCPConn) { serveOne(c, !up) })
	c, err := dial()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.SetBytes(benchChunk)
	in := make([]byte, benchChunk)
	for b.Loop() {
		if up {
			_, err = c.Write(buf)
		} else {
			_, err = io.ReadFull(c, in)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if up {
		_ = c.(*net.TCPConn).CloseWrite()
		<-done
	}
}

func direction(b *testing.B, f func(b *testing.B, up bool)) {
	b.Run("up", func(b *testing.B) { f(b, true) })
	b.Run("down", func(b *testing.B) { f(b, false) })
}

func BenchmarkLoopback(b *testing.B) {
	direction(b, func(b *testing.B, up bool) {
		l := listenHost(b, "127.0.0.1:0")
		pump(b, l, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }, up)
	})
}

func benchmarkPublished(b *testing.B, path Path) {
	direction(b, func(b *testing.B, up bool) {
		n := newNetwork(b, Config{Path: path})
		a := attach(b, n, "a")
		ports, err := n.Publish(context.Background(), "a", []Port{{ContainerPort: 80}})
		if err != nil {
			b.Fatal(err)
		}
		pump(b, listenIn(b, a, 80), func() (net.Conn, error) { return net.Dial("tcp", ports[0].Host().String()) }, up)
	})
}

func BenchmarkPublishedDirect(b *testing.B) { benchmarkPublished(b, PathDirect) }
func BenchmarkPublishedStack(b *testing.B)  { benchmarkPublished(b, PathStack) }

func BenchmarkOutbound(b *testing.B) {
	direction(b, func(b *testing.B, up bool) {
		n := newNetwork(b, Config{})
		a := attach(b, n, "a")
		l := listenHost(b, hostIP.String()+":0")
		pump(b, l, func() (net.Conn, error) { return dialIn(a, l.Addr().String()) }, up)
	})
}

func BenchmarkBetweenContainers(b *testing.B) {
	n := newNetwork(b, Config{})
	a, c := attach(b, n, "a"), attach(b, n, "c")
	l := listenIn(b, c, 80)
	pump(b, l, func() (net.Conn, error) { return dialIn(a, l.Addr().String()) }, true)
}

func benchmarkConnections(b *testing.B, l *net.TCPListener, to string) {
	nstest.Serve(l, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	b.RunParallel(func(p *testing.PB) {
		buf := []byte{0}
		for p.Next() {
			c, err := net.Dial("tcp", to)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = c.Write(buf)
			if _, err := io.ReadFull(c, buf); err != nil {
				b.Error(err)
			}
			_ = c.(*net.TCPConn).SetLinger(0) // the test's ports are few
			c.Close()
		}
	})
}

func BenchmarkConnectionsLoopback(b *testing.B) {
	l := listenHost(b, "127.0.0.1:0")
	benchmarkConnections(b, l, l.Addr().String())
}

func BenchmarkConnectionsDirect(b *testing.B) {
	n := newNetwork(b, Config{})
	a := attach(b, n, "a")
	ports, err := n.Publish(context.Background(), "a", []Port{{ContainerPort: 80}})
	if err != nil {
		b.Fatal(err)
	}
	benchmarkConnections(b, listenIn(b, a, 80), ports[0].Host().String())
}
