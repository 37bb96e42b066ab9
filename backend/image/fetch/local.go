package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// A registry on this machine may go without TLS, or with a certificate that
// nobody vouches for, as docker has it for 127.0.0.0/8, ::1 and localhost. It
// is for the registry itself alone (its host and port): a token server or a
// store of blobs that it sends us to is reached as any other host is. Which
// password may go there is for Credential.Local to say.

// loopback tells addresses of this machine.
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}

// hostname is the host without its port.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}

// Loopback tells a registry on this machine by its name.
func Loopback(registry string) bool { return loopback(hostname(registry)) }

// local tells that the session is with a registry on this machine.
func (s *session) local() bool { return Loopback(s.host.Name) }

// nearby sends what is for a registry on this machine over a transport that
// leads nowhere else, and all other requests over the usual one.
type nearby struct {
	s               *session
	here, elsewhere *http.Transport
}

// RoundTrip goes by the host that the request is for.
func (n nearby) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.s.own(r.URL) {
		return n.here.RoundTrip(r)
	}
	return n.elsewhere.RoundTrip(r)
}

// CloseIdleConnections is what http.Client asks for.
func (n nearby) CloseIdleConnections() {
	n.here.CloseIdleConnections()
	n.elsewhere.CloseIdleConnections()
}

// here makes the transport to a registry on this machine: past any proxy, to
// loopback addresses only, whatever its name is made to stand for. Where
// certs.d has an authority for it, its certificate has to be of that one.
func (s *session) here(t *http.Transport) *http.Transport {
	t = t.Clone()
	t.Proxy = nil
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second, Control: loopbackOnly}).DialContext
	c := t.TLSClientConfig
	c.InsecureSkipVerify = c.InsecureSkipVerify || c.RootCAs == nil && !s.host.strict()
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		s.proven.Store(vouched(cs, c.RootCAs, hostname(s.host.Name)))
		return nil
	}
	return t
}

// vouched tells whether the certificate is of an authority that is trusted.
func vouched(cs tls.ConnectionState, roots *x509.CertPool, host string) bool {
	o := x509.VerifyOptions{Roots: roots, DNSName: host, Intermediates: x509.NewCertPool()}
	for _, c := range cs.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := cs.PeerCertificates[0].Verify(o)
	return err == nil
}

// loopbackOnly refuses to connect to other machines.
func loopbackOnly(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !a.Addr().Unmap().IsLoopback() {
		return refuse("%s is not on this machine, as the registry's name says", address)
	}
	return nil
}

// own tells whether u is the registry itself.
func (s *session) own(u *url.URL) bool {
	base := s.base
	if s.local() {
		base = "http://" + s.host.Name
	}
	b, err := url.Parse(base)
	return err == nil && b.Port() == u.Port() && canonical(b.Hostname()) == canonical(u.Hostname())
}

// canonical gives this machine's usual names one: who asks at localhost may be
// sent to 127.0.0.1 for a token.
func canonical(host string) string {
	if host == "127.0.0.1" || host == "::1" {
		return "localhost"
	}
	return host
}

// secure tells whether a secret may go to u: over TLS that proves who is
// there, or where the person said so: of this registry, that it is to be used
// without, or by logging in to it on this machine.
func (s *session) secure(u *url.URL, c Credential) bool {
	switch own := s.own(u); {
	case own && s.host.Insecure:
		return true
	case own && s.local():
		return c.Local || u.Scheme == "https" && s.proven.Load()
	}
	return u.Scheme == "https"
}

// open tells that who is at the registry's address is not proven.
func (s *session) open() bool {
	return !strings.HasPrefix(s.base, "https://") || s.local() && !s.proven.Load()
}
