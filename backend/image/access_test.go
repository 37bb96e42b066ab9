package image

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
	"davit/tests/images"
)

// TestAccessOfOneCall has registries whose door opens with what comes with a
// call, and only for that call.
func TestAccessOfOneCall(t *testing.T) {
	t.Parallel()
	for kind, host := range doors(t) {
		t.Run(kind, func(t *testing.T) {
			s := open(t)
			me := api.RegistryAccess{Username: "me", Password: "secret"}
			ref := host + "/team/app:1"
			must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: ref, Access: me}, nil))
			must[Pushed](t)(s.Push(bg, api.PushSpec{Ref: ref, To: host + "/team/app:2", Access: me}, nil))
			if p := searched(t, s, api.SearchQuery{Term: host + "/team/app", Access: me})[host]; p.Error != nil || len(p.Results) != 1 {
				t.Errorf("search: %+v", p)
			}
			if l, err := s.Tags(bg, host+"/team/app", me); err != nil || len(l.Tags) != 2 {
				t.Errorf("tags: %+v, %v", l, err)
			}
			if m, err := s.RemoteManifest(bg, ref, me); err != nil || m.Raw == "" {
				t.Errorf("manifest: %+v, %v", m, err)
			}
			for _, a := range []api.RegistryAccess{{}, {Username: "me", Password: "wrong"}} {
				if _, err := s.Pull(bg, api.PullSpec{Ref: ref, Access: a, Force: true}, nil); api.KindOf(err) != api.KindDenied {
					t.Errorf("pull as %+v: %v", a, err)
				}
				if _, err := s.Push(bg, api.PushSpec{Ref: ref, To: host + "/team/app:3", Access: a}, nil); api.KindOf(err) != api.KindDenied {
					t.Errorf("push as %+v: %v", a, err)
				}
				if l, err := s.Tags(bg, host+"/team/app", a); api.KindOf(err) != api.KindDenied {
					t.Errorf("tags as %+v: %+v, %v", a, l, err)
				}
				if m, err := s.RemoteManifest(bg, ref, a); api.KindOf(err) != api.KindDenied {
					t.Errorf("manifest as %+v: %+v, %v", a, m, err)
				}
			}
			if users, err := s.creds.Users(bg); err != nil || len(users) != 0 {
				t.Errorf("logged in as %v, %v", users, err)
			}
		})
	}
}

// TestAccessIsForTheNamedRegistry has another host stand where the registry's
// images are, which gets to see no password.
func TestAccessIsForTheNamedRegistry(t *testing.T) {
	t.Parallel()
	const mirror, far = "mirror.example", "registry.example"
	var sent, secure atomic.Int32
	inner := doors(t)["basic"]
	pass := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: inner})
	both := func(seen *atomic.Int32) string {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				seen.Add(1)
			}
			pass.ServeHTTP(w, r)
		}))
		srv.Config.ErrorLog = images.Quiet()
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv.URL
	}
	s := open(t, func(c *Config) {
		c.Fetch.Hosts = map[string]string{far: both(&secure), mirror: both(&sent)}
		configure(t, c, "unqualified-search-registries = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n"+
			"[[registry]]\nlocation = \"registry.example\"\n[[registry.mirror]]\nlocation = \"mirror.example\"\n")
	})
	no, yes := false, true
	spec := api.PullSpec{Ref: far + "/team/app:1", Access: api.RegistryAccess{Username: "me", Password: "secret", TLSVerify: &no}}
	must[Pulled](t)(s.Pull(bg, spec, nil))
	if sent.Load() != 0 || secure.Load() == 0 {
		t.Errorf("the mirror saw %d passwords, the registry %d", sent.Load(), secure.Load())
	}
	for _, verify := range []*bool{nil, &yes} { // the certificate is nobody's
		seen := secure.Load()
		spec.Force, spec.Access.TLSVerify = true, verify
		if _, err := s.Pull(bg, spec, nil); err == nil || !strings.Contains(err.Error(), "not trusted") || secure.Load() != seen {
			t.Errorf("not to be verified for this call: %v", err)
		}
	}
	if _, err := s.Pull(bg, api.PullSpec{Ref: "app", Access: spec.Access}, nil); api.KindOf(err) != api.KindInvalid || !strings.Contains(err.Error(), "one registry") {
		t.Errorf("a password for whoever has it: %v", err)
	}
}

func configure(t *testing.T, c *Config, text string) {
	t.Helper()
	if err := os.WriteFile(c.Registries.File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestStrictOnThisMachine wants a certificate that is vouched for where one on
// this machine would do without.
func TestStrictOnThisMachine(t *testing.T) {
	t.Parallel()
	plain := images.Registry(t)
	images.Push(t, plain+"/team/app:1", images.Image(t, v1.Config{}, images.Layer(t, images.File("a", "1"))))
	yes := true
	for _, host := range []string{plain, images.Host(tlsBefore(t, plain).URL)} {
		s := openIn(t, "")
		if _, err := s.Pull(bg, api.PullSpec{Ref: host + "/team/app:1", Access: api.RegistryAccess{TLSVerify: &yes}}, nil); err == nil {
			t.Errorf("%s: pulled without a certificate", host)
		}
		must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: host + "/team/app:1"}, nil))
	}
}
