package front

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"davit/backend/api/apitest"
)

const (
	ours  = "127.0.0.1:4321"
	token = "RIGHTTOKEN"
)

// served is `davit serve` over a fake, at port 4321.
func served(t *testing.T) http.Handler {
	f := apitest.New(apitest.Options{})
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	files := fstest.MapFS{
		"index.html":         {Data: []byte("<!doctype html>davit")},
		"assets/app-1a2b.js": {Data: []byte("1")},
		"icon.svg":           {Data: []byte("<svg/>")},
		".gitkeep":           {Data: []byte("hidden")},
	}
	return Handler(f, files, Guardrails{Port: "4321", Token: token})
}

// ask sends a request as the page would; change makes it another.
func ask(h http.Handler, method, path, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://"+ours+"/", strings.NewReader(body))
	r.URL.Path, r.RequestURI = path, path
	r.Header.Set("Origin", "http://"+ours)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func signIn(t *testing.T, h http.Handler) func(*http.Request) {
	t.Helper()
	w := ask(h, "POST", "/auth", `{"token":"`+token+`"}`)
	c := w.Result().Cookies()
	if w.Code != http.StatusNoContent || len(c) != 1 {
		t.Fatalf("sign in: %d %s", w.Code, w.Body)
	}
	if !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode || c[0].Path != "/" || c[0].Domain != "" {
		t.Errorf("cookie %s", c[0])
	}
	return func(r *http.Request) { r.AddCookie(c[0]) }
}

func host(name string) func(*http.Request) {
	return func(r *http.Request) { r.Host = name; r.Header.Set("Origin", "http://"+name) }
}

func header(k, v string) func(*http.Request) {
	return func(r *http.Request) {
		if v == "" {
			r.Header.Del(k)
		} else {
			r.Header.Set(k, v)
		}
	}
}

func TestHostileRequests(t *testing.T) {
	h := served(t)
	cookie := signIn(t, h)
	anotherCookie := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: name, Value: value}) }
	}
	for _, x := range []struct {
		name   string
		status int
		change []func(*http.Request)
	}{
		{"the page itself", 200, []func(*http.Request){cookie}},
		{"by the name localhost", 200, []func(*http.Request){cookie, host("localhost:4321")}},
		{"by IPv6", 200, []func(*http.Request){cookie, host("[::1]:4321")}},
		{"a browser without Sec-Fetch", 200, []func(*http.Request){cookie, header("Sec-Fetch-Site", "")}},
		{"no cookie", 401, nil},
		{"a guessed cookie", 401, []func(*http.Request){anotherCookie("davit-4321", "guess")}},
		{"an empty cookie", 401, []func(*http.Request){anotherCookie("davit-4321", "")}},
		{"the token as cookie", 401, []func(*http.Request){anotherCookie("davit-4321", token)}},
		{"another Host", 421, []func(*http.Request){cookie, host("evil.example:4321")}},
		{"a name that resolves to us", 421, []func(*http.Request){cookie, host("127.0.0.1.nip.io:4321")}},
		{"another port in Host", 421, []func(*http.Request){cookie, host("127.0.0.1:80")}},
		{"no port in Host", 421, []func(*http.Request){cookie, host("127.0.0.1")}},
		{"no Host", 421, []func(*http.Request){cookie, host("")}},
		{"Host with user", 421, []func(*http.Request){cookie, host("x@127.0.0.1:4321")}},
		{"Host with dot", 421, []func(*http.Request){cookie, host("localhost.:4321")}},
		{"other address of loopback", 421, []func(*http.Request){cookie, host("127.0.0.2:4321")}},
		{"another Origin", 403, []func(*http.Request){cookie, header("Origin", "http://evil.example")}},
		{"a container's page on another port", 403, []func(*http.Request){cookie, header("Origin", "http://127.0.0.1:8080"), header("Sec-Fetch-Site", "same-site")}},
		{"a container's page at localhost", 403, []func(*http.Request){cookie, header("Origin", "http://localhost:4321"), header("Sec-Fetch-Site", "")}},
		{"https", 403, []func(*http.Request){cookie, header("Origin", "https://"+ours)}},
		{"Origin null", 403, []func(*http.Request){cookie, header("Origin", "null")}},
		{"no Origin", 403, []func(*http.Request){cookie, header("Origin", "")}},
		{"cross-site", 403, []func(*http.Request){cookie, header("Sec-Fetch-Site", "cross-site")}},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := ask(h, "POST", "/v1/Containers", `[{"all":true}]`, x.change...)
			if w.Code != x.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, x.status)
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("it is shared with other origins")
			}
			if x.status != 200 && !strings.Contains(w.Body.String(), `"kind":"denied"`) {
				t.Errorf("%s", w.Body)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	h := served(t)
	cookie := signIn(t, h)
	for method, want := range map[string]int{"GET": 405, "HEAD": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 405, "POST": 200} {
		if w := ask(h, method, "/v1/Doctor", "", cookie); w.Code != want {
			t.Errorf("%s: %d, want %d", method, w.Code, want)
		}
	}
	if w := ask(h, "OPTIONS", "/v1/Doctor", "", header("Origin", "http://evil.example")); w.Code != 403 {
		t.Errorf("preflight: %d", w.Code)
	}
}

func TestTokenIsGoodOnce(t *testing.T) {
	h := served(t)
	body := `{"token":"` + token + `"}`
	if w := ask(h, "POST", "/auth", body, header("Origin", "http://evil.example")); w.Code != 403 || len(w.Result().Cookies()) > 0 {
		t.Errorf("from another page: %d", w.Code)
	}
	if w := ask(h, "POST", "/auth", body, host("evil.example:4321")); w.Code != 421 {
		t.Errorf("to another host: %d", w.Code)
	}
	signIn(t, h)
	w := ask(h, "POST", "/auth", body)
	if w.Code != 403 || len(w.Result().Cookies()) > 0 {
		t.Errorf("replayed: %d %v", w.Code, w.Result().Cookies())
	}
}

func TestWrongTokens(t *testing.T) {
	h := served(t)
	for _, body := range []string{"", "{}", "null", `{"token":1}`, strings.Repeat("x", 10_000)} {
		if w := ask(h, "POST", "/auth", body); w.Code == 204 || w.Code >= 500 {
			t.Errorf("%.20q: %d", body, w.Code)
		}
	}
	limited := false
	for range 2 * maxBad {
		w := ask(h, "POST", "/auth", `{"token":"guess"}`)
		limited = limited || w.Code == http.StatusTooManyRequests
		if w.Code == 204 {
			t.Fatal("a guess was right")
		}
	}
	if !limited {
		t.Error("guessing is not limited")
	}
	signIn(t, h) // and the person is not locked out
}

func TestLimitEnds(t *testing.T) {
	g := &guard{token: digest(token), unused: true}
	at := time.Now()
	for range maxBad + 1 {
		g.exchange("guess", at)
	}
	if _, status := g.exchange("guess", at.Add(2*time.Minute)); status != http.StatusForbidden {
		t.Errorf("%d two minutes later", status)
	}
}

func TestNoTokenSignsNobodyIn(t *testing.T) {
	h := Handler(apitest.New(apitest.Options{}), fstest.MapFS{}, Guardrails{Port: "4321"})
	if w := ask(h, "POST", "/auth", `{"token":""}`); w.Code == 204 {
		t.Error("signed in with the empty token")
	}
	if w := ask(h, "POST", "/v1/Doctor", "", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "davit-4321"}) }); w.Code != 401 {
		t.Errorf("%d with an empty cookie", w.Code)
	}
}

func TestPage(t *testing.T) {
	h := served(t)
	for path, want := range map[string]struct {
		status      int
		body, cache string
	}{
		"/":                         {200, "<!doctype html>davit", "no-cache"},
		"/index.html":               {200, "<!doctype html>davit", "no-cache"},
		"/containers/web":           {200, "<!doctype html>davit", "no-cache"},
		"/assets/app-1a2b.js":       {200, "1", "immutable"},
		"/icon.svg":                 {200, "<svg/>", "no-cache"},
		"/assets/":                  {404, "", ""},
		"/assets/gone.js":           {404, "", ""},
		"/.gitkeep":                 {404, "", ""},
		"/../guard.go":              {404, "", ""},
		"/assets/../../guard.go":    {404, "", ""},
		"/..":                       {404, "", ""},
		"//etc/passwd":              {404, "", ""},
		"/assets/..\\..\\guard.go":  {404, "", ""},
		"/assets/app-1a2b.js/../..": {404, "", ""},
		"/x\x00.js":                 {404, "", ""},
	} {
		w := ask(h, "GET", path, "")
		if w.Code != want.status || want.status == 200 && w.Body.String() != want.body || !strings.Contains(w.Header().Get("Cache-Control"), want.cache) {
			t.Errorf("%s: %d %q %q, want %+v", path, w.Code, w.Body, w.Header().Get("Cache-Control"), want)
		}
		for k, v := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "Content-Security-Policy": policy,
		} {
			if w.Header().Get(k) != v {
				t.Errorf("%s: %s is %q", path, k, w.Header().Get(k))
			}
		}
	}
	if w := ask(h, "GET", "/", "", host("evil.example:4321")); w.Code != 421 {
		t.Errorf("the page to another host: %d", w.Code)
	}
	empty := Handler(apitest.New(apitest.Options{}), fstest.MapFS{}, Guardrails{Port: "4321", Token: token})
	if w := ask(empty, "GET", "/", ""); w.Code != 503 {
		t.Errorf("without a built page: %d", w.Code)
	}
}

func TestPolicy(t *testing.T) {
	for _, want := range []string{"default-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
}

func TestNewToken(t *testing.T) {
	if a, b := NewToken(), NewToken(); a == b || len(a) < 26 {
		t.Errorf("%q and %q", a, b)
	}
}
