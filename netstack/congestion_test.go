package netstack

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"davit/netstack/nstest"
)

func congestionOf(t *testing.T, c *net.TCPConn) (name string) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) { name, err = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION) })
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// What stays on the machine waits for no timers, whatever the host is set to.
func TestLocalConnectionsAreUnpaced(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	l := listenHost(t, hostIP.String()+":0")
	nstest.Serve(l, echo)
	inside, err := dialIn(a, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	outside, err := n.dialHost(netip.MustParseAddrPort(l.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	for what, c := range map[string]*net.TCPConn{"a container's": inside, "to the host itself": outside} {
		if got := congestionOf(t, c); got != unpaced {
			t.Errorf("%s connection has %s", what, got)
		}
	}
}

func TestStaysHere(t *testing.T) {
	for _, c := range []struct {
		own, other string
		want       bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"::ffff:192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "127.0.0.1", true},
		{"192.0.2.1", "192.0.2.2", false},
	} {
		if got := staysHere(netip.MustParseAddr(c.own), netip.MustParseAddr(c.other)); got != c.want {
			t.Errorf("from %s to %s: %v", c.own, c.other, got)
		}
	}
	if staysHere(netip.Addr{}, netip.MustParseAddr("192.0.2.1")) {
		t.Error("an unknown address stays nowhere")
	}
}
