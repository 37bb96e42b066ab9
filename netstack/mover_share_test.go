package netstack

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/netstack/nstest"
)

// Streams that one mover has accepted come to be carried by as many movers as
// there are, and arrive whole; who was handed over can still be ended.
func TestHeavyStreamsAreSharedByAllMovers(t *testing.T) {
	const movers = 4
	n := newNetwork(t, Config{})
	n.movers.close()
	var err error
	if n.movers, err = newMovers(n, movers); err != nil {
		t.Fatal(err)
	}
	a := attach(t, n, "a")
	nstest.Serve(listenIn(t, a, 80), func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	p := publish(t, n, "a", Port{ContainerPort: 80})
	var conns []*net.TCPConn
	for range movers {
		c, err := served(p.Host().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		conns = append(conns, c.(*net.TCPConn))
	}
	joints := joints(a)
	if len(joints) != movers {
		t.Fatalf("%d connections, want %d", len(joints), movers)
	}
	for _, j := range joints { // as if the first had accepted all
		done := make(chan struct{})
		m := j.at.Load()
		if m == n.movers.all[0] {
			continue
		}
		m.post(func() { m.hand(j, n.movers.all[0]); close(done) })
		<-done
	}

	var shared atomic.Bool
	var work sync.WaitGroup
	for _, c := range conns {
		work.Go(func() { echoUntil(t, c, shared.Load) })
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		at := map[*mover]bool{}
		for _, j := range joints {
			at[j.at.Load()] = true
		}
		if len(at) == movers {
			break
		}
		if time.Now().After(end) {
			t.Errorf("%d streams are with %d movers, want %d", movers, len(at), movers)
			break
		}
	}
	shared.Store(true)
	work.Wait()
	a.live.abortAll()
	for _, c := range conns {
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("a connection that was ended: %v", err)
		}
	}
}

// joints are an endpoint's connections by the direct path.
func joints(e *Endpoint) (all []*joint) {
	for _, s := range e.live.of(func(*flow) bool { return true }) {
		if j, ok := s.(*joint); ok {
			all = append(all, j)
		}
	}
	return all
}

// echoUntil sends for as long as enough is not, and sees all of it come back.
func echoUntil(t *testing.T, c net.Conn, enough func() bool) {
	sent := make(chan int64, 1)
	go func() {
		var k int64
		for b := make([]byte, 1<<18); !enough(); {
			n, err := c.Write(b)
			k += int64(n)
			if err != nil {
				t.Error("send:", err)
				break
			}
		}
		sent <- k
	}()
	var came int64
	whole := int64(-1)
	end := time.Now().Add(time.Minute)
	for b := make([]byte, 1<<18); came != whole; {
		if time.Now().After(end) {
			t.Errorf("%d bytes of %d came back", came, whole)
			return
		}
		select {
		case whole = <-sent:
			continue
		default:
		}
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // to look whether all was sent
		n, err := c.Read(b)
		came += int64(n)
		if e, ok := err.(net.Error); err != nil && !(ok && e.Timeout()) {
			t.Error("receive:", err)
			return
		}
	}
}
