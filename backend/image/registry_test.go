package image

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	ggcr "github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"davit/backend/api"
	"davit/tests/images"
)

// configured writes registries.conf for a store.
func configured(text string) func(*Config) {
	return func(c *Config) {
		if err := os.WriteFile(c.Registries.File, []byte(text), 0o600); err != nil {
			panic(err)
		}
	}
}

func apis(t *testing.T) func(*Config) {
	hub, quay := images.HubAPI(t), images.QuayAPI(t)
	return func(c *Config) {
		c.APIs = map[string]string{"index.docker.io": hub, "hub.docker.com": hub, "quay.io": quay}
	}
}

func searched(t *testing.T, s *Store, q api.SearchQuery) map[string]api.SearchPage {
	t.Helper()
	out := map[string]api.SearchPage{}
	if err := s.Search(bg, q, func(p api.SearchPage) error { out[p.Registry] = p; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSearchAsksAllAtOnce(t *testing.T) {
	old, list, closed := images.Host(images.V1Registry(t)), images.Host(images.CatalogueRegistry(t)), images.Host(images.ClosedRegistry(t))
	gone := "127.0.0.1:1"
	s := open(t, apis(t), configured(fmt.Sprintf("unqualified-search-registries = [%q, %q, %q, \"quay.io\", %q, \"docker.io\"]\n", old, list, closed, gone)))
	got := searched(t, s, api.SearchQuery{Term: "app"})
	if len(got) != 6 {
		t.Fatalf("%d answers: %+v", len(got), got)
	}
	for host, want := range map[string]string{old: old + "/team/app", list: list + "/app", "docker.io": "docker.io/library/app"} {
		if p := got[host]; p.Error != nil || len(p.Results) == 0 || p.Results[0].Name != want {
			t.Errorf("%s: %+v", host, p)
		}
	}
	if d := got["docker.io"]; len(d.Results) != 3 || d.Results[1].Name != "docker.io/bitnami/app" || !d.More || strings.Contains(d.Results[0].Description, "\x1b") {
		t.Errorf("%+v", d)
	}
	if q := got["quay.io"]; len(q.Results) != 18 || q.Results[0].Updated.IsZero() {
		t.Errorf("%+v", q)
	}
	if p := got[closed]; p.Error != nil || len(p.Results) != 0 {
		t.Errorf("closed: %+v", p)
	}
	if p := got[gone]; p.Error == nil || p.Error.Kind != api.KindUnavailable {
		t.Errorf("gone: %+v", p)
	}
	kinds := map[string]string{}
	for _, r := range must[[]api.Registry](t)(s.Registries(bg)) {
		kinds[r.Host] = r.Kind
	}
	if kinds[old] != "v1" || kinds[list] != "catalogue" || kinds[closed] != "none" {
		t.Errorf("remembered kinds %v", kinds)
	}
}

func TestSearchDoesNotWaitForTheSlowest(t *testing.T) {
	slow := images.Host(images.SlowRegistry(t, time.Minute))
	s := open(t, apis(t), configured(fmt.Sprintf("unqualified-search-registries = [%q, \"docker.io\"]\n", slow)))
	enough := fmt.Errorf("enough")
	start := time.Now()
	err := s.Search(bg, api.SearchQuery{Term: "x"}, func(p api.SearchPage) error { return enough })
	if err != enough || time.Since(start) > time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

func TestSearchErrors(t *testing.T) {
	s := open(t, apis(t))
	if p := searched(t, s, api.SearchQuery{Term: "limited"})["docker.io"]; p.Error == nil || p.Error.Kind != api.KindRateLimited || !strings.Contains(p.Error.Hint, "30s") {
		t.Errorf("%+v", p.Error)
	}
	if p := searched(t, s, api.SearchQuery{Term: "portal"})["docker.io"]; p.Error == nil || p.Error.Kind != api.KindUnavailable {
		t.Errorf("%+v", p.Error)
	}
	if p := searched(t, s, api.SearchQuery{Term: "app", Official: true})["docker.io"]; len(p.Results) != 1 {
		t.Errorf("%+v", p)
	}
}

func TestSearchForAReference(t *testing.T) {
	reg := images.Registry(t)
	images.Push(t, reg+"/team/app:1", images.Image(t, v1.Config{}))
	s := open(t, apis(t))
	for _, term := range []string{reg + "/team/app", "http://" + reg + "/team/app", "docker pull " + reg + "/team/app:1"} {
		got := searched(t, s, api.SearchQuery{Term: term})
		if p := got[reg]; len(got) != 1 || len(p.Results) != 1 || p.Results[0].Name != reg+"/team/app" {
			t.Errorf("%s: %+v", term, got)
		}
	}
	if got := searched(t, s, api.SearchQuery{Term: "https://hub.docker.com/_/nginx"}); got["docker.io"].Results[0].Name != "docker.io/library/nginx" {
		t.Errorf("%+v", got)
	}
}

func TestTags(t *testing.T) {
	list := images.Host(images.CatalogueRegistry(t))
	s := open(t, apis(t))
	l := must[api.TagList](t)(s.Tags(bg, list+"/team/app", api.RegistryAccess{}))
	if len(l.Tags) != 3 || l.Tags[0].Name != "latest" || l.Tags[1].Name != "1.10" || l.Tags[2].Name != "1.9" {
		t.Errorf("%+v", l)
	}
	if l := must[api.TagList](t)(s.Tags(bg, list+"/null", api.RegistryAccess{})); l.Tags == nil || len(l.Tags) != 0 {
		t.Errorf("%+v", l)
	}
	if l := must[api.TagList](t)(s.Tags(bg, "nginx", api.RegistryAccess{})); l.Repository != "docker.io/library/nginx" || len(l.Tags) != 2 || l.Tags[0].Size != 70000000 {
		t.Errorf("%+v", l)
	}
	if l := must[api.TagList](t)(s.Tags(bg, "quay.io/team/app", api.RegistryAccess{})); len(l.Tags) != 1 || l.Tags[0].Updated.IsZero() {
		t.Errorf("%+v", l)
	}
}

func TestLogin(t *testing.T) {
	for kind, host := range map[string]string{"basic": images.BasicRegistry(t, "me", "secret"), "bearer": images.BearerRegistry(t, "me", "secret")} {
		t.Run(kind, func(t *testing.T) { login(t, host) })
	}
}

func login(t *testing.T, host string) {
	r, err := ggcr.ParseReference(host+"/team/app:1", ggcr.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	img := images.Image(t, v1.Config{}, images.Layer(t, images.File("a", "1")))
	if err := remote.Write(r, img, remote.WithAuth(&authn.Basic{Username: "me", Password: "secret"})); err != nil {
		t.Fatal(err)
	}
	spec := api.PullSpec{Ref: host + "/team/app:1"}
	s := open(t, configured(fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", host)))
	if _, err := s.Pull(bg, spec, nil); api.KindOf(err) != api.KindDenied {
		t.Errorf("without log-in: %v", err)
	}
	if err := s.Login(bg, api.Login{Registry: host, Username: "me", Password: "wrong"}); api.KindOf(err) != api.KindDenied {
		t.Errorf("wrong password: %v", err)
	}
	if err := s.Login(bg, api.Login{Registry: "http://" + host + "/", Username: "me", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pull(bg, spec, nil); err != nil {
		t.Errorf("logged in: %v", err)
	}
	if err := s.Logout(bg, host); err != nil {
		t.Error(err)
	}
	if err := s.Logout(bg, host); api.KindOf(err) != api.KindNotFound {
		t.Errorf("second logout: %v", err)
	}
}
