package image

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
	"davit/tests/images"
)

func insecure(hosts ...string) func(*Config) {
	text := ""
	for _, h := range hosts {
		text += fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", h)
	}
	return configured(text)
}

// pulled gives a store that has team/app:1 of two layers from a registry.
func pulled(t *testing.T, change ...func(*Config)) (s *Store, reg, digest string) {
	t.Helper()
	reg = images.Registry(t)
	img := images.Image(t, v1.Config{Cmd: []string{"/app"}, Env: []string{"A=1"}}, images.Layer(t, images.Dir("etc"), images.File("etc/motd", "hello\n")), images.Layer(t, images.File("app", "1")))
	digest = images.Push(t, reg+"/team/app:1", img)
	s = open(t, change...)
	if _, err := s.Pull(bg, api.PullSpec{Ref: reg + "/team/app:1"}, nil); err != nil {
		t.Fatal(err)
	}
	return s, reg, digest
}

func TestPush(t *testing.T) {
	t.Parallel()
	s, reg, digest := pulled(t)
	other := images.Registry(t)
	to := other + "/new/app:2"
	if err := s.Tag(bg, reg+"/team/app:1", to); err != nil {
		t.Fatal(err)
	}
	var last Progress
	p, err := s.Push(bg, api.PushSpec{Ref: to}, func(p Progress) { last = p })
	if err != nil || p.Digest != digest || p.Name != to || p.Size == 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if len(last.Steps) != 2 || last.Done != last.Total || last.Steps[0].State != "pushed" {
		t.Errorf("%+v", last)
	}
	if _, err := s.Push(bg, api.PushSpec{Ref: to}, func(p Progress) { last = p }); err != nil || last.Steps[0].State != "exists" || last.Done != last.Total {
		t.Errorf("again: %+v, %v", last, err)
	}
	if _, err := s.Push(bg, api.PushSpec{Ref: to, To: other + "/third/app:x"}, func(p Progress) { last = p }); err != nil || last.Steps[0].State != "exists" {
		t.Errorf("to another repository: %+v, %v", last, err)
	}
	d := must[api.ImageDetail](t)(s.Get(bg, to))
	if !strings.Contains(strings.Join(d.RepoDigests, " "), other+"/new/app@"+digest) {
		t.Errorf("%q", d.RepoDigests)
	}
	fresh := open(t)
	if got, err := fresh.Pull(bg, api.PullSpec{Ref: other + "/third/app:x"}, nil); err != nil || got.Image.Digest != digest || got.Image.ID != d.ID {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestPushToDockerRegistry: Debian's registry, which tells repositories apart:
// a blob is mounted from the one that is known to have it, and what skopeo
// reads is what was pushed.
func TestPushToDockerRegistry(t *testing.T) {
	t.Parallel()
	reg := images.DockerRegistry(t)
	s, from, digest := pulled(t)
	var last Progress
	for _, c := range []struct{ to, want string }{{"/one/app:1", "pushed"}, {"/one/app:1", "exists"}, {"/two/app:1", "mounted"}} {
		p, err := s.Push(bg, api.PushSpec{Ref: from + "/team/app:1", To: reg + c.to}, func(p Progress) { last = p })
		if err != nil || p.Digest != digest {
			t.Fatalf("%s: %+v, %v", c.to, p, err)
		}
		for _, st := range last.Steps {
			if st.State != c.want {
				t.Errorf("%s: %s, want %s", c.to, st.State, c.want)
			}
		}
	}
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("no skopeo here to read it back")
	}
	out, err := exec.Command(skopeo, "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://"+reg+"/two/app:1").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != digest {
		t.Errorf("skopeo: %s, %v; want %s", out, err, digest)
	}
}

func TestPushLogsIn(t *testing.T) {
	t.Parallel()
	for kind, host := range map[string]string{"basic": images.BasicRegistry(t, "me", "secret"), "bearer": images.BearerRegistry(t, "me", "secret")} {
		s, reg, digest := pulled(t, insecure(host))
		spec := api.PushSpec{Ref: reg + "/team/app:1", To: host + "/team/app:1"}
		if _, err := s.Push(bg, spec, nil); api.KindOf(err) != api.KindDenied {
			t.Errorf("%s: without log-in: %v", kind, err)
		}
		if err := s.Login(bg, api.Login{Registry: host, Username: "me", Password: "secret"}); err != nil {
			t.Fatal(err)
		}
		if p, err := s.Push(bg, spec, nil); err != nil || p.Digest != digest {
			t.Errorf("%s: %+v, %v", kind, p, err)
		}
	}
}

// TestPushKeepsItsSecrets: a registry that sends uploads to another host, or
// to plain http, gets nothing there that is for it alone.
func TestPushKeepsItsSecrets(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var leaked []string
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("Authorization") != "" {
			leaked = append(leaked, r.Method+" "+r.URL.String())
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusTeapot)
	}))
	defer away.Close()
	inner := registry.New(registry.Logger(images.Quiet()))
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, p, _ := r.BasicAuth(); p != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Method == http.MethodPost {
			w.Header().Set("Location", away.URL+"/upload")
			w.WriteHeader(http.StatusAccepted)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer front.Close()
	host := images.Host(front.URL)
	s, reg, _ := pulled(t, insecure(host))
	if err := s.Login(bg, api.Login{Registry: host, Username: "me", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Push(bg, api.PushSpec{Ref: reg + "/team/app:1", To: host + "/x/y:1"}, nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	if len(leaked) > 0 {
		t.Errorf("credentials went to %q", leaked)
	}
}

func TestPushRefuses(t *testing.T) {
	t.Parallel()
	s, reg, _ := pulled(t)
	ref := reg + "/team/app:1"
	id := must[api.ImageDetail](t)(s.Get(bg, ref)).ID
	for why, c := range map[string]struct {
		spec api.PushSpec
		want api.Kind
	}{
		"absent": {api.PushSpec{Ref: "localhost/absent"}, api.KindNotFound},
		"by id":  {api.PushSpec{Ref: id[7:19], To: "UPPER CASE"}, api.KindInvalid},
		"digest": {api.PushSpec{Ref: ref, To: reg + "/x@" + id}, api.KindInvalid},
		"nobody": {api.PushSpec{Ref: ref, To: "127.0.0.1:1/x"}, api.KindUnavailable},
	} {
		if _, err := s.Push(bg, c.spec, nil); api.KindOf(err) != c.want {
			t.Errorf("%s: %v", why, err)
		}
	}
	if err := os.WriteFile(s.c.Registries.File, []byte(fmt.Sprintf("[[registry]]\nlocation = %q\nblocked = true\n", reg)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Push(bg, api.PushSpec{Ref: ref}, nil); api.KindOf(err) != api.KindDenied {
		t.Errorf("blocked: %v", err)
	}
}

// TestPushAgain: a registry that fails now and then gets the blob in the end.
func TestPushAgain(t *testing.T) {
	t.Parallel()
	inner := registry.New(registry.Logger(images.Quiet()))
	var mu sync.Mutex
	failed := 0
	flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		fail := r.Method == http.MethodPatch && failed < 2
		if fail {
			failed++
		}
		mu.Unlock()
		if fail {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer flaky.Close()
	s, reg, digest := pulled(t)
	if p, err := s.Push(bg, api.PushSpec{Ref: reg + "/team/app:1", To: images.Host(flaky.URL) + "/a/b:c"}, nil); err != nil || p.Digest != digest {
		t.Errorf("%+v, %v", p, err)
	}
}
