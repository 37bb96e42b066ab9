package netstack

import (
	"context"
	"io"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"davit/netstack/nstest"
)

// floodTime bounds each flood.
const floodTime = 2 * time.Second

// residentLimit is what a netd may hold in the worst of times.
const residentLimit = 200 << 20

// asNetd sets the collector as davit-netd does: what it may let lie is part of
// what is held.
func asNetd(t *testing.T) {
	percent, limit := debug.SetGCPercent(50), debug.SetMemoryLimit(160<<20)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
}

func resident(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// stillServed checks that another container is reached and reaches out.
func stillServed(t *testing.T, n *Network, e *Endpoint) {
	t.Helper()
	p := publish(t, n, e.ID, Port{ContainerPort: 80})
	c, err := net.DialTimeout("tcp", p.Host().String(), 10*time.Second)
	if err != nil {
		t.Fatal("into another container:", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = c.Write([]byte("x"))
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal("into another container:", err)
	}
	l := listenHost(t, hostIP.String()+":0")
	out, err := dialIn(e, l.Addr().String())
	if err != nil {
		t.Fatal("out of another container:", err)
	}
	out.Close()
}

// Whatever one container sends, the others are served and memory is bounded.
func TestFloodsLeaveOthersAlive(t *testing.T) {
	asNetd(t)
	n := newNetwork(t, Config{})
	evil, good := attach(t, n, "evil"), attach(t, n, "good")
	nstest.Serve(listenIn(t, good, 80), echo)
	raw := packetSocket(t, evil)
	us, me := mac(macFor(n.Gateway())), mac(evil.MAC)
	out := hostIP
	for what, send := range map[string]func(i int){
		"datagrams to many": func(i int) {
			_, _ = raw.Write(frame(me, us, evil.IP, out, protocolUDP, byte(i>>8), byte(i), byte(i>>4), 9, 0, 9, 0, 0, 'x'))
		},
		"half-open connections": func(i int) {
			_, _ = raw.Write(frame(me, us, evil.IP, out, protocolTCP,
				byte(i>>8), byte(i), 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0))
		},
		"fragments": func(i int) {
			f := frame(me, us, evil.IP, out, protocolUDP, make([]byte, 64)...)
			f[ethernetSize+4], f[ethernetSize+5], f[ethernetSize+6] = byte(i>>8), byte(i), 0x20
			_, _ = raw.Write(f)
		},
	} {
		for i, end := 0, time.Now().Add(floodTime); time.Now().Before(end); i++ {
			send(i)
		}
		stillServed(t, n, good)
		if r := resident(t); r > residentLimit {
			t.Errorf("%s: %d MiB are held", what, r>>20)
		}
	}
}

// Thousands of connections that do nothing, and that end by halves, cost little
// and hold nobody up.
func TestIdleAndHalfClosedConnections(t *testing.T) {
	n := newNetwork(t, Config{})
	a, good := attach(t, n, "a"), attach(t, n, "good")
	nstest.Serve(listenIn(t, good, 80), echo)
	nstest.Serve(listenIn(t, a, 80), func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	p := publish(t, n, "a", Port{ContainerPort: 80})
	before := resident(t)
	const count = 2000
	var conns []*net.TCPConn
	for range count {
		c, err := net.DialTimeout("tcp", p.Host().String(), 10*time.Second)
		if err != nil {
			t.Fatal(len(conns), err)
		}
		conns = append(conns, c.(*net.TCPConn))
	}
	stillServed(t, n, good)
	if held := resident(t) - before; held > residentLimit/2 {
		t.Errorf("%d connections hold %d MiB", count, held>>20)
	}
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			defer c.Close()
			_ = c.CloseWrite()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := io.ReadAll(c); err != nil {
				t.Error("half-closed:", err)
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for len(a.Flows()) > 0 && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if left := len(a.Flows()); left > 0 {
		t.Errorf("%d connections are left", left)
	}
}
