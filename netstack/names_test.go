package netstack

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// A thousand names of few containers are all found, both ways and by both
// protocols; a name that several have tells of all of them; what another
// network of the container's knows is found, and nobody else finds it.
func TestNamesAcrossNetworks(t *testing.T) {
	n := newNetwork(t, Config{Subnet6: testSubnet6})
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf("name%d", i))
	}
	a, b := attach(t, n, "a", append([]string{"web"}, all[:500]...)...), attach(t, n, "b", append([]string{"web"}, all[500:]...)...)
	for i, name := range all {
		want := a
		if i >= 500 {
			want = b
		}
		ips, known := n.names.lookup(name + ".")
		if !known || len(ips) != 2 || ips[0] != want.IP || ips[1] != want.IP6 {
			t.Fatalf("%s is %v", name, ips)
		}
	}
	for kind, want := range map[uint16]int{dns.TypeA: 2, dns.TypeAAAA: 2, dns.TypeMX: 0} {
		if got := ask(t, a, "udp", "web.default.", kind); got.Rcode != dns.RcodeSuccess || len(got.Answer) != want {
			t.Errorf("web, type %d: %v", kind, got)
		}
	}
	reverse, err := dns.ReverseAddr(b.IP6.String())
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, a, "udp", reverse, dns.TypePTR); !strings.Contains(answers(got), "web.") {
		t.Errorf("reverse: %v", got)
	}
	far := netip.MustParseAddr("10.99.0.7")
	peer := func(_ context.Context, query string) (Answer, bool) {
		return Answer{IPs: []netip.Addr{far}}, query == "db."
	}
	if err := n.Change(EndpointConfig{ID: "a", Names: []string{"renamed"}, Peers: []Peer{peer}}); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, a, "udp", "db.", dns.TypeA); !strings.Contains(answers(got), far.String()) {
		t.Errorf("the other network's name: %v", got)
	}
	if got := ask(t, b, "udp", "db.", dns.TypeA); strings.Contains(answers(got), far.String()) {
		t.Errorf("it was told to a stranger: %v", got)
	}
	if got := ask(t, b, "udp", "renamed.", dns.TypeA); answers(got) != "NOERROR "+a.IP.String() {
		t.Errorf("the new name: %v", got)
	}
	if _, known := n.names.lookup("name1."); known {
		t.Error("an old name is still there")
	}
}

// A network without a way outside tells nothing of the outside either.
func TestInternalNetworkIsSealed(t *testing.T) {
	n := newNetwork(t, Config{Internal: true})
	a := attach(t, n, "a")
	if got := ask(t, a, "udp", "example.com.", dns.TypeA); got.Rcode != dns.RcodeNameError {
		t.Errorf("got %v", got)
	}
	l := listenHost(t, hostIP.String()+":0")
	if c, err := dialIn(a, l.Addr().String()); err == nil {
		c.Close()
		t.Error("it reached the outside")
	}
}
