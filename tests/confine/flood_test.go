package confine

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/tests/home"
)

// floodTime is how long each flood goes on, in seconds.
const floodTime = "1.5"

// netdLimit is what a network's process may hold in the worst of times.
const netdLimit = 200 << 10 // KiB

// flooded is a network of its own with an honest container in it.
type flooded struct {
	*stage
	network string
	host    netip.Addr // this computer's address in the network
	outside netip.AddrPort
	most    int // of memory, KiB
}

// newFlooded makes one. The honest container serves, and may reach the host.
func newFlooded(t *testing.T) *flooded {
	t.Helper()
	f := &flooded{stage: newStage(t), network: "flood-" + strings.ToLower(rand.Text()[:8])}
	f.ok("network", "create", f.network)
	t.Cleanup(func() { f.ok("network", "rm", "-f", f.network) })
	f.join("honest", "serve")
	f.says("honest", "serving")
	for line := range strings.Lines(f.ok("exec", "honest", "cat", "/etc/hosts")) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == "host.davit.internal" {
			f.host = netip.MustParseAddr(fields[0])
		}
	}
	l := listen(t)
	go answer(l)
	f.outside = netip.AddrPortFrom(f.host, portOf(l.Addr()))
	return f
}

// join starts a container in the network; NET_RAW lets it send what it likes.
func (f *flooded) join(name string, command ...string) {
	f.t.Helper()
	options := []string{"--network", f.network, "--host-access", "--cap-add", "NET_RAW"}
	for _, port := range []string{"80", "81", "82", "83", "84"} {
		options = append(options, "-p", port)
	}
	f.start(name, append(append(options, attackerImage, "/attacker"), command...)...)
}

func (f *flooded) says(name, text string) {
	f.t.Helper()
	deadline := time.Now().Add(patience)
	for !strings.Contains(f.ok("logs", name), text) {
		if time.Now().After(deadline) {
			f.t.Fatalf("%s does not say %q", name, text)
		}
		time.Sleep(5 * time.Millisecond) // between two looks
	}
}

// at is where a port of a container is published.
func (f *flooded) at(name, port string) string {
	f.t.Helper()
	return strings.TrimSpace(f.ok("port", name, port))
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func portOf(a net.Addr) uint16 { return a.(*net.TCPAddr).AddrPort().Port() }

func answer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Write([]byte("hello\n"))
		_ = c.Close()
	}
}

// swallow takes all that is sent.
func swallow(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}()
	}
}

// silentPort is one of the host's that takes datagrams, and nobody reads them.
func silentPort(t *testing.T) uint16 {
	t.Helper()
	u, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = u.Close() })
	return u.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

// address is a container's in the network.
func (f *flooded) address(name string) netip.Addr {
	f.t.Helper()
	text := strings.TrimSpace(f.ok("inspect", "-f", "{{(index .NetworkSettings.Networks \""+f.network+"\").IPAddress}}", name))
	ip, err := netip.ParseAddr(text)
	must(f.t, err)
	return ip
}

// dial connects, and gives up only when a person would have long ago.
func dial(t *testing.T, to string) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp4", to, patience)
	must(t, err)
	must(t, c.SetDeadline(time.Now().Add(patience)))
	return c.(*net.TCPConn)
}

// alive verifies that the honest container is reached and reaches out, and
// notes what the network's process holds.
func (f *flooded) alive() {
	f.t.Helper()
	c := dial(f.t, f.at("honest", "80"))
	defer c.Close()
	_, err := c.Write([]byte("hello"))
	must(f.t, err)
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		f.t.Fatalf("the honest container is not served: %v", err)
	}
	to := f.outside
	if got := f.ok("exec", "honest", "nc", to.Addr().String(), fmt.Sprint(to.Port())); got != "hello\n" {
		f.t.Fatalf("the honest container reaches nobody: %q", got)
	}
	f.most = max(f.most, f.held())
}

// held is what the network's process holds, in KiB.
func (f *flooded) held() int {
	f.t.Helper()
	held, err := f.hold()
	must(f.t, err)
	return held
}

func (f *flooded) hold() (int, error) {
	all, err := home.Named(f.network, "davit-netd")
	if err != nil {
		return 0, err
	}
	if len(all) != 1 {
		return 0, fmt.Errorf("%d processes serve the network", len(all))
	}
	return all[0].PSS, nil
}

// watched looks again and again at what the network's process holds while do
// does something, and verifies that it is never too much.
func (f *flooded) watched(do func()) {
	f.t.Helper()
	over, looked := make(chan struct{}), make(chan error, 1)
	most := 0
	go func() {
		for {
			held, err := f.hold()
			most = max(most, held)
			if err != nil {
				looked <- err
				return
			}
			select {
			case <-over:
				looked <- nil
				return
			case <-time.After(50 * time.Millisecond): // between two looks
			}
		}
	}()
	do()
	close(over)
	must(f.t, <-looked)
	f.most = max(f.most, most)
	f.t.Logf("at most %d MiB held", f.most>>10)
	if f.most > netdLimit {
		f.t.Errorf("netd held %d MiB", f.most>>10)
	}
}

// deaf is a port of the host that answers nobody: its queue is full.
func deaf(t *testing.T) uint16 {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	must(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, unix.Listen(fd, 0))
	a, err := unix.Getsockname(fd)
	must(t, err)
	port := uint16(a.(*unix.SockaddrInet4).Port)
	for range 3 {
		c, err := net.DialTimeout("tcp4", fmt.Sprintf("127.0.0.1:%d", port), 100*time.Millisecond)
		if err != nil {
			return port
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("a full queue takes connections")
	return 0
}

// One container sends as much as it can; another one is served, and the
// network's process stays small.
func TestFloodsLeaveOthersAlive(t *testing.T) {
	f := newFlooded(t)
	busy := listen(t) // not where the honest one goes: that a server is busy is no finding
	go answer(busy)
	sink := listen(t)
	go swallow(sink)
	for _, x := range []struct {
		kind string
		to   uint16
	}{{"datagrams", 0}, {"half-open", deaf(t)}, {"connections", portOf(busy.Addr())}, {"stream", portOf(sink.Addr())}, {"packets", silentPort(t)}, {"neighbour", 0}} {
		to := netip.AddrPortFrom(f.host, x.to)
		if x.kind == "neighbour" { // past the stack, over the bridge
			to = netip.AddrPortFrom(f.address("honest"), 82)
		}
		f.join(x.kind, "flood", x.kind, to.String(), floodTime)
		probes := 0
		f.watched(func() {
			// Once in any case: a machine with much else to do may not come to a second.
			for end := time.Now().Add(time.Second); probes == 0 || time.Now().Before(end); probes++ {
				f.alive()
			}
			f.ok("wait", x.kind)
		})
		var sent struct{ Sent int64 }
		f.decode(f.ok("logs", x.kind), &sent)
		t.Logf("%s: %d sent, %d probes, %d MiB held", x.kind, sent.Sent, probes, f.most>>10)
		if sent.Sent == 0 {
			t.Errorf("%s: that was no flood", x.kind)
		}
		f.alive()
	}
}
