// Package fetch speaks to registries: the distribution API with its
// authentication, and JSON over HTTP for the search APIs. It is written for
// servers that are slow, broken or hostile: every answer has a bound in bytes
// and in time, and credentials go to the host that they are for, over TLS, or
// nowhere.
//
// It runs in the engine, in the user namespace and the host's network. The
// transport is our own and not go-containerregistry's, which uses plain http
// for private addresses, refuses redirects to them, sends passwords in clear
// and cannot resume; build/decisions/0002 has the measurements. Pushing is
// that library's, over our transport.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"davit/backend/api"
	"davit/backend/image/name"
)

// Credential is how a person is known to a registry.
type Credential struct {
	Username, Password string
	Token              string // an identity token in place of the password
	// Local: it was given for a registry on this machine, knowing that, so that
	// it may go there without TLS. For other hosts it says nothing.
	Local bool
}

// Empty tells that there is nothing to send.
func (c Credential) Empty() bool { return c.Username == "" && c.Password == "" && c.Token == "" }

// Config is how to reach registries. Its zero value works.
type Config struct {
	// Credentials gives what is known for a registry; nil: nothing is.
	Credentials func(ctx context.Context, registry, repository string) (Credential, error)
	// Hosts maps a registry to another address ("http://127.0.0.1:5000"), for tests.
	Hosts map[string]string
	// CertDirs hold HOST[:PORT]/*.crt, *.cert and *.key.
	CertDirs []string
	Log      *slog.Logger

	HeaderTimeout time.Duration // until an answer's headers are there; 12 s
	StallTimeout  time.Duration // in which a blob has to bring StallBytes; 10 s
	StallBytes    int64         // 10 KiB
	Backoff       time.Duration // before the first retry, doubled for each further one; 200 ms
}

// Client speaks to registries. It keeps connections, tokens and what it
// learned of each host.
type Client struct {
	c        Config
	mu       sync.Mutex
	sessions map[Host]*session
}

// Host is a registry's host, and whether registries.conf calls it insecure.
type Host struct {
	Name     string // docker.io, localhost:5000
	Insecure bool
	as       *Access // of one call; nil: of all others
}

// New makes a client.
func New(c Config) *Client {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&c.HeaderTimeout, 12*time.Second)
	set(&c.StallTimeout, 10*time.Second)
	set(&c.Backoff, 200*time.Millisecond)
	if c.StallBytes == 0 {
		c.StallBytes = 10 << 10
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{c: c, sessions: map[Host]*session{}}
}

// Close ends idle connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sessions {
		s.http.CloseIdleConnections()
		s.uploads.CloseIdleConnections()
	}
}

// session is what is known of one host.
type session struct {
	client  *Client
	host    Host
	http    *http.Client
	uploads *http.Client // waits longer for an answer
	proven  atomic.Bool  // a registry on this machine showed a certificate that is trusted

	mu        sync.Mutex
	base      string // scheme://host, once known
	challenge *challenge
	tokens    map[string]token // by scope
}

func (c *Client) session(h Host) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.sessions[h]; s != nil {
		return s, nil
	}
	t, err := c.transport(h)
	if err != nil {
		return nil, err
	}
	s := &session{client: c, host: h, http: &http.Client{Transport: t}, uploads: &http.Client{Transport: slowly(t)}, tokens: map[string]token{}}
	if s.local() {
		here := s.here(t)
		s.http.Transport, s.uploads.Transport = nearby{s, here, t}, nearby{s, slowly(here), slowly(t)}
	}
	s.http.CheckRedirect, s.uploads.CheckRedirect = s.redirect, s.redirect
	c.sessions[h] = s
	return s, nil
}

// Forget drops what is known of a registry, after a login or logout.
func (c *Client) Forget(registry string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for h := range c.sessions {
		if h.Name == registry {
			delete(c.sessions, h)
		}
	}
}

func (c *Client) transport(h Host) (*http.Transport, error) {
	tls, err := tlsConfig(h, c.c.CertDirs)
	if err != nil {
		return nil, err
	}
	d := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second, Control: noMetadata}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            d.DialContext,
		TLSClientConfig:        tls,
		TLSHandshakeTimeout:    c.c.HeaderTimeout,
		ResponseHeaderTimeout:  c.c.HeaderTimeout,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true, // what is packed inside packed data is a bomb
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        60 * time.Second,
		ReadBufferSize:         64 << 10,
	}, nil
}

// noMetadata refuses link-local addresses: no registry is there, but a
// cloud's metadata service is, to which a redirect may try to lead us.
func noMetadata(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err == nil && a.Addr().Unmap().IsLinkLocalUnicast() {
		return refuse("the address %s is link-local: no registry is there", a.Addr())
	}
	return nil
}

// refuse makes an error after which there is no point in trying again.
func refuse(format string, args ...any) *api.Error {
	return api.Errorf(api.KindUnavailable, format, args...)
}

// redirect decides on each redirect: a few, never to anything but http and
// https, never from TLS to none, and never with credentials to another host.
// (net/http compares host names without the port.)
func (s *session) redirect(r *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case len(via) > 8:
		return refuse("%s redirects too often", s.host.Name)
	case r.URL.Scheme != "https" && r.URL.Scheme != "http":
		return refuse("%s redirects to %q, which is not the web", s.host.Name, short(r.URL.Scheme))
	case from.Scheme == "https" && r.URL.Scheme == "http":
		return refuse("%s redirects from https to plain http", s.host.Name)
	case !loopback(from.Hostname()) && loopback(r.URL.Hostname()):
		return refuse("%s redirects to this machine", s.host.Name)
	}
	if r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
		r.Header.Del("Authorization")
		r.Header.Del("Referer")
	}
	return nil
}

// bases gives the addresses to try for the host, in order. Plain http is for
// this machine, and for hosts that registries.conf calls insecure.
func (s *session) bases() []string {
	if s.base != "" {
		return []string{s.base}
	}
	h := s.host.Name
	if b := s.client.c.Hosts[h]; b != "" {
		return []string{b}
	}
	if h == name.Docker {
		h = "registry-1.docker.io"
	}
	switch {
	case s.host.strict():
		return []string{"https://" + h}
	case s.local():
		return []string{"http://" + h, "https://" + h}
	case s.host.Insecure:
		return []string{"https://" + h, "http://" + h}
	}
	return []string{"https://" + h}
}

// try sends one request to the host, at the first address that speaks the
// protocol.
func (s *session) try(r *http.Request, path string) (*http.Response, error) {
	s.mu.Lock()
	bases, known := s.bases(), s.base != ""
	s.mu.Unlock()
	var first error
	for _, b := range bases {
		u, err := url.Parse(b + path)
		if err != nil {
			return nil, fmt.Errorf("address of %s: %w", s.host.Name, err)
		}
		q := r.Clone(r.Context())
		q.URL, q.Host = u, ""
		if err := withBody(q, r.GetBody, r.ContentLength); err != nil {
			return nil, err
		}
		resp, err := s.by(q.Method).Do(q)
		if err == nil && (known || !wrongScheme(resp, b)) {
			s.mu.Lock()
			s.base = b
			s.mu.Unlock()
			return resp, nil
		}
		if err == nil {
			resp.Body.Close()
			err = fmt.Errorf("%s speaks https", s.host.Name)
		}
		if !protocolError(err) {
			return nil, err // it says more than that the first way was the wrong one
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// wrongScheme tells net/http's and nginx's answer to http on a port for https.
func wrongScheme(r *http.Response, base string) bool {
	return r.StatusCode == http.StatusBadRequest && strings.HasPrefix(base, "http://") &&
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
}

// protocolError tells errors after which the other scheme is worth a try.
func protocolError(err error) bool {
	var known *api.Error
	var number syscall.Errno
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return false
	}
	if errors.As(err, &number) {
		return number == syscall.ECONNRESET || number == syscall.ECONNREFUSED
	}
	s := err.Error()
	return strings.Contains(s, "HTTP response to HTTPS client") || strings.Contains(s, "speaks https") ||
		strings.Contains(s, "malformed HTTP response") || strings.Contains(s, "EOF")
}
