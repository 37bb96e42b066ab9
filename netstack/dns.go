package netstack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
)

const (
	dnsPort = 53
	// dnsTTL is for how many seconds a container may remember another's
	// address, which changes when that is started again.
	dnsTTL = 5
	// maxQueries bounds what is asked of the host's resolvers at one time.
	maxQueries = 512
	// queryTimeout is for one resolver, once; resolv.conf's default.
	queryTimeout = 5 * time.Second
	// peerTimeout bounds what other networks may take, which are on this machine.
	peerTimeout = time.Second
	// maxUDPAnswer is what is asked of and accepted from a resolver over UDP.
	maxUDPAnswer = 4096
)

// resolver is the DNS server at the gateway's address: names of the network
// are answered here, all others by the host's resolvers, which are asked from
// the host's namespace, so that one on 127.0.0.53 works.
type resolver struct {
	n       *Network
	host    hostResolvers
	queries chan struct{}
	tcpLn   *gonet.TCPListener
	servers []*dns.Server
}

func newResolver(n *Network) (*resolver, error) {
	r := &resolver{n: n, host: hostResolvers{path: n.config.ResolvConf}, queries: make(chan struct{}, maxQueries)}
	at := full(netip.AddrPortFrom(n.gateway, dnsPort))
	packets, err := gonet.DialUDP(n.stack, &at, nil, ipv4.ProtocolNumber)
	if err != nil {
		return nil, fmt.Errorf("dns over udp: %w", err)
	}
	if r.tcpLn, err = gonet.ListenTCP(n.stack, at, ipv4.ProtocolNumber); err != nil {
		_ = packets.Close()
		return nil, fmt.Errorf("dns over tcp: %w", err)
	}
	r.serve(&dns.Server{PacketConn: packets, UDPSize: maxUDPAnswer})
	r.serve(&dns.Server{Listener: r.tcpLn})
	return r, nil
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
	r.tcpLn.Shutdown()
	for _, s := range r.servers {
		_ = s.Shutdown()
	}
}

func (r *resolver) handle(w dns.ResponseWriter, q *dns.Msg) {
	answer := r.answer(r.asker(w), q)
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if o := q.IsEdns0(); o != nil {
			size = max(size, int(o.UDPSize()))
		}
		answer.Truncate(size)
	}
	_ = w.WriteMsg(answer)
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
		if e != nil {
			e.heard.note(q, a)
		}
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

// forward asks the host's resolvers, one after the other.
func (r *resolver) forward(q *dns.Msg) *dns.Msg {
	servers, _ := r.host.current()
	for _, s := range servers {
		a, err := r.ask(r.n.ctx, s, q)
		if err == nil && a.Rcode != dns.RcodeServerFailure && a.Rcode != dns.RcodeRefused {
			a.Id = q.Id
			return a
		}
		if r.n.ctx.Err() != nil {
			break
		}
		r.n.log.Debug("resolver did not answer", "server", s, "err", err)
	}
	return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
}

// ask tries UDP, then TCP where the answer was cut.
func (r *resolver) ask(ctx context.Context, server string, q *dns.Msg) (*dns.Msg, error) {
	up := q.Copy()
	up.Id = dns.Id() // a container does not choose what is guessable outside
	udp := dns.Client{Net: "udp", Timeout: queryTimeout, UDPSize: maxUDPAnswer}
	a, _, err := udp.ExchangeContext(ctx, up, server)
	if err == nil && !a.Truncated {
		return a, nil
	}
	var ne net.Error
	if err != nil && errors.As(err, &ne) && ne.Timeout() {
		return nil, err
	}
	tcp := dns.Client{Net: "tcp", Timeout: queryTimeout}
	a, _, err = tcp.ExchangeContext(ctx, up, server)
	return a, err
}
