package netstack

import (
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"davit/netstack/nstest"
)

// A computer without a device for taps has networks, too: what they must do
// and must not allow is verified once more where there is none.
func TestWithoutTaps(t *testing.T) {
	if !nstest.Bare() {
		const again = "^Test(WithoutTaps|Outbound|OutboundUDP|PublishedBytesAreEqual|HalfClose|PublishUDP|Ping|ContainerSeesItsClients" +
			"|NobodySpeaksInAnothersName|NobodyAsksInAnothersName|PacketsToLoopbackAreDropped|OtherNamesAreAskedOfTheHost|PathMTUIsTold" +
			"|IsolatedMembersDoNotMeet|CountersSeeAnInterface|ANetworkGoesOn|ALinkThatIsGone)$"
		nstest.RunBare(t, exec.Command("/proc/self/exe", "-test.v", "-test.run", again))
		return
	}
	n := newNetwork(t, Config{})
	if n.tap != nil || !n.link.packet {
		t.Error("there is a tap")
	}
}

// The gateway serves an endpoint by its address only where the endpoint itself
// sends from it.
func TestNobodyAsksInAnothersName(t *testing.T) {
	n := newNetwork(t, Config{})
	victim, attacker := attach(t, n, "victim"), attach(t, n, "attacker")
	u, err := net.ListenPacket("udp4", hostIP.String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	port := u.LocalAddr().(*net.UDPAddr).Port
	datagram := func(mark string) []byte {
		size := 8 + len(mark)
		return append([]byte{0x30, 0x39, byte(port >> 8), byte(port), 0, byte(size), 0, 0}, mark...)
	}
	raw := packetSocket(t, attacker)
	me, it := mac(attacker.MAC), mac(victim.MAC)
	// By all the names that the gateway has.
	for _, gateway := range []mac{n.link.edge.mac, attacker.queue.mac, victim.queue.mac} {
		for _, f := range [][]byte{
			frame(it, gateway, victim.IP, hostIP, protocolUDP, datagram("spoofed")...),
			frame(me, gateway, victim.IP, hostIP, protocolUDP, datagram("spoofed")...),
			frame(it, gateway, attacker.IP, hostIP, protocolUDP, datagram("spoofed")...),
		} {
			if _, err := raw.Write(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := raw.Write(frame(me, attacker.queue.mac, attacker.IP, hostIP, protocolUDP, datagram("honest")...)); err != nil {
		t.Fatal(err)
	}
	_ = u.SetReadDeadline(time.Now().Add(30 * time.Second))
	b := make([]byte, 100)
	k, _, err := u.ReadFrom(b)
	if err != nil || string(b[:k]) != "honest" {
		t.Errorf("the host got %q: %v", b[:k], err)
	}
}

// A network that another process made is gone on with: its members reach the
// outside by queues that are new.
func TestANetworkGoesOn(t *testing.T) {
	first := newNetwork(t, Config{Spares: -1})
	e := attach(t, first, "a")
	space, err := dupFile(e.Namespace())
	if err != nil {
		t.Fatal(err)
	}
	keep := first.Keep()
	kept := Kept{}
	if kept.Namespace, err = dupFile(keep.Namespace); err != nil {
		t.Fatal(err)
	}
	if keep.Tap != nil {
		if kept.Tap, err = dupFile(keep.Tap); err != nil {
			t.Fatal(err)
		}
	}
	// As if it had been killed: its queues end, its namespaces stay.
	first.closeQueue(e.queue)
	e.queue = first.shared()
	first.link.intake.stop()
	n := newNetwork(t, Config{Kept: &kept, Subnet: first.Subnet(), Spares: -1})
	again, err := n.Restore(EndpointConfig{ID: "a", Namespace: space}, Restored{IP: e.IP, MAC: e.MAC, Interface: e.Interface, HostLink: e.HostLink})
	if err != nil {
		t.Fatal(err)
	}
	l := listenHost(t, hostIP.String()+":0")
	c, err := dialIn(again, l.Addr().String())
	if err != nil {
		t.Fatal("to the outside:", err)
	}
	_ = c.Close()
}

// Who may administer his network may take his link away, which holds up nobody.
func TestALinkThatIsGone(t *testing.T) {
	n := newNetwork(t, Config{})
	gone, good := attach(t, n, "gone"), attach(t, n, "good")
	if err := gone.ns.handle.LinkDel(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: gone.index}}); err != nil {
		t.Fatal(err)
	}
	l := listenHost(t, hostIP.String()+":0")
	c, err := dialIn(good, l.Addr().String())
	if err != nil {
		t.Fatal("another container:", err)
	}
	_ = c.Close()
	if err := n.Detach("gone"); err != nil {
		t.Error(err)
	}
}
