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

// ask sends one question from an endpoint to the gateway.
func ask(t *testing.T, e *Endpoint, protocol, name string, kind uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, kind)
	a, err := nstest.Within(e.Namespace(), func() (*dns.Msg, error) {
		c, err := net.Dial(protocol, net.JoinHostPort(e.n.Gateway().String(), "53"))
		if err != nil {
			return nil, err
		}
		defer c.Close()
		a, _, err := (&dns.Client{Net: protocol, Timeout: 10 * time.Second}).ExchangeWithConn(q, &dns.Conn{Conn: c})
		return a, err
	})
	if err != nil {
		t.Fatalf("%s %s over %s: %v", name, dns.TypeToString[kind], protocol, err)
	}
	return a
}

func answers(m *dns.Msg) string {
	all := []string{dns.RcodeToString[m.Rcode]}
	for _, rr := range m.Answer {
		switch r := rr.(type) {
		case *dns.A:
			all = append(all, r.A.String())
		case *dns.PTR:
			all = append(all, r.Ptr)
		}
	}
	return strings.Join(all, " ")
}

func TestNamesOfContainers(t *testing.T) {
	n := newNetwork(t, Config{Name: "blue"})
	a := attach(t, n, "a", "web", "www")
	b := attach(t, n, "b", "db")
	reverse, err := dns.ReverseAddr(b.IP.String())
	if err != nil {
		t.Fatal(err)
	}
	unknown, _ := dns.ReverseAddr("10.88.0.99")
	for _, protocol := range []string{"udp", "tcp"} {
		for _, c := range []struct {
			name string
			kind uint16
			want string
		}{
			{"db.", dns.TypeA, "NOERROR " + b.IP.String()},
			{"DB.Blue.", dns.TypeA, "NOERROR " + b.IP.String()},
			{"www.", dns.TypeA, "NOERROR " + a.IP.String()},
			{"web.", dns.TypeAAAA, "NOERROR"},
			{"nobody.blue.", dns.TypeA, "NXDOMAIN"},
			{reverse, dns.TypePTR, "NOERROR db."},
			{unknown, dns.TypePTR, "NXDOMAIN"},
		} {
			if got := answers(ask(t, a, protocol, c.name, c.kind)); got != c.want {
				t.Errorf("%s %s over %s: %s, want %s", c.name, dns.TypeToString[c.kind], protocol, got, c.want)
			}
		}
	}
	if err := n.Detach("b"); err != nil {
		t.Fatal(err)
	}
	if got := answers(ask(t, a, "udp", "db.blue.", dns.TypeA)); got != "NXDOMAIN" {
		t.Errorf("after detach: %s", got)
	}
}

// upstream is a resolver of the host that answers ip to every A question, cut
// over UDP where many answers are wanted.
func upstream(t *testing.T, at, ip string, count int) {
	t.Helper()
	h := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for range count {
			m.Answer = append(m.Answer, &dns.A{Hdr: rrHeader(q.Question[0].Name, dns.TypeA), A: net.ParseIP(ip)})
		}
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			m.Truncate(dns.MinMsgSize)
		}
		_ = w.WriteMsg(m)
	})
	for _, s := range []*dns.Server{{Addr: at, Net: "udp"}, {Addr: at, Net: "tcp"}} {
		started := make(chan struct{})
		s.Handler, s.NotifyStartedFunc = h, func() { close(started) }
		go func() {
			if err := s.ListenAndServe(); err != nil {
				t.Error(err)
			}
		}()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
}

func writeResolvConf(t *testing.T, path, server string) {
	t.Helper()
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte("search example.org\nnameserver "+server+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
}

// 127.0.0.53 is where systemd-resolved listens.
func TestOtherNamesAreAskedOfTheHost(t *testing.T) {
	upstream(t, "127.0.0.53:53", "203.0.113.1", 1)
	upstream(t, hostIP.String()+":53", "203.0.113.2", 100)
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	writeResolvConf(t, conf, "127.0.0.53")
	n := newNetwork(t, Config{ResolvConf: conf})
	a := attach(t, n, "a")
	if got := answers(ask(t, a, "udp", "example.org.", dns.TypeA)); got != "NOERROR 203.0.113.1" {
		t.Errorf("got %s", got)
	}
	if got := fmt.Sprint(n.Search()); got != "[example.org]" {
		t.Errorf("search domains %s", got)
	}
	// Another Wi-Fi; this resolver's answers are too long for UDP.
	writeResolvConf(t, conf, hostIP.String())
	var m *dns.Msg
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if m = ask(t, a, "tcp", "example.org.", dns.TypeA); len(m.Answer) > 1 {
			break
		}
	}
	if len(m.Answer) != 100 {
		t.Errorf("%d answers over TCP", len(m.Answer))
	}
	if m := ask(t, a, "udp", "example.org.", dns.TypeA); !m.Truncated || len(m.Answer) == 0 {
		t.Errorf("over UDP: cut %v, %d answers", m.Truncated, len(m.Answer))
	}
}

func TestResolvConf(t *testing.T) {
	for _, c := range []struct{ in, servers, search string }{
		{"", "[127.0.0.1:53]", "[]"},
		{"# nameserver 9.9.9.9\n nameserver 1.1.1.1 # fast\nnameserver ::1\n;x\nnameserver no\n", "[1.1.1.1:53 [::1]:53]", "[]"},
		{"domain a\nsearch b c\nnameserver fe80::1%eth0\n", "[[fe80::1%eth0]:53]", "[b c]"},
	} {
		servers, search := parseResolvConf([]byte(c.in))
		if fmt.Sprint(servers) != c.servers || fmt.Sprint(search) != c.search {
			t.Errorf("%q: %v %v", c.in, servers, search)
		}
	}
}

func TestReverseNames(t *testing.T) {
	for name, want := range map[string]string{
		"4.3.2.1.in-addr.arpa.": "1.2.3.4", "4.3.2.1.IN-ADDR.ARPA.": "1.2.3.4",
		"256.3.2.1.in-addr.arpa.": "", "3.2.1.in-addr.arpa.": "", "example.org.": "", "x.3.2.1.in-addr.arpa.": "",
	} {
		ip, ok := parseReverse(name)
		if ok != (want != "") || ok && ip != netip.MustParseAddr(want) {
			t.Errorf("%s: %v %v", name, ip, ok)
		}
	}
}
