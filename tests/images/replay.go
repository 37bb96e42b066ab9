package images

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// server starts an HTTP server and gives its address ("http://127.0.0.1:1").
func server(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// Host takes the scheme off an address.
func Host(address string) string {
	return strings.TrimPrefix(strings.TrimPrefix(address, "http://"), "https://")
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that went away is its own affair
}

// HubAPI plays Docker Hub's search (v1) and tags. "limited" is answered with
// 429, "portal" with a log-in page.
func HubAPI(t testing.TB) string {
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/search", func(w http.ResponseWriter, r *http.Request) {
		switch q := r.URL.Query().Get("q"); q {
		case "limited":
			w.Header().Set("Retry-After", "30")
			http.Error(w, `{"message":"slow down"}`, http.StatusTooManyRequests)
		case "portal":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>Sign in</html>")
		default:
			answer(w, map[string]any{"num_pages": 2, "num_results": 40, "page": 1, "page_size": 25, "query": q, "results": []map[string]any{
				{"name": "someone/" + q + "-extra", "description": "not it", "star_count": 9000, "is_official": false},
				{"name": "bitnami/" + q, "description": "close", "star_count": 200, "is_official": false},
				{"name": q, "description": "Official \x1b[31mbuild\x1b[0m of " + q, "star_count": 19000, "is_official": true},
				{"name": "bad name", "description": "cannot be pulled"},
			}})
		}
	})
	m.HandleFunc("GET /v2/namespaces/library/repositories/nginx/tags", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"count": 2, "next": nil, "results": []map[string]any{
			{"name": "latest", "full_size": 71000000, "last_updated": "2026-01-02T03:04:05.6Z", "digest": "sha256:" + strings.Repeat("a", 64), "images": []map[string]any{
				{"architecture": "arm64", "os": "linux", "variant": "v8", "size": 60000000}, {"architecture": "amd64", "os": "linux", "variant": nil, "size": 70000000}}},
			{"name": "1.27", "full_size": 5, "images": []map[string]any{}},
			{"name": "-rf", "images": nil},
		}})
	})
	return server(t, m)
}

// QuayAPI plays Quay's search, two pages of it, and tags.
func QuayAPI(t testing.TB) string {
	m := http.NewServeMux()
	m.HandleFunc("GET /api/v1/find/repositories", func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Query().Get("page")
		rows := []map[string]any{{"kind": "application", "name": "no", "namespace": map[string]any{"name": "team"}}}
		for i := range 9 {
			rows = append(rows, map[string]any{"kind": "repository", "name": fmt.Sprintf("app%s%d", page, i), "namespace": map[string]any{"name": "team"}, "description": "**markdown**", "stars": i, "last_modified": 1700000000})
		}
		answer(w, map[string]any{"results": rows, "has_additional": page == "1", "page_size": 10})
	})
	m.HandleFunc("GET /api/v1/repository/team/app/tag/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"page": 1, "has_additional": false, "tags": []map[string]any{
			{"name": "v1", "manifest_digest": "sha256:" + strings.Repeat("b", 64), "size": nil, "last_modified": "Tue, 01 Jul 2025 10:00:00 -0000"}}})
	})
	return server(t, m)
}

// V1Registry plays a registry that has kept the search of registry v1.
func V1Registry(t testing.TB) string {
	m := http.NewServeMux()
	m.HandleFunc("GET /v2/", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{}) })
	m.HandleFunc("GET /v1/search", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"num_results": 1, "results": []map[string]any{{"name": "team/" + r.URL.Query().Get("q"), "description": nil}}})
	})
	return server(t, m)
}

// CatalogueRegistry plays a registry that can only list: in pages with a
// relative link, and with tags as Nexus sends them (null, and null in the list).
func CatalogueRegistry(t testing.TB) string {
	m := http.NewServeMux()
	m.HandleFunc("GET /v2/", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v2/_catalog" && r.URL.Query().Get("last") == "":
			w.Header().Set("Link", `</v2/_catalog?last=team%2Fother&n=2>; rel="next"`)
			answer(w, map[string]any{"repositories": []string{"team/app", "team/other"}})
		case r.URL.Path == "/v2/_catalog":
			answer(w, map[string]any{"repositories": []string{"app"}})
		case r.URL.Path == "/v2/null/tags/list":
			answer(w, map[string]any{"name": "null", "tags": nil})
		case strings.HasSuffix(r.URL.Path, "/tags/list") && r.URL.Query().Get("last") == "":
			w.Header().Set("Link", `<list?n=1&last=1.9>; rel="next"`)
			answer(w, map[string]any{"tags": []any{"1.9", nil, "", "sha256:abc"}})
		case strings.HasSuffix(r.URL.Path, "/tags/list"):
			answer(w, map[string]any{"tags": []string{"1.10", "latest"}})
		default:
			answer(w, map[string]any{})
		}
	})
	return server(t, m)
}

// ClosedRegistry plays a registry that lets nobody list what it has.
func ClosedRegistry(t testing.TB) string {
	return server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			answer(w, map[string]any{})
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
}

// SlowRegistry plays a registry that answers after d.
func SlowRegistry(t testing.TB, d time.Duration) string {
	return server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
		answer(w, map[string]any{"repositories": []string{"late"}})
	}))
}

// BasicRegistry is a registry that wants user and password by HTTP Basic.
func BasicRegistry(t testing.TB, user, password string) string {
	inner := registry.New(registry.Logger(Quiet()))
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	return Host(server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != want {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})))
}

// BearerRegistry is a registry that wants a token, which its token server
// gives to user and password, and to nobody else.
func BearerRegistry(t testing.TB, user, password string) string {
	inner := registry.New(registry.Logger(Quiet()))
	var self string
	self = server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		switch {
		case r.URL.Path == "/token" && u == user && p == password:
			answer(w, map[string]any{"token": "good:" + r.URL.Query().Get("scope"), "expires_in": 300})
		case r.URL.Path == "/token":
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasPrefix(r.Header.Get("Authorization"), "Bearer good:"):
			inner.ServeHTTP(w, r)
		default:
			w.Header().Add("WWW-Authenticate", `Negotiate`)
			w.Header().Add("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="test"`, self))
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	return Host(self)
}
