package netstack

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"davit/netstack/nstest"
)

// lostBy is how many frames an endpoint's queue had no room for.
func lostBy(t *testing.T, n *Network, e *Endpoint) int64 {
	t.Helper()
	all, err := n.Counters()
	if err != nil {
		t.Fatal(err)
	}
	return all[e].DroppedOut
}

// What crowds the queue that all share has each given one of its own, also who
// comes later, and nobody loses what he asked for meanwhile.
func TestACrowdedQueueIsNotSharedLonger(t *testing.T) {
	n := newNetwork(t, Config{})
	evil, good := attach(t, n, "evil"), attach(t, n, "good")
	if e, g := evil.ownQueue(), good.ownQueue(); e.fd >= 0 || g.fd >= 0 || e.mac != g.mac {
		t.Fatalf("queues of their own before anybody sent anything: %v, %v", e, g)
	}
	tcp := listenHost(t, hostIP.String()+":0")
	nstest.Serve(tcp, echo)
	raw := packetSocket(t, evil)
	f := frame(mac(evil.MAC), n.link.edge.mac, evil.IP, hostIP, protocolUDP, 0, 0, 0, 9, 0, 9, 0, 0, 'x')
	stop := flood(raw, f)
	own := func(e *Endpoint) bool { return e.ownQueue().fd >= 0 }
	for end := time.Now().Add(30 * time.Second); !own(evil) || !own(good); {
		if time.Now().After(end) {
			t.Fatalf("they share it still: %v, %v", evil.ownQueue(), good.ownQueue())
		}
		askTCP(t, good, tcp.Addr().String())
	}
	late := attach(t, n, "late")
	if a, b, c := evil.ownQueue(), good.ownQueue(), late.ownQueue(); c.fd < 0 || a.mac == b.mac || b.mac == c.mac || b.mac == n.link.edge.mac {
		t.Errorf("the queues are %v, %v and %v", a, b, c)
	}
	askTCP(t, good, tcp.Addr().String())
	askTCP(t, late, tcp.Addr().String())
	stop()
	if err := n.Detach("late"); err != nil {
		t.Error(err)
	}
	if n := n.queues.Load(); n < 2 {
		t.Errorf("%d queues are counted", n)
	}
}

// Of one that sends more than is taken the surplus is lost, in its own queue:
// all that another asks of the outside meanwhile is answered, and of its
// datagrams none is lost on the way to the gateway.
func TestFloodFillsItsOwnQueue(t *testing.T) {
	n := newNetwork(t, Config{})
	n.separate()
	evil, good := attach(t, n, "evil"), attach(t, n, "good")
	tcp, udp := listenHost(t, hostIP.String()+":0"), echoUDP(t)
	nstest.Serve(tcp, echo)
	raw := packetSocket(t, evil)
	for what, f := range map[string][]byte{
		"datagrams":             frame(mac(evil.MAC), evil.queue.mac, evil.IP, hostIP, protocolUDP, 0, 0, 0, 9, 0, 9, 0, 0, 'x'),
		"half-open connections": frame(mac(evil.MAC), evil.queue.mac, evil.IP, hostIP, protocolTCP, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0),
	} {
		before := lostBy(t, n, evil)
		stop := flood(raw, f)
		// Until it was a flood, and for a while.
		deadline := time.Now().Add(30 * time.Second)
		for asked := 0; asked < 5 || lostBy(t, n, evil) == before; asked++ {
			if time.Now().After(deadline) {
				t.Fatalf("%s: nothing was lost: that was no flood", what)
			}
			askTCP(t, good, tcp.Addr().String())
			askUDP(t, good, udp)
		}
		stop()
	}
	if lost := lostBy(t, n, good); lost > 0 {
		t.Errorf("%d frames of who sent little were lost", lost)
	}
}

// flood writes a frame again and again, from all ports, until it is stopped.
func flood(raw io.Writer, f []byte) (stop func()) {
	var enough atomic.Bool
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		for i := 0; !enough.Load(); i++ {
			f[ethernetSize+ipv4Min], f[ethernetSize+ipv4Min+1] = byte(i>>8), byte(i)
			_, _ = raw.Write(f)
		}
	}()
	return func() {
		enough.Store(true)
		<-flooded
	}
}

// echoUDP answers datagrams on the host.
func echoUDP(t *testing.T) string {
	t.Helper()
	u, err := net.ListenPacket("udp4", hostIP.String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	go func() {
		b := make([]byte, maxPacket)
		for {
			k, from, err := u.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = u.WriteTo(b[:k], from)
		}
	}()
	return u.LocalAddr().String()
}

func askTCP(t *testing.T, e *Endpoint, at string) {
	t.Helper()
	c, err := dialIn(e, at)
	if err != nil {
		t.Fatal("another container's connection:", err)
	}
	defer c.Close()
	answered(t, c)
}

func askUDP(t *testing.T, e *Endpoint, at string) {
	t.Helper()
	c := within(t, e.Namespace(), func() (net.Conn, error) { return net.Dial("udp4", at) })
	defer c.Close()
	answered(t, c)
}

func answered(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal("another container asks:", err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal("another container is not answered:", err)
	}
}
