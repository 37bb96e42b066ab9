package netstack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/netstack/nstest"
)

// Of the gateway and of the host's address there is nothing but DNS: no
// surface to control anything by, and no way to the host's loopback.
func TestGatewayHasNothingButDNS(t *testing.T) {
	n := newNetwork(t, Config{Subnet6: testSubnet6})
	a := attach(t, n, "a")
	l := listenHost(t, "127.0.0.1:0")
	own := l.Addr().(*net.TCPAddr).Port
	for _, at := range []netip.Addr{n.Gateway(), n.Gateway6()} {
		ports := []int{own}
		for port := 1; port < 600; port++ {
			ports = append(ports, port)
		}
		if got := fmt.Sprint(open(t, a, at, ports...)); got != "[53]" {
			t.Errorf("open at %s: %s, want [53]", at, got)
		}
	}
	if got := open(t, a, n.HostAddr(), own); len(got) > 0 {
		t.Error("the host's loopback is reached without being asked for")
	}
}

// open tells which ports take connections.
func open(t *testing.T, e *Endpoint, at netip.Addr, ports ...int) []int {
	t.Helper()
	return within(t, e.Namespace(), func() (found []int, err error) {
		for _, port := range ports {
			c, err := net.DialTimeout("tcp", netip.AddrPortFrom(at, uint16(port)).String(), 10*time.Second)
			if err == nil {
				c.Close()
				found = append(found, port)
			}
		}
		return found, nil
	})
}

// Who makes packets himself reaches the host's loopback no more than others.
func TestPacketsToLoopbackAreDropped(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	l := listenHost(t, "127.0.0.1:0")
	raw := packetSocket(t, a)
	const from, reset = 4711, 4
	syn := make([]byte, 20)
	binary.BigEndian.PutUint16(syn, from)
	binary.BigEndian.PutUint16(syn[2:], uint16(l.Addr().(*net.TCPAddr).Port))
	syn[12], syn[13] = 0x50, 2
	// The last is answered, and all went the same way one after the other.
	for _, ip := range []string{"127.0.0.1", "127.0.0.53", "0.0.0.0", "169.254.169.254"} {
		f := frame(mac(a.MAC), mac(macFor(n.Gateway())), a.IP, netip.MustParseAddr(ip), protocolTCP, syn...)
		if _, err := raw.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	src, flags := firstAnswer(t, raw, from)
	if src != netip.MustParseAddr("169.254.169.254") || flags&reset == 0 {
		t.Errorf("answered by %s with flags %x", src, flags)
	}
	_ = l.SetDeadline(time.Now().Add(50 * time.Millisecond))
	if c, err := l.Accept(); err == nil {
		c.Close()
		t.Error("the host's loopback was reached")
	}
}

// firstAnswer waits for a segment to a port, and tells where it comes from.
func firstAnswer(t *testing.T, raw *os.File, port uint16) (src netip.Addr, flags byte) {
	t.Helper()
	_ = raw.SetReadDeadline(time.Now().Add(30 * time.Second))
	buf := make([]byte, maxPacket)
	for {
		k, err := raw.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		b := buf[:k]
		if k < ethernetSize+ipv4Min+20 || binary.BigEndian.Uint16(b[12:]) != etherIPv4 || b[ethernetSize+9] != protocolTCP {
			continue
		}
		segment := b[ethernetSize+ipv4Min:]
		if binary.BigEndian.Uint16(segment[2:]) == port {
			return netip.AddrFrom4([4]byte(b[ethernetSize+12:])), segment[13]
		}
	}
}

// The ranges of other networks are not reached over the host, from the moment
// that there are such.
func TestOtherNetworksAreNotReachedOverTheHost(t *testing.T) {
	var there []netip.Prefix
	n := newNetwork(t, Config{Others: func() []netip.Prefix { return there }})
	a := attach(t, n, "a")
	l := listenHost(t, hostIP.String()+":0")
	nstest.Serve(l, echo)
	c, err := dialIn(a, l.Addr().String())
	say(t, c, err)
	n.policy.others.mu.Lock()
	there, n.policy.others.until = []netip.Prefix{netip.PrefixFrom(hostIP, 30)}, time.Time{}
	n.policy.others.mu.Unlock()
	if c, err := dialIn(a, l.Addr().String()); err == nil {
		c.Close()
		t.Error("another network was reached")
	}
	if err := pinged(a, hostIP); !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("ping: %v", err)
	}
}
