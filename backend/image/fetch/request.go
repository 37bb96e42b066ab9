package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"davit/backend/api"
)

const userAgent = "davit"

// errRange is a registry that does not give parts.
var errRange = errors.New("it does not send a part of a blob")

// ErrManifest is a registry's refusal of a manifest for what it is, not for who
// sends it.
var ErrManifest = errors.New("it is not of a kind that is taken there")

// request is one request to a registry.
type request struct {
	method string
	path   string // with query
	scope  scope
	header http.Header

	body    func() (io.ReadCloser, error) // nil: none
	length  int64                         // of the body
	missing bool                          // 404 is an answer, not an error
}

// do sends a request, with credentials where they are wanted, and tries again
// where that may help. Any answer with a status below 300 is returned; the
// caller closes its body.
func (s *session) do(ctx context.Context, q request) (*http.Response, error) {
	timeouts := 0
	for attempt := 0; ; attempt++ {
		resp, err := s.authorized(ctx, q)
		if err == nil {
			return resp, nil
		}
		wait, again := s.retry(err, attempt)
		if isTimeout(err) {
			timeouts++
			again = again && timeouts < 2
		}
		if !again || ctx.Err() != nil {
			return nil, s.fail(err)
		}
		s.client.c.Log.Debug("try again", "host", s.host.Name, "path", q.path, "after", wait, "err", err)
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// retry tells whether and when to try again.
func (s *session) retry(err error, attempt int) (time.Duration, bool) {
	wait := s.client.c.Backoff << attempt
	if attempt >= 3 {
		return 0, false
	}
	var busy *busyError
	if errors.As(err, &busy) {
		return max(busy.wait, wait), busy.wait <= 10*time.Second
	}
	var known *api.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return 0, false
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return 0, false
	}
	if strings.Contains(err.Error(), "headers exceeded") || strings.Contains(err.Error(), "x509:") || strings.Contains(err.Error(), "connection refused") {
		return 0, false
	}
	return wait, true
}

// busyError is 429 or 5xx: waiting a little may help.
type busyError struct {
	err  *api.Error
	wait time.Duration
}

func (b *busyError) Error() string { return b.err.Error() }
func (b *busyError) Unwrap() error { return b.err }

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// authorized sends the request, answering at most two challenges.
func (s *session) authorized(ctx context.Context, q request) (*http.Response, error) {
	for tries := 0; ; tries++ {
		auth, err := s.authorize(ctx, q.scope)
		if err != nil {
			return nil, err
		}
		r, err := http.NewRequestWithContext(ctx, q.method, "http://host/", nil)
		if err != nil {
			return nil, err
		}
		for k, v := range q.header {
			r.Header[k] = v
		}
		r.Header.Set("User-Agent", userAgent)
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		r.GetBody, r.ContentLength = q.body, q.length
		resp, err := s.try(r, q.path)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode < 300 || q.missing && resp.StatusCode == http.StatusNotFound {
			return resp, nil
		}
		body, _ := readBody(resp.Body, 64<<10) // what it says of the error is a help, no more
		resp.Body.Close()
		if resp.StatusCode == http.StatusUnauthorized && tries < 2 && s.challenged(resp, q.scope, auth) {
			continue
		}
		return nil, s.status(resp, body)
	}
}

// status makes an error of an answer.
func (s *session) status(r *http.Response, body []byte) error {
	said := message(body)
	if said != "" {
		said = ": " + said
	}
	e := func(k api.Kind, what string) *api.Error { return api.Errorf(k, "%s %s%s", s.host.Name, what, said) }
	switch {
	case r.StatusCode == http.StatusUnauthorized, r.StatusCode == http.StatusForbidden:
		return e(api.KindDenied, "does not let us in").WithHint("Log in to %s, or check the name: a private repository looks like a missing one.", s.host.Name)
	case r.StatusCode == http.StatusNotFound:
		return e(api.KindNotFound, "does not have it")
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return api.Errorf(api.KindUnavailable, "%s: %w", s.host.Name, errRange)
	case r.StatusCode == http.StatusTooManyRequests:
		wait := retryAfter(r.Header)
		busy := e(api.KindRateLimited, "says that there were too many requests").
			WithHint("Try again %s; those who log in may ask for more.", in(wait))
		busy.RetryAfter = int(wait / time.Second)
		return &busyError{busy, wait}
	case r.StatusCode >= 500:
		return &busyError{e(api.KindUnavailable, fmt.Sprintf("has a fault of its own (%d)", r.StatusCode)), retryAfter(r.Header)}
	}
	if unlikedManifest(r) {
		return api.Errorf(api.KindDenied, "%s does not take the manifest (%d)%s: %w", s.host.Name, r.StatusCode, said, ErrManifest)
	}
	if r.Request != nil && r.Request.Method != http.MethodGet && r.StatusCode >= 400 {
		return e(api.KindDenied, fmt.Sprintf("does not take it (%d)", r.StatusCode))
	}
	return e(api.KindUnavailable, fmt.Sprintf("gave an answer that is not understood (%d)", r.StatusCode))
}

// unlikedManifest tells the answers to manifests of types that a registry does
// not know: docker-registry and Quay say 400, zot 415.
func unlikedManifest(r *http.Response) bool {
	return r.Request != nil && r.Request.Method == http.MethodPut && strings.Contains(r.Request.URL.Path, "/manifests/") &&
		(r.StatusCode == http.StatusBadRequest || r.StatusCode == http.StatusUnsupportedMediaType)
}

func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		return time.Duration(min(max(n, 0), 1<<31)) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}

func in(d time.Duration) string {
	switch {
	case d == 0:
		return "later"
	case d > 24*time.Hour:
		return "another day"
	}
	return "in " + d.Round(time.Second).String()
}

// fail makes an *api.Error of what net/http reports.
func (s *session) fail(err error) error {
	var known *api.Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its text repeats the whole address
	}
	switch {
	case isTimeout(err), errors.Is(err, context.DeadlineExceeded):
		return api.Errorf(api.KindUnavailable, "%s does not answer in time", s.host.Name).WithHint("Check the network, or try again later.")
	case strings.Contains(err.Error(), "x509:"):
		return api.Errorf(api.KindUnavailable, "the certificate of %s is not trusted: %w", s.host.Name, clean(err)).
			WithHint("Put its authority into ~/.config/containers/certs.d/%s/ca.crt.", s.host.Name)
	}
	return api.Errorf(api.KindUnavailable, "%s cannot be reached: %w", s.host.Name, clean(err))
}

type cleaned struct {
	error
	text string
}

func (c cleaned) Error() string { return c.text }
func (c cleaned) Unwrap() error { return c.error }

// clean takes what a server may have put into an error's text.
func clean(err error) error { return cleaned{err, Text(err.Error(), 300)} }

// message gives what a registry says of an error, as text.
func message(body []byte) string {
	var e struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
		Message string `json:"message"`
		Detail  string `json:"detail"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	for _, x := range e.Errors {
		if x.Message != "" {
			return Text(x.Message, 200)
		}
		if x.Code != "" {
			return Text(x.Code, 200)
		}
	}
	return Text(e.Message+e.Detail, 200)
}

// Text makes a foreign string fit to be shown: no control characters, no
// marks that turn the writing direction, valid UTF-8, at most n runes.
func Text(s string, n int) string {
	var b strings.Builder
	for _, r := range s {
		if n == 0 {
			b.WriteRune('…')
			break
		}
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			r = ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			continue
		}
		b.WriteRune(r)
		n--
	}
	return strings.TrimSpace(b.String())
}

func short(s string) string { return Text(s, 80) }

// readBody reads at most limit bytes; more is an error.
func readBody(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, api.Errorf(api.KindCorrupt, "the answer is longer than the %d bytes that are allowed", limit)
	}
	return b, nil
}
