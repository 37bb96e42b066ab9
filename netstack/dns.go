package netstack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
)

const (
	dnsPort = 53
	// dnsTTL is for how many seconds a container may remember another's
	// address, which changes when that is started again.
	dnsTTL = 5
	// maxQueries bounds what is asked of the host's resolvers at one time.
	maxQueries = 512
	// peerTimeout bounds what other networks may take, which are on this machine.
	peerTimeout = time.Second
	// maxUDPAnswer is what is sent and accepted over UDP, in bytes.
	maxUDPAnswer = 4096
)

// resolver is the DNS server at the gateway's addresses: names of the network
// are answered here, all others by the host's resolvers, which are asked from
// the host's namespace, so that one on 127.0.0.53 works.
type resolver struct {
	n       *Network
	host    hostResolvers
	queries chan struct{}
	tcp     []*gonet.TCPListener
	servers []*dns.Server
}

func newResolver(n *Network) (*resolver, error) {
	r := &resolver{n: n, host: hostResolvers{path: n.config.ResolvConf}, queries: make(chan struct{}, maxQueries)}
	for _, gateway := range []netip.Addr{n.gateway, n.gateway6} {
		if !gateway.IsValid() {
			continue
		}
		if err := r.listen(gateway); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *resolver) listen(gateway netip.Addr) error {
	at, protocol := full(netip.AddrPortFrom(gateway, dnsPort)), protocolOf(gateway)
	packets, err := gonet.DialUDP(r.n.stack, &at, nil, protocol)
	if err != nil {
		return fmt.Errorf("dns over udp: %w", err)
	}
	l, err := gonet.ListenTCP(r.n.stack, at, protocol)
	if err != nil {
		_ = packets.Close()
		return fmt.Errorf("dns over tcp: %w", err)
	}
	r.tcp = append(r.tcp, l)
	r.serve(&dns.Server{PacketConn: packets, UDPSize: maxUDPAnswer})
	r.serve(&dns.Server{Listener: l})
	return nil
}

func (r *resolver) serve(s *dns.Server) {
	started := make(chan struct{})
	s.Handler = dns.HandlerFunc(r.handle)
	s.NotifyStartedFunc = func() { close(started) }
	r.servers = append(r.servers, s)
	r.n.work.Go(func() {
		if err := s.ActivateAndServe(); err != nil && r.n.ctx.Err() == nil {
			r.n.log.Error("dns server ended", "err", err)
		}
	})
	<-started
}

func (r *resolver) close() {
	for _, l := range r.tcp {
		l.Shutdown()
	}
	for _, s := range r.servers {
		_ = s.Shutdown()
	}
}

func (r *resolver) handle(w dns.ResponseWriter, q *dns.Msg) {
	answer := r.answer(r.asker(w), q)
	size := dns.MaxMsgSize
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size = dns.MinMsgSize
	}
	fit(answer, q, size)
	_ = w.WriteMsg(answer)
}

// fit makes an answer one to q, of at most size bytes or what q can take: the
// EDNS of a resolver (RFC 6891) says what that one can.
func fit(answer, q *dns.Msg, size int) {
	answer.Extra = slices.DeleteFunc(answer.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
	if o := q.IsEdns0(); o != nil {
		size = max(size, min(int(o.UDPSize()), maxUDPAnswer))
		answer.SetEdns0(maxUDPAnswer, o.Do())
	}
	answer.Truncate(size)
}

// asker is the endpoint that asks; nil: it has just gone.
func (r *resolver) asker(w dns.ResponseWriter) *Endpoint {
	from, err := netip.ParseAddrPort(w.RemoteAddr().String())
	if err != nil {
		return nil
	}
	return r.n.at(from.Addr())
}

func (r *resolver) answer(e *Endpoint, q *dns.Msg) *dns.Msg {
	if q.Opcode != dns.OpcodeQuery || len(q.Question) != 1 {
		return new(dns.Msg).SetRcode(q, dns.RcodeNotImplemented)
	}
	if a := r.local(e, q); a != nil {
		return a
	}
	if r.n.config.Internal {
		return new(dns.Msg).SetRcode(q, dns.RcodeNameError) // questions are a way outside, too
	}
	select {
	case r.queries <- struct{}{}:
		defer func() { <-r.queries }()
		a := r.forward(q)
		if e == nil {
			return a
		}
		if a.Rcode == dns.RcodeNameError && !e.Config().OwnSearch {
			a = r.search(q, a)
		}
		e.heard.note(q, a)
		return a
	default:
		return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	}
}

// local answers for the network's own names and addresses, and those of the
// other networks that the asking endpoint belongs to; nil: not one of them.
func (r *resolver) local(e *Endpoint, q *dns.Msg) *dns.Msg {
	question := q.Question[0]
	if ip, ok := parseReverse(question.Name); ok {
		return r.pointer(e, q, ip)
	}
	ips, known := r.n.names.lookup(question.Name)
	if !known {
		if a, ok := r.askPeers(e, question.Name); ok {
			ips, known = a.IPs, true
		}
	}
	if !known {
		return nil
	}
	m := reply(q)
	if len(ips) == 0 {
		m.Rcode = dns.RcodeNameError
		return m
	}
	for _, ip := range ips {
		switch t := question.Qtype; {
		case ip.Is4() && (t == dns.TypeA || t == dns.TypeANY):
			m.Answer = append(m.Answer, &dns.A{Hdr: rrHeader(question.Name, dns.TypeA), A: ip.AsSlice()})
		case ip.Is6() && (t == dns.TypeAAAA || t == dns.TypeANY):
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: rrHeader(question.Name, dns.TypeAAAA), AAAA: ip.AsSlice()})
		}
	}
	// Whoever takes the first answer only should not always meet the same one.
	rand.Shuffle(len(m.Answer), func(i, j int) { m.Answer[i], m.Answer[j] = m.Answer[j], m.Answer[i] })
	return m // without an answer for other types: the name exists
}

// askPeers asks the other networks that an endpoint belongs to.
func (r *resolver) askPeers(e *Endpoint, query string) (Answer, bool) {
	if e == nil {
		return Answer{}, false
	}
	ctx, cancel := context.WithTimeout(r.n.ctx, peerTimeout)
	defer cancel()
	for _, ask := range e.Config().Peers {
		if a, ok := ask(ctx, query); ok {
			return a, true
		}
	}
	return Answer{}, false
}

// Lookup tells what this network knows of a name with its final dot, or of an
// address; false: nothing.
func (n *Network) Lookup(query string) (Answer, bool) {
	if ip, err := netip.ParseAddr(query); err == nil {
		return Answer{Names: n.names.of(ip)}, n.has(ip)
	}
	ips, known := n.names.lookup(query)
	return Answer{IPs: ips}, known
}

// has tells whether an address is of the network's ranges.
func (n *Network) has(ip netip.Addr) bool {
	return n.config.Subnet.Contains(ip) || n.config.Subnet6.IsValid() && n.config.Subnet6.Contains(ip)
}

func (r *resolver) pointer(e *Endpoint, q *dns.Msg, ip netip.Addr) *dns.Msg {
	a, ok := r.n.Lookup(ip.String())
	if !ok {
		if a, ok = r.askPeers(e, ip.String()); !ok {
			return nil
		}
	}
	m := reply(q)
	if len(a.Names) == 0 {
		m.Rcode = dns.RcodeNameError
		return m
	}
	if t := q.Question[0].Qtype; t == dns.TypePTR || t == dns.TypeANY {
		m.Answer = append(m.Answer, &dns.PTR{Hdr: rrHeader(q.Question[0].Name, dns.TypePTR), Ptr: a.Names[0]})
	}
	return m
}

func reply(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative, m.RecursionAvailable = true, true
	return m
}

func rrHeader(name string, t uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: t, Class: dns.ClassINET, Ttl: dnsTTL}
}

// parseReverse reads 4.3.2.1.in-addr.arpa. and its like of IPv6 (ip6.arpa).
func parseReverse(name string) (netip.Addr, bool) {
	name = strings.ToLower(name)
	if labels, ok := strings.CutSuffix(name, ".ip6.arpa."); ok {
		return parseReverse6(labels)
	}
	labels, ok := strings.CutSuffix(name, ".in-addr.arpa.")
	if !ok {
		return netip.Addr{}, false
	}
	parts := strings.Split(labels, ".")
	if len(parts) != 4 {
		return netip.Addr{}, false
	}
	var b [4]byte
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return netip.Addr{}, false
		}
		b[3-i] = byte(v)
	}
	return netip.AddrFrom4(b), true
}

func parseReverse6(labels string) (netip.Addr, bool) {
	const digits = 32
	parts := strings.Split(labels, ".")
	if len(parts) != digits {
		return netip.Addr{}, false
	}
	var b [16]byte
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 16, 4)
		if err != nil || len(p) != 1 {
			return netip.Addr{}, false
		}
		b[15-i/2] |= byte(v) << (4 * (i % 2))
	}
	return netip.AddrFrom16(b), true
}
