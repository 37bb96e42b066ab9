package netstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// queryTimeout is for one resolver, once; resolv.conf's default.
	queryTimeout = 5 * time.Second
	// nextAfter is when the next resolver is asked as well: one that has gone, as
	// that of a VPN, does not make everybody wait.
	nextAfter = time.Second
	// forwardTimeout is for all resolvers; who asks has given up by then.
	forwardTimeout = 15 * time.Second
)

// forward asks the host's resolvers in order, the next one too when one has
// failed or takes long; what the first says that knows anything is the answer.
func (r *resolver) forward(q *dns.Msg) *dns.Msg {
	servers, _ := r.host.current()
	ctx, cancel := context.WithTimeout(r.n.ctx, forwardTimeout)
	var all sync.WaitGroup
	defer all.Wait() // those that were not waited for end with ctx
	defer cancel()
	answers := make(chan *dns.Msg, len(servers)) // nil: none
	next := time.NewTimer(0)
	defer next.Stop()
	for asked, failed := 0, 0; failed < len(servers); {
		select {
		case <-next.C:
			if asked < len(servers) {
				server := servers[asked]
				all.Go(func() { answers <- r.knows(ctx, server, q) })
				asked++
				next.Reset(nextAfter)
			}
		case a := <-answers:
			if a != nil {
				a.Id = q.Id
				return a
			}
			failed++
			next.Reset(0)
		case <-ctx.Done():
			return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
		}
	}
	return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
}

// knows asks one resolver; nil: it knows nothing, not even that there is no
// such name.
func (r *resolver) knows(ctx context.Context, server string, q *dns.Msg) *dns.Msg {
	a, err := askHost(ctx, server, q)
	if err == nil && a.Rcode != dns.RcodeServerFailure && a.Rcode != dns.RcodeRefused {
		return a
	}
	if ctx.Err() == nil {
		r.n.log.Debug("resolver did not answer", "server", server, "err", err)
	}
	return nil
}

// askHost tries UDP, then TCP where the answer was cut or UDP is refused. What was
// cut is the answer where there is no more: it says so itself.
func askHost(ctx context.Context, server string, q *dns.Msg) (*dns.Msg, error) {
	up := q.Copy()
	up.Id = dns.Id() // a container does not choose what is guessable outside
	cut, err := askOver(ctx, "udp", server, up)
	if err == nil && !cut.Truncated {
		return cut, nil
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return nil, err
	}
	whole, terr := askOver(ctx, "tcp", server, up)
	if terr != nil && err == nil {
		return cut, nil
	}
	return whole, terr
}

// askOver asks once. It ends with ctx.
func askOver(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	d := net.Dialer{Timeout: queryTimeout}
	c, err := d.DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer func() { _ = c.Close() }()
	client := dns.Client{Net: network, Timeout: queryTimeout}
	a, _, err := client.ExchangeWithConn(q, &dns.Conn{Conn: c, UDPSize: maxUDPAnswer})
	if err == nil && !slices.EqualFunc(a.Question, q.Question, sameQuestion) {
		err = fmt.Errorf("%s answers another question", server)
	}
	return a, err
}

func sameQuestion(a, b dns.Question) bool {
	return strings.EqualFold(a.Name, b.Name) && a.Qtype == b.Qtype && a.Qclass == b.Qclass
}

// search looks for a name of one label in the host's search domains of this
// moment. Endpoints have their own list from when they began; a VPN that came
// since has another. none is the answer where there is nothing.
func (r *resolver) search(q, none *dns.Msg) *dns.Msg {
	question := q.Question[0]
	if dns.CountLabel(question.Name) != 1 || question.Qtype != dns.TypeA && question.Qtype != dns.TypeAAAA {
		return none
	}
	_, domains := r.host.current()
	for _, domain := range domains[:min(len(domains), maxSearch)] {
		longer := q.Copy()
		longer.Question[0].Name = question.Name + dns.Fqdn(strings.TrimPrefix(domain, "."))
		if _, valid := dns.IsDomainName(longer.Question[0].Name); !valid || domain == "." {
			continue
		}
		a := r.forward(longer)
		if a.Rcode != dns.RcodeSuccess || len(a.Answer) == 0 {
			continue
		}
		alias := &dns.CNAME{Hdr: rrHeader(question.Name, dns.TypeCNAME), Target: longer.Question[0].Name}
		a.Question, a.Answer = q.Question, append([]dns.RR{alias}, a.Answer...)
		return a
	}
	return none
}

// maxSearch bounds the domains that are tried; resolv.conf(5) had as many.
const maxSearch = 6
