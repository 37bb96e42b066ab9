package fetch

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"davit/backend/api"
)

// challenge is what a registry wants, from its WWW-Authenticate headers.
type challenge struct {
	scheme string // "basic", "bearer"
	params map[string]string
}

type token struct {
	value   string
	expires time.Time
}

// maxToken bounds the answer of a token server.
const maxToken = 1 << 20

// parseChallenges reads all WWW-Authenticate headers; Bearer is preferred.
func parseChallenges(h http.Header) *challenge {
	var best *challenge
	for _, v := range h.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(v), " ")
		c := &challenge{strings.ToLower(scheme), parameters(rest)}
		switch {
		case c.scheme == "bearer" && c.params["realm"] != "":
			return c
		case c.scheme == "basic":
			best = c
		}
	}
	return best
}

// parameters reads key="value",key=value as RFC 9110 writes them.
func parameters(s string) map[string]string {
	out := map[string]string{}
	for len(out) < 16 {
		s = strings.TrimLeft(s, " ,\t")
		k, rest, ok := strings.Cut(s, "=")
		if !ok {
			return out
		}
		var v string
		if strings.HasPrefix(rest, `"`) {
			v, s = quoted(rest[1:])
		} else {
			i := strings.IndexAny(rest, ", ")
			if i < 0 {
				i = len(rest)
			}
			v, s = rest[:i], rest[i:]
		}
		out[strings.ToLower(strings.TrimSpace(k))] = v
	}
	return out
}

func quoted(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// authorize gives the Authorization header for a request in this scope; ""
// where none is known to be wanted.
func (s *session) authorize(ctx context.Context, scope scope) (string, error) {
	s.mu.Lock()
	c, t := s.challenge, s.tokens[scope.String()]
	s.mu.Unlock()
	if c == nil {
		return "", nil
	}
	if c.scheme == "basic" {
		return s.basic(ctx, scope)
	}
	if t.value != "" && time.Now().Before(t.expires) {
		return "Bearer " + t.value, nil
	}
	t, err := s.token(ctx, c, scope)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	s.tokens[scope.String()] = t
	s.mu.Unlock()
	return "Bearer " + t.value, nil
}

// challenged notes what the registry wants; false where that is nothing new,
// so that trying again would end the same way.
func (s *session) challenged(r *http.Response, scope scope, used string) bool {
	c := parseChallenges(r.Header)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c == nil {
		return false
	}
	known := s.challenge
	s.challenge = c
	if c.scheme == "basic" {
		return used == ""
	}
	delete(s.tokens, scope.String()) // it may have expired early
	return used == "" || known == nil || !strings.HasPrefix(used, "Bearer ")
}

func (s *session) credential(ctx context.Context, scope scope) (Credential, error) {
	if scope.login != nil {
		return *scope.login, nil
	}
	if c, is := s.host.given(); is {
		return c, nil
	}
	if s.client.c.Credentials == nil {
		return Credential{}, nil
	}
	return s.client.c.Credentials(ctx, s.host.Name, scope.repository)
}

func (s *session) basic(ctx context.Context, scope scope) (string, error) {
	c, err := s.credential(ctx, scope)
	if err != nil || c.Username == "" {
		return "", err
	}
	u, err := url.Parse(s.base)
	if err != nil || !s.secure(u, c) {
		return "", s.inClear(u)
	}
	return basicHeader(c), nil
}

func basicHeader(c Credential) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password))
}

// inClear refuses to send a password to u, where others could read it or be
// the ones who ask for it.
func (s *session) inClear(u *url.URL) error {
	switch {
	case !s.own(u):
		return api.Errorf(api.KindDenied, "%s wants a password for its token server %s over plain http, where others could read it", s.host.Name, short(u.Host)).
			WithHint("A token server at another address than the registry's has to answer by https.")
	case s.local():
		return api.Errorf(api.KindDenied, "%s wants a password without proving who it is, and the one that is known was not given for that", s.host.Name).
			WithHint("To allow it, log in with Davit: davit login %s", s.host.Name)
	}
	return api.Errorf(api.KindDenied, "%s wants a password over plain http, where others could read it", s.host.Name).
		WithHint("To allow it, mark the registry as insecure in registries.conf:\n[[registry]]\nlocation = %q\ninsecure = true", s.host.Name)
}

// token asks the realm for a bearer token.
func (s *session) token(ctx context.Context, c *challenge, scope scope) (token, error) {
	realm, err := url.Parse(c.params["realm"])
	base, berr := url.Parse(s.base)
	if err != nil || berr != nil || realm.Host == "" || realm.Scheme != "https" && (realm.Scheme != "http" || base.Scheme != "http") {
		return token{}, api.Errorf(api.KindUnavailable, "%s sends us to %q for a token, which is no place to ask", s.host.Name, short(c.params["realm"]))
	}
	if !loopback(base.Hostname()) && loopback(realm.Hostname()) {
		return token{}, refuse("%s sends us to this machine for a token", s.host.Name)
	}
	cred, err := s.credential(ctx, scope)
	if err != nil {
		return token{}, err
	}
	held := !cred.Empty() && !s.secure(realm, cred)
	if held {
		cred = Credential{} // ask as nobody: most tokens are for anybody
	}
	r, err := tokenRequest(ctx, realm, c, scope, cred)
	if err != nil {
		return token{}, err
	}
	t, err := s.askToken(r)
	if held && api.KindOf(err) == api.KindDenied {
		return token{}, s.inClear(realm)
	}
	return t, err
}

// tokenRequest is docker's token protocol: GET with Basic, or POST with the
// identity token that the registry gave at login.
func tokenRequest(ctx context.Context, realm *url.URL, c *challenge, scope scope, cred Credential) (*http.Request, error) {
	q := realm.Query()
	if v := c.params["service"]; v != "" {
		q.Set("service", v)
	}
	for _, v := range scope.list() {
		q.Add("scope", v)
	}
	u := *realm
	if cred.Token != "" {
		q.Set("grant_type", "refresh_token")
		q.Set("client_id", "davit")
		q.Set("refresh_token", cred.Token)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(q.Encode()))
		if err == nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return r, err
	}
	if cred.Username != "" {
		q.Set("account", cred.Username)
	}
	u.RawQuery = q.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err == nil && cred.Username != "" {
		r.Header.Set("Authorization", basicHeader(cred))
	}
	return r, err
}

func (s *session) askToken(r *http.Request) (token, error) {
	r.Header.Set("User-Agent", userAgent)
	resp, err := s.http.Do(r)
	if err != nil {
		return token{}, s.fail(err)
	}
	defer resp.Body.Close()
	b, err := readBody(resp.Body, maxToken)
	if err != nil {
		return token{}, api.Errorf(api.KindUnavailable, "the token from %s: %w", short(r.URL.Host), err)
	}
	if resp.StatusCode != http.StatusOK {
		return token{}, s.status(resp, b)
	}
	var t struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := json.Unmarshal(b, &t); err != nil || t.Token == "" && t.AccessToken == "" {
		return token{}, api.Errorf(api.KindUnavailable, "%s answered with something that is no token", short(r.URL.Host))
	}
	if t.Token == "" {
		t.Token = t.AccessToken
	}
	if strings.ContainsAny(t.Token, "\r\n") {
		return token{}, api.Errorf(api.KindUnavailable, "%s answered with something that is no token", short(r.URL.Host))
	}
	life := time.Duration(min(max(t.ExpiresIn, 60), 3600)) * time.Second // the protocol's floor; no loop for a server that says -1
	return token{t.Token, time.Now().Add(life - 10*time.Second)}, nil
}

// scope is what a request is about.
type scope struct {
	repository string
	catalog    bool
	push       bool
	from       []string    // further repositories to read
	login      *Credential // credentials that are being tried
}

// list gives the scope as the token protocol writes it.
func (s scope) list() []string {
	switch {
	case s.catalog:
		return []string{"registry:catalog:*"}
	case s.repository == "":
		return nil
	}
	what := ":pull"
	if s.push {
		what = ":pull,push"
	}
	out := []string{"repository:" + s.repository + what}
	for _, r := range s.from {
		out = append(out, "repository:"+r+":pull")
	}
	return out
}

// String is the key under which a token for the scope is kept.
func (s scope) String() string { return strings.Join(s.list(), " ") }
