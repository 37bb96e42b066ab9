package image

import (
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	ggcr "github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"davit/backend/api"
	"davit/tests/images"
)

// doors are the registries with a door, each with team/app:1 in it.
func doors(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"basic": images.BasicRegistry(t, "me", "secret"), "bearer": images.BearerRegistry(t, "me", "secret")}
	for _, host := range all {
		r, err := ggcr.ParseReference(host+"/team/app:1", ggcr.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		img := images.Image(t, v1.Config{}, images.Layer(t, images.File("a", "1")))
		if err := remote.Write(r, img, remote.WithAuth(&authn.Basic{Username: "me", Password: "secret"})); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestLogInOnThisMachine has a registry on loopback that speaks plain http and
// that no file calls insecure. Its person logs in, and all goes.
func TestLogInOnThisMachine(t *testing.T) {
	t.Parallel()
	for kind, host := range doors(t) {
		for _, called := range []string{host, strings.Replace(host, "127.0.0.1", "localhost", 1)} {
			t.Run(kind+" "+called, func(t *testing.T) { useAfterLogIn(t, called) })
		}
	}
}

func useAfterLogIn(t *testing.T, host string) {
	s := open(t)
	if err := s.Login(bg, api.Login{Registry: host, Username: "me", Password: "wrong"}); api.KindOf(err) != api.KindDenied || !strings.Contains(api.AsError(err).Hint, "password") {
		t.Errorf("a wrong password: %v", err)
	}
	if err := s.Login(bg, api.Login{Registry: host, Username: "me", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: host + "/team/app:1"}, nil))
	must[api.TagList](t)(s.Tags(bg, host+"/team/app", api.RegistryAccess{}))
	must[api.Manifest](t)(s.RemoteManifest(bg, host+"/team/app:1", api.RegistryAccess{}))
	if p := searched(t, s, api.SearchQuery{Term: host + "/team/app"})[host]; p.Error != nil || len(p.Results) != 1 {
		t.Errorf("search: %+v", p)
	}
	must[Pushed](t)(s.Push(bg, api.PushSpec{Ref: host + "/team/app:1", To: host + "/team/app:2"}, nil))
	if err := s.Logout(bg, host); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pull(bg, api.PullSpec{Ref: host + "/team/app:1"}, nil); api.KindOf(err) != api.KindDenied {
		t.Errorf("logged out: %v", err)
	}
	logIn(t, s, host)
	if _, err := s.Pull(bg, api.PullSpec{Ref: host + "/team/app:1"}, nil); api.KindOf(err) != api.KindDenied || !strings.Contains(api.AsError(err).Hint, "davit login "+host) {
		t.Errorf("with a password that another program filed: %v", err)
	}
}

// TestPlainHTTPElsewhere has the same registries under a name of another
// machine: no password goes there, neither one that is tried nor one that is
// kept, also not where the same machine was logged in to by its own name.
func TestPlainHTTPElsewhere(t *testing.T) {
	t.Parallel()
	for kind, host := range doors(t) {
		t.Run(kind, func(t *testing.T) {
			const far = "registry.example:5000"
			var sent atomic.Int32
			s := open(t, func(c *Config) { c.Fetch.Hosts = map[string]string{far: eavesdropped(t, host, &sent)} })
			if err := s.Login(bg, api.Login{Registry: far, Username: "me", Password: "secret"}); api.KindOf(err) != api.KindDenied {
				t.Errorf("log-in: %v", err)
			}
			if err := s.trust(bg, far, true); err != nil {
				t.Fatal(err)
			}
			logIn(t, s, far)
			if _, err := s.Pull(bg, api.PullSpec{Ref: far + "/team/app:1"}, nil); api.KindOf(err) != api.KindDenied {
				t.Errorf("pull: %v", err)
			}
			if n := sent.Load(); n != 0 {
				t.Errorf("%d requests had credentials", n)
			}
		})
	}
}

// eavesdropped puts somebody between us and a registry who counts credentials.
func eavesdropped(t *testing.T, host string, sent *atomic.Int32) string {
	pass := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Authorization"), "Basic ") {
			sent.Add(1)
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestCertificatesOnThisMachine has a registry on loopback with a certificate
// of its own making: it can be used and logged in to, a password from elsewhere
// does not go there, and where certs.d has an authority that decides.
func TestCertificatesOnThisMachine(t *testing.T) {
	t.Parallel()
	inner := images.Registry(t)
	images.Push(t, inner+"/team/app:1", images.Image(t, v1.Config{}, images.Layer(t, images.File("a", "1"))))
	host := images.Host(tlsBefore(t, inner).URL)
	s := openIn(t, "")
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: host + "/team/app:1"}, nil))

	door := tlsBefore(t, doors(t)["basic"])
	spec := api.PullSpec{Ref: images.Host(door.URL) + "/team/app:1"}
	s = openIn(t, "")
	logIn(t, s, images.Host(door.URL))
	if _, err := s.Pull(bg, spec, nil); api.KindOf(err) != api.KindDenied || !strings.Contains(api.AsError(err).Hint, "davit login") {
		t.Errorf("a password from elsewhere, to nobody knows whom: %v", err)
	}
	if err := s.Login(bg, api.Login{Registry: images.Host(door.URL), Username: "me", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	must[Pulled](t)(s.Pull(bg, spec, nil))

	s = openIn(t, images.Host(door.URL), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: door.Certificate().Raw}))
	if err := os.MkdirAll(filepath.Dir(s.creds.Own), 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"auths":{%q:{"auth":"bWU6c2VjcmV0"}}}`, images.Host(door.URL)) // me:secret
	if err := os.WriteFile(s.creds.Own, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must[Pulled](t)(s.Pull(bg, spec, nil)) // proven: another program's password will do
	other := openIn(t, host, []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	if _, err := other.Pull(bg, api.PullSpec{Ref: host + "/team/app:1"}, nil); err == nil || !strings.Contains(err.Error(), "not trusted") {
		t.Errorf("a certificate of another authority: %v", err)
	}
}

// openIn gives a store for which certs.d has an authority for the host.
func openIn(t *testing.T, host string, authority ...[]byte) *Store {
	t.Helper()
	certs := t.TempDir()
	for _, b := range authority {
		if err := os.MkdirAll(filepath.Join(certs, host), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(certs, host, "ca.crt"), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, func(c *Config) { c.Fetch.CertDirs = []string{certs} })
}

// tlsBefore puts TLS before a registry.
func tlsBefore(t *testing.T, host string) *httptest.Server {
	s := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host}))
	s.Config.ErrorLog = images.Quiet() // it is spoken to without TLS first
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// TestRegistryAtAnAddressOfIPv6 is docker's ::1.
func TestRegistryAtAnAddressOfIPv6(t *testing.T) {
	t.Parallel()
	inner := images.Registry(t)
	digest := images.Push(t, inner+"/team/app:1", images.Image(t, v1.Config{}, images.Layer(t, images.File("a", "1"))))
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 on this machine's loopback: %v", err)
	}
	six := &http.Server{Handler: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: inner})}
	go six.Serve(l)
	t.Cleanup(func() { six.Close() })
	s := open(t)
	p := must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: l.Addr().String() + "/team/app:1"}, nil))
	if want := l.Addr().String() + "/team/app@" + digest; !slices.Contains(p.Image.RepoDigests, want) {
		t.Errorf("%+v", p.Image)
	}
	must[Pushed](t)(s.Push(bg, api.PushSpec{Ref: l.Addr().String() + "/team/app:1", To: l.Addr().String() + "/team/app:2"}, nil))
	must[api.Repository](t)(s.Page(bg, l.Addr().String()+"/team/app"))
	configured(fmt.Sprintf("[[registry]]\nlocation = %q\nblocked = true\n", l.Addr()))(&s.c)
	if _, err := s.Pull(bg, api.PullSpec{Ref: l.Addr().String() + "/team/app:1"}, nil); api.KindOf(err) != api.KindDenied {
		t.Errorf("blocked: %v", err)
	}
}
