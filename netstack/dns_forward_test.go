package netstack

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"davit/netstack/nstest"
)

// askAt sends one question from an endpoint to one of the gateway's addresses.
// size is what it takes over UDP; 0: it does not say.
func askAt(t *testing.T, e *Endpoint, at netip.Addr, protocol, name string, kind, size uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, kind)
	if size > 0 {
		q.SetEdns0(size, false)
	}
	a, err := nstest.Within(e.Namespace(), func() (*dns.Msg, error) {
		c, err := net.Dial(protocol, netip.AddrPortFrom(at, dnsPort).String())
		if err != nil {
			return nil, err
		}
		defer c.Close()
		client := dns.Client{Net: protocol, Timeout: 30 * time.Second, UDPSize: dns.MaxMsgSize}
		a, _, err := client.ExchangeWithConn(q, &dns.Conn{Conn: c, UDPSize: dns.MaxMsgSize})
		return a, err
	})
	if err != nil {
		t.Fatalf("%s over %s: %v", name, protocol, err)
	}
	return a
}

// play plays a resolver of the host at an address; a nil handler does not listen.
func play(t *testing.T, at string, udp, tcp dns.HandlerFunc) {
	t.Helper()
	for network, h := range map[string]dns.HandlerFunc{"udp": udp, "tcp": tcp} {
		if h == nil {
			continue
		}
		started := make(chan struct{})
		s := &dns.Server{Addr: at + ":53", Net: network, Handler: h, NotifyStartedFunc: func() { close(started) }}
		go func() {
			if err := s.ListenAndServe(); err != nil {
				t.Error(err)
			}
		}()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
}

// give answers count addresses, whatever the size; cut says that there are more.
func give(ip string, count int, cut bool) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for range count {
			m.Answer = append(m.Answer, &dns.A{Hdr: rrHeader(q.Question[0].Name, dns.TypeA), A: net.ParseIP(ip)})
		}
		m.Truncated = cut
		_ = w.WriteMsg(m)
	}
}

func fail(code int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(q, code)) }
}

func silent(dns.ResponseWriter, *dns.Msg) {}

// liar answers what nobody asked.
func liar(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.Question[0].Name = "bank.example."
	m.Answer = []dns.RR{&dns.A{Hdr: rrHeader("bank.example.", dns.TypeA), A: net.IPv4(203, 0, 113, 66)}}
	_ = w.WriteMsg(m)
}

// resolvers is a network whose host has these.
func resolvers(t *testing.T, text string) (n *Network, e *Endpoint, conf string) {
	t.Helper()
	conf = filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n = newNetwork(t, Config{ResolvConf: conf, Subnet6: testSubnet6})
	return n, attach(t, n, "a"), conf
}

// An alias of a hundred containers is told whole to who can take it, by both
// protocols and at both addresses of the gateway; who cannot is told so.
func TestManyAddresses(t *testing.T) {
	n := newNetwork(t, Config{Subnet6: testSubnet6})
	a := attach(t, n, "a")
	const count = 100
	for i := range count {
		ip := netip.AddrFrom4([4]byte{10, 88, 0, byte(100 + i)})
		n.names.add(&Endpoint{IP: ip, IP6: n.derive6(ip)}, []string{"many"})
	}
	for _, at := range []netip.Addr{n.Gateway(), n.Gateway6()} {
		for _, c := range []struct {
			protocol   string
			kind, size uint16
			whole      bool
		}{
			{"udp", dns.TypeA, 0, false}, {"udp", dns.TypeA, 1232, false}, {"udp", dns.TypeA, 4096, true}, {"udp", dns.TypeAAAA, 4096, true},
			{"tcp", dns.TypeA, 0, true}, {"tcp", dns.TypeAAAA, 0, true},
		} {
			m := askAt(t, a, at, c.protocol, "many.", c.kind, c.size)
			if c.whole != (len(m.Answer) == count) || c.whole == m.Truncated || len(m.Answer) == 0 {
				t.Errorf("%+v at %s: %d answers, cut: %v", c, at, len(m.Answer), m.Truncated)
			}
			m.Compress = true
			if most := max(int(c.size), dns.MinMsgSize); c.protocol == "udp" && m.Len() > most {
				t.Errorf("%+v at %s: %d bytes", c, at, m.Len())
			}
			if (m.IsEdns0() != nil) != (c.size > 0) {
				t.Errorf("%+v at %s: %v for who speaks EDNS or not", c, at, m.IsEdns0())
			}
		}
	}
}

// What a resolver of the host has cut is fetched whole over TCP; where that
// cannot be had, what there is is told, and that it was cut.
func TestCutAnswers(t *testing.T) {
	play(t, "127.0.0.53", give("203.0.113.1", 3, true), give("203.0.113.1", 100, false))
	play(t, "127.0.0.54", give("203.0.113.2", 3, true), nil)
	_, a, conf := resolvers(t, "nameserver 127.0.0.53\n")
	if m := askAt(t, a, a.n.Gateway(), "udp", "long.example.", dns.TypeA, 4096); len(m.Answer) != 100 || m.Truncated {
		t.Errorf("with TCP: %d answers, cut: %v", len(m.Answer), m.Truncated)
	}
	writeResolvConf(t, conf, "127.0.0.54")
	until(t, "the cut answer", func() bool {
		m := askAt(t, a, a.n.Gateway(), "udp", "long.example.", dns.TypeA, 4096)
		return len(m.Answer) == 3 && m.Truncated
	})
}

// until waits for a condition.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) { // between two looks
		if time.Now().After(end) {
			t.Fatalf("%s: not in time", what)
		}
	}
}

// A resolver that has gone, fails, refuses or lies is none: the next is asked.
func TestNextResolverIsAsked(t *testing.T) {
	play(t, "127.0.0.61", give("203.0.113.7", 1, false), nil)
	play(t, "127.0.0.62", silent, silent)
	play(t, "127.0.0.63", fail(dns.RcodeServerFailure), nil)
	play(t, "127.0.0.64", fail(dns.RcodeRefused), nil)
	play(t, "127.0.0.65", liar, nil)
	play(t, "127.0.0.66", fail(dns.RcodeNameError), nil)
	for first, want := range map[string]string{
		"127.0.0.62": "NOERROR 203.0.113.7", "127.0.0.63": "NOERROR 203.0.113.7", "127.0.0.64": "NOERROR 203.0.113.7",
		"127.0.0.65": "NOERROR 203.0.113.7", "127.0.0.67": "NOERROR 203.0.113.7", // nobody is there
		"127.0.0.66": "NXDOMAIN", // that is an answer
	} {
		_, a, _ := resolvers(t, fmt.Sprintf("nameserver %s\nnameserver 127.0.0.61\n", first))
		if got := answers(askAt(t, a, a.n.Gateway(), "udp", "example.org.", dns.TypeA, 0)); got != want {
			t.Errorf("behind %s: %s, want %s", first, got, want)
		}
	}
	_, a, _ := resolvers(t, "nameserver 127.0.0.63\nnameserver 127.0.0.64\n")
	if got := answers(askAt(t, a, a.n.Gateway(), "udp", "example.org.", dns.TypeA, 0)); got != "SERVFAIL" {
		t.Errorf("without any: %s", got)
	}
}

// A VPN that comes brings search domains, which count for containers that run
// already, but for those that have their own.
func TestSearchDomainsAreFollowed(t *testing.T) {
	play(t, "127.0.0.53", func(w dns.ResponseWriter, q *dns.Msg) {
		if q.Question[0].Name == "wiki.corp.example." {
			give("203.0.113.9", 1, false)(w, q)
			return
		}
		fail(dns.RcodeNameError)(w, q)
	}, nil)
	n, a, conf := resolvers(t, "nameserver 127.0.0.53\nsearch home.example\n")
	own, err := n.Attach(t.Context(), EndpointConfig{ID: "own", OwnSearch: true})
	if err != nil {
		t.Fatal(err)
	}
	asked := func(e *Endpoint, name string) string {
		return answers(askAt(t, e, n.Gateway(), "udp", name, dns.TypeA, 0))
	}
	if got := asked(a, "wiki."); got != "NXDOMAIN" {
		t.Errorf("before: %s", got)
	}
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.53\nsearch home.example corp.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the VPN's name", func() bool { return asked(a, "wiki.") == "NOERROR 203.0.113.9" })
	m := askAt(t, a, n.Gateway(), "udp", "wiki.", dns.TypeA, 0)
	if alias, ok := m.Answer[0].(*dns.CNAME); !ok || alias.Hdr.Name != "wiki." || alias.Target != "wiki.corp.example." {
		t.Errorf("the answer does not say where it comes from: %v", m)
	}
	for _, name := range []string{"nothing.", "wiki.other."} {
		if got := asked(a, name); got != "NXDOMAIN" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := asked(own, "wiki."); got != "NXDOMAIN" {
		t.Errorf("who has search domains of its own: %s", got)
	}
}

// However the file changes, it is followed: written anew in place, replaced, or
// a link that leads elsewhere, as systemd's does.
func TestResolvConfIsFollowed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "resolv.conf")
	h := hostResolvers{path: path}
	write := func(name, server string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("nameserver "+server+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to string) {
		t.Helper()
		_ = os.Remove(path)
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	write("stub", "127.0.0.53")
	write("plain", "192.0.2.1")
	for _, c := range []struct {
		what   string
		change func()
		want   string
	}{
		{"a file", func() { write("resolv.conf", "192.0.2.7") }, "192.0.2.7"},
		{"a link", func() { link("stub") }, "127.0.0.53"},
		{"another", func() { link("plain") }, "192.0.2.1"},
		{"in place", func() { write("plain", "192.0.2.22") }, "192.0.2.22"},
		{"in place, as long", func() { write("plain", "192.0.2.33") }, "192.0.2.33"},
		{"gone", func() { _ = os.Remove(path) }, "192.0.2.33"},
		{"back", func() { link("stub") }, "127.0.0.53"},
	} {
		c.change()
		until(t, c.what, func() bool {
			servers, _ := h.current()
			return len(servers) == 1 && strings.HasPrefix(servers[0], c.want)
		})
	}
}
