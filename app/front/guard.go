package front

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"davit/backend/api"
	"davit/backend/wire"
)

// Guardrails are what keeps other people, and other pages in the same
// browser, away from `davit serve`.
type Guardrails struct {
	Port  string       // that is listened on, in digits
	Token string       // from NewToken; good for one session
	Log   *slog.Logger // nil discards
}

// NewToken makes a token of 130 random bits for the URL's fragment, which
// browsers send to no server.
func NewToken() string { return rand.Text() }

// Handler serves s and the files of the page to who knows the token:
//
//	GET  /#token=…        the page, which holds nothing secret
//	POST /auth            {"token"} once → a cookie for this browser
//	POST /v1/<Method>     with the cookie: the wire
//
// A request is refused unless it names one of our own addresses as Host, so
// that a foreign name that resolves to us gains nothing (DNS rebinding), and,
// when it could change something, comes from a page of ours (Origin): cookies
// know no ports, so a page that a container serves on another port of
// 127.0.0.1 is of the same site as we are.
func Handler(s api.Service, static fs.FS, g Guardrails) http.Handler {
	if g.Log == nil {
		g.Log = slog.New(slog.DiscardHandler)
	}
	return &guard{
		hosts:  hosts(g.Port),
		cookie: "davit-" + g.Port,
		token:  digest(g.Token),
		unused: g.Token != "",
		api:    wire.Page(s, g.Log),
		page:   page{files: static},
		log:    g.Log,
	}
}

// Serve answers on l until it is closed.
func Serve(l net.Listener, h http.Handler) error {
	s := newServer(h)
	s.ReadHeaderTimeout = 10 * time.Second
	s.IdleTimeout = 2 * time.Minute
	return s.Serve(l)
}

type guard struct {
	hosts  map[string]bool
	cookie string
	api    http.Handler
	page   http.Handler
	log    *slog.Logger

	mu      sync.Mutex
	token   [32]byte // all secrets are compared by their digests, in constant time
	unused  bool
	session [32]byte
	bad     int // wrong tokens since
	since   time.Time
}

func digest(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// hosts are the names that we answer to.
func hosts(port string) map[string]bool {
	out := map[string]bool{}
	for _, h := range []string{"127.0.0.1", "localhost", "::1"} {
		out[net.JoinHostPort(h, port)] = true
	}
	return out
}

// policy lets the page load what is ours and nothing else.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch {
	case !g.hosts[r.Host]:
		g.refuse(w, r, http.StatusMisdirectedRequest, "this is not an address of Davit")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		g.page.ServeHTTP(w, r)
	case !sameOrigin(r):
		g.refuse(w, r, http.StatusForbidden, "the request does not come from Davit's own page")
	case r.URL.Path == "/auth":
		g.auth(w, r)
	case !g.signedIn(r):
		g.refuse(w, r, http.StatusUnauthorized, "this browser is not signed in")
	default:
		g.api.ServeHTTP(w, r)
	}
}

// sameOrigin: every browser tells the origin of a request that is no GET.
func sameOrigin(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return r.Header.Get("Origin") == "http://"+r.Host && (site == "" || site == "same-origin")
}

func (g *guard) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	g.log.Warn("request refused", "why", why, "method", r.Method, "path", r.URL.Path, "host", r.Host, "origin", r.Header.Get("Origin"))
	e := api.Errorf(api.KindDenied, "%s", why).WithHint("Open the address that `davit serve` prints.")
	b, err := json.Marshal(map[string]any{"error": e})
	if err != nil {
		http.Error(w, why, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// Wrong tokens in a minute before we stop listening to them. The right one is
// heard in any case, so that nobody can lock the person out.
const maxBad = 10

// auth turns the token into this browser's cookie, once.
func (g *guard) auth(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Token string `json:"token"`
	}
	if r.Method != http.MethodPost || json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&body) != nil {
		g.refuse(w, r, http.StatusBadRequest, "sign in wants a token")
		return
	}
	session, status := g.exchange(body.Token, time.Now())
	if status != http.StatusOK {
		g.refuse(w, r, status, "the token is wrong or was used before")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.SetCookie(w, &http.Cookie{
		Name: g.cookie, Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	w.WriteHeader(http.StatusNoContent)
}

func (g *guard) exchange(token string, now time.Time) (session string, status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	given := digest(token)
	if subtle.ConstantTimeCompare(given[:], g.token[:]) == 1 && g.unused {
		session = rand.Text()
		g.session, g.unused = digest(session), false
		return session, http.StatusOK
	}
	if now.Sub(g.since) > time.Minute {
		g.bad, g.since = 0, now
	}
	if g.bad++; g.bad > maxBad {
		return "", http.StatusTooManyRequests
	}
	return "", http.StatusForbidden
}

func (g *guard) signedIn(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.unused {
		return false
	}
	ok := 0
	for _, c := range r.CookiesNamed(g.cookie) {
		given := digest(c.Value)
		ok |= subtle.ConstantTimeCompare(given[:], g.session[:])
	}
	return ok == 1
}
