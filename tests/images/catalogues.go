package images

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// HubCatalogue plays Docker Hub with its search of version 3, repository pages
// and the quota's headers, beside what [HubAPI] plays.
func HubCatalogue(t testing.TB) string {
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/search", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("q") == "gone" {
			http.NotFound(w, r)
			return
		}
		answer(w, map[string]any{"num_results": 2, "results": []map[string]any{
			{"name": "nginx", "description": "Official build", "star_count": 19000, "is_official": true},
			{"name": "bitnami/nginx", "description": "close", "star_count": 200}}})
	})
	m.HandleFunc("GET /api/search/v3/catalog/search", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Search-Version") != "v3" {
			http.Error(w, "{}", http.StatusNotFound)
			return
		}
		row := func(space, name, badge, pulls string) map[string]any {
			return map[string]any{"id": name, "slug": space + "/" + name, "short_description": "about " + name, "badge": badge, "star_count": 5, "updated_at": "2026-01-02T03:04:05Z",
				"rate_plans": []map[string]any{{"repositories": []map[string]any{{"name": name, "namespace": space, "pull_count": pulls}}}}}
		}
		answer(w, map[string]any{"total": 2, "results": []map[string]any{row("library", "nginx", "official", "1B+"), row("bitnami", "nginx", "verified_publisher", "500M+")}})
	})
	m.HandleFunc("GET /v2/repositories/library/nginx/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"name": "nginx", "description": "Official build of Nginx.", "full_description": "# Nginx\n\n    code\n\x1b[31mred\x1b[0m <script>x</script>\n", "star_count": 19000, "pull_count": 11000000000, "last_updated": "2026-01-02T03:04:05Z"})
	})
	m.HandleFunc("GET /v2/namespaces/library/repositories/nginx/tags", func(w http.ResponseWriter, _ *http.Request) {
		same, old := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
		two := []map[string]any{{"architecture": "arm64", "os": "linux", "variant": "v8", "size": 60000000}, {"architecture": "amd64", "os": "linux", "size": 70000000}, {"architecture": "unknown", "os": "unknown", "size": 1}}
		answer(w, map[string]any{"count": 3, "next": nil, "results": []map[string]any{
			{"name": "latest", "digest": same, "images": two}, {"name": "1.29", "digest": same, "images": two}, {"name": "1.27", "digest": old, "images": two}}})
	})
	m.HandleFunc("HEAD /v2/ratelimitpreview/test/manifests/latest", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("RateLimit-Limit", "100;w=21600")
		w.Header().Set("RateLimit-Remaining", "76;w=21600")
		w.Header().Set("Docker-RateLimit-Source", "192.0.2.1")
	})
	return server(t, m)
}

// RedHatAPI plays Red Hat's catalogue (Pyxis).
func RedHatAPI(t testing.TB) string {
	m := http.NewServeMux()
	m.HandleFunc("GET /api/containers/v1/repositories", func(w http.ResponseWriter, r *http.Request) {
		if strings.ContainsAny(strings.TrimPrefix(r.URL.Query().Get("filter"), "repository=like="), `"'(),<>!~ `) {
			http.Error(w, `{"detail":"bad filter"}`, http.StatusBadRequest)
			return
		}
		row := func(registry, repository string) map[string]any {
			return map[string]any{"registry": registry, "repository": repository, "last_update_date": "2025-05-05T00:00:00+00:00",
				"display_data": map[string]any{"name": "Nginx", "short_description": "Platform for nginx", "long_description_markdown": "**long**"}}
		}
		answer(w, map[string]any{"total": 2, "page": 0, "page_size": 2, "data": []map[string]any{row("registry.access.redhat.com", "ubi9/nginx-124"), row("registry.connect.redhat.com", "other/nginx")}})
	})
	return server(t, m)
}

// ArtifactHub plays Artifact Hub's search for container images.
func ArtifactHub(t testing.TB) string {
	m := http.NewServeMux()
	m.HandleFunc("GET /api/v1/packages/search", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("kind") != "12" {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
		answer(w, map[string]any{"packages": []map[string]any{
			{"name": "app", "description": "an app", "stars": 7, "ts": 1700000000, "repository": map[string]any{"url": "oci://ghcr.io/team/app", "verified_publisher": true}},
			{"name": "chart", "repository": map[string]any{"url": "https://charts.example"}}}})
	})
	return server(t, m)
}

// HarborRegistry plays Harbor.
func HarborRegistry(t testing.TB) string {
	m := http.NewServeMux()
	m.HandleFunc("GET /v2/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			http.NotFound(w, r)
			return
		}
		answer(w, map[string]any{})
	})
	m.HandleFunc("GET /api/v2.0/search", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"project": []any{}, "repository": []map[string]any{{"project_name": "team", "repository_name": "team/" + r.URL.Query().Get("q"), "pull_count": 12, "artifact_count": 3}}})
	})
	return server(t, m)
}

// ZotRegistry plays zot with its search extension.
func ZotRegistry(t testing.TB) string {
	m := http.NewServeMux()
	m.HandleFunc("GET /v2/", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v2/_oci/ext/discover":
			answer(w, map[string]any{"extensions": []map[string]any{{"name": "_zot", "endpoints": []string{"/v2/_zot/ext/search"}}}})
		case r.URL.Path == "/v2/_zot/ext/search" && strings.Contains(r.URL.Query().Get("query"), `GlobalSearch(query:"app"`):
			answer(w, map[string]any{"data": map[string]any{"GlobalSearch": map[string]any{"Page": map[string]any{"TotalCount": 1}, "Repos": []map[string]any{
				{"Name": "team/app", "LastUpdated": "2026-01-02T03:04:05Z", "StarCount": 3, "DownloadCount": 44, "NewestImage": map[string]any{"Tag": "1", "Description": "from zot"}}}}}})
		case r.URL.Path == "/v2/":
			answer(w, map[string]any{})
		default:
			fmt.Fprint(w, `{"errors":[{"message":"no"}]}`)
		}
	})
	return server(t, m)
}
