package image

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"davit/backend/api"
	"davit/tests/images"
)

func catalogues(t *testing.T) func(*Config) {
	hub, redhat, index := images.HubCatalogue(t), images.RedHatAPI(t), images.ArtifactHub(t)
	return func(c *Config) {
		c.APIs = map[string]string{"index.docker.io": hub, "hub.docker.com": hub, "catalog.redhat.com": redhat, "registry.access.redhat.com": "http://127.0.0.1:1", "artifacthub.io": index}
		c.Fetch.Hosts = map[string]string{"docker.io": hub}
	}
}

func TestSearchAdapters(t *testing.T) {
	t.Parallel()
	harbor, zot := images.Host(images.HarborRegistry(t)), images.Host(images.ZotRegistry(t))
	s := open(t, catalogues(t), configured(fmt.Sprintf("unqualified-search-registries = [\"docker.io\", \"registry.access.redhat.com\", \"artifacthub.io\", %q, %q]\n", harbor, zot)))
	for range 2 { // the second time the kinds are known
		got := searched(t, s, api.SearchQuery{Term: "app"})
		for host, want := range map[string]api.SearchResult{
			"docker.io":                  {Name: "docker.io/library/nginx", Pulls: "1B+", Official: true},
			"registry.access.redhat.com": {Name: "registry.access.redhat.com/ubi9/nginx-124", Official: true},
			"artifacthub.io":             {Name: "ghcr.io/team/app", Verified: true},
			harbor:                       {Name: harbor + "/team/app", Pulls: "12"},
			zot:                          {Name: zot + "/team/app", Pulls: "44"},
		} {
			p := got[host]
			if p.Error != nil || len(p.Results) == 0 {
				t.Errorf("%s: %+v", host, p)
				continue
			}
			r := p.Results[0]
			if r.Name != want.Name || r.Pulls != want.Pulls || r.Official != want.Official || r.Verified != want.Verified || host != harbor && r.Updated.IsZero() {
				t.Errorf("%s: %+v", host, r)
			}
		}
		if n := len(got["registry.access.redhat.com"].Results); n != 1 {
			t.Errorf("Red Hat: %d results, want those of this registry alone", n)
		}
	}
	kinds := map[string]string{}
	for _, r := range must[[]api.Registry](t)(s.Registries(bg)) {
		kinds[r.Host] = r.Kind
	}
	if kinds[harbor] != "harbor" || kinds[zot] != "zot" {
		t.Errorf("kinds %v", kinds)
	}
	if p := searched(t, s, api.SearchQuery{Term: "gone", Registry: "docker.io"})["docker.io"]; p.Error != nil || len(p.Results) != 2 {
		t.Errorf("without the old search: %+v", p)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	s := open(t, catalogues(t))
	p := must[api.Repository](t)(s.Page(bg, "nginx"))
	if p.Name != "docker.io/library/nginx" || p.Stars != 19000 || p.Pulls != "11000000000" || p.Page != "https://hub.docker.com/_/nginx" || strings.Join(p.LatestIs, " ") != "1.29" {
		t.Errorf("%+v", p)
	}
	if !strings.HasPrefix(p.Readme, "# Nginx\n\n    code\n") || strings.Contains(p.Readme, "\x1b") {
		t.Errorf("%q", p.Readme)
	}
	if len(p.Tags) != 3 || len(p.Tags[0].Platforms) != 2 || p.Tags[0].Platforms[0].Size != 60000000 {
		t.Errorf("%+v", p.Tags)
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	s := open(t, catalogues(t))
	if q := must[api.PullQuota](t)(s.Quota(bg)); q.Limit != 100 || q.Remaining != 76 || q.Window != 21600 || q.Source != "192.0.2.1" {
		t.Errorf("%+v", q)
	}
}

func TestRateLimitTellsWhen(t *testing.T) {
	t.Parallel()
	s := open(t, apis(t))
	start := time.Now()
	p := searched(t, s, api.SearchQuery{Term: "limited"})["docker.io"]
	if p.Error == nil || p.Error.Kind != api.KindRateLimited || p.Error.RetryAfter != 30 || time.Since(start) > 5*time.Second {
		t.Errorf("%+v after %s", p.Error, time.Since(start))
	}
}

func TestRemoteManifest(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	digest := images.Push(t, reg+"/team/app:1", images.Image(t, v1.Config{}, images.Layer(t, images.File("a", "1"))))
	s := open(t)
	m := must[api.Manifest](t)(s.RemoteManifest(bg, reg+"/team/app:1", api.RegistryAccess{}))
	if m.Digest != digest || len(m.Images) != 1 || m.Images[0].Platform != "linux/amd64" || len(m.Images[0].Layers) != 1 || m.Images[0].Layers[0].CreatedBy != "step 1" || int64(len(m.Raw)) != m.Size {
		t.Errorf("%+v", m)
	}
	if list := must[[]api.Image](t)(s.List(bg)); len(list) != 0 {
		t.Errorf("something was pulled: %+v", list)
	}
	if _, err := s.RemoteManifest(bg, reg+"/absent", api.RegistryAccess{}); api.KindOf(err) != api.KindNotFound {
		t.Error(err)
	}
}

// TestPageOfAPlainRegistry has a registry that lists names of tags and nothing
// else: what they are is asked for.
func TestPageOfAPlainRegistry(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	small, large := images.Image(t, v1.Config{}, images.Layer(t, images.File("a", "1"))), images.Image(t, v1.Config{}, images.Layer(t, images.File("b", noise(5000))))
	other := must[v1.Image](t)(mutate.ConfigFile(small, &v1.ConfigFile{OS: "linux", Architecture: "s390x", RootFS: must[*v1.ConfigFile](t)(small.ConfigFile()).RootFS}))
	digest := images.Push(t, reg+"/app:2", large)
	images.Push(t, reg+"/app:latest", large)
	images.Push(t, reg+"/app:1", small)
	far := images.Push(t, reg+"/app:far", other)
	images.PushIndex(t, reg+"/app:both", mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: other, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}},
		mutate.IndexAddendum{Add: large, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}}))
	p := must[api.Repository](t)(open(t).Page(bg, reg+"/app"))
	got := map[string]api.Tag{}
	for _, tag := range p.Tags {
		got[tag.Name] = tag
	}
	if len(got) != 5 || !slices.Equal(p.LatestIs, []string{"2"}) {
		t.Errorf("%+v", p)
	}
	for _, tag := range []string{"2", "latest", "both"} {
		if got[tag].Size < 5000 || !got[tag].Updated.Equal(images.Epoch) {
			t.Errorf("%s: %+v", tag, got[tag])
		}
	}
	if one := got["1"]; got["2"].Digest != digest || one.Size == 0 || one.Size >= 5000 || got["far"].Size != 0 || got["far"].Digest != far {
		t.Errorf("%+v", got)
	}
}

func TestRegistriesAreKeptInAFileOfOurs(t *testing.T) {
	t.Parallel()
	reg := images.Host(images.CatalogueRegistry(t))
	s := open(t, apis(t), func(c *Config) { c.Registries.Dir = filepath.Join(filepath.Dir(c.ImagesDir), "registries.conf.d") })
	if err := s.SetRegistry(bg, api.RegistrySpec{Host: reg, Search: true, Mirrors: []string{"mirror.example:5000"}}); err != nil {
		t.Fatal(err)
	}
	if r, err := s.c.Registries.Resolve("app"); err != nil || len(r.Names) != 2 || r.Names[0].Registry != "docker.io" || r.Names[1].Registry != reg {
		t.Errorf("%+v, %v", r, err)
	}
	b, err := os.ReadFile(s.c.Registries.OwnFile())
	if err != nil || !strings.HasPrefix(string(b), "# Written by Davit") || !strings.Contains(string(b), "[[registry.mirror]]") {
		t.Errorf("%s, %v", b, err)
	}
	if err := s.SetRegistry(bg, api.RegistrySpec{Host: reg}); err != nil {
		t.Fatal(err)
	}
	if r, err := s.c.Registries.Resolve("app"); err != nil || len(r.Names) != 1 {
		t.Errorf("no longer asked: %+v, %v", r, err)
	}
	if err := s.RemoveRegistry(bg, reg); err != nil {
		t.Error(err)
	}
	if err := s.RemoveRegistry(bg, reg); api.KindOf(err) != api.KindNotFound {
		t.Error(err)
	}
	configured(fmt.Sprintf("[[registry]]\nlocation = %q\n", reg))(&s.c)
	if err := s.RemoveRegistry(bg, reg); api.KindOf(err) != api.KindConflict {
		t.Errorf("another file's registry: %v", err)
	}
	for _, host := range []string{"", "UPPER/x", "-x", "a b", "h:99999", "x\n[[registry]]"} {
		if err := s.SetRegistry(bg, api.RegistrySpec{Host: host}); api.KindOf(err) != api.KindInvalid {
			t.Errorf("%q: %v", host, err)
		}
	}
}
