package engine_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/app/front"
	"davit/backend/api"
	"davit/backend/api/apitest"
	"davit/backend/store"
	"davit/tests/home"
	"davit/tests/images"
)

// TestRealEngine runs the contract over the real thing: the built binaries, a
// user namespace, containers, and registries on 127.0.0.1.
func TestRealEngine(t *testing.T) {
	if os.Getenv("DAVIT_BIN") == "" {
		t.Skip("DAVIT_BIN does not name a directory with davit's binaries (build/test sets it)")
	}
	s := newReal(t)
	apitest.Suite(t, func(*testing.T) apitest.Setup { return s })
}

const user, password = "ada", "secret"

// newReal makes a home of its own with an engine, an image and registries.
func newReal(t *testing.T) apitest.Setup {
	t.Helper()
	bin, err := filepath.Abs(os.Getenv("DAVIT_BIN"))
	check(t, err)
	h, err := home.New(bin)
	check(t, err)
	t.Setenv("HOME", h.Dir)
	for _, e := range h.Env() { // for the keeper, which we start
		k, v, _ := strings.Cut(e, "=")
		t.Setenv(k, v)
	}
	open, closed := registries(t)
	configure(t, h.Dir, open, closed)
	dirs, err := store.Locate(os.Getenv)
	check(t, err)
	f, err := front.Open(t.Context(), front.Options{Dirs: dirs, Bin: bin})
	check(t, err)
	t.Cleanup(func() {
		check(t, f.Close())
		check(t, h.Close())
	})
	pull(t, f.Service(), open+"/suite/busybox:latest")
	return apitest.Setup{
		Service: f.Service(), Image: open + "/suite/busybox:latest", PullRef: open + "/suite/pulled:latest", PushTo: open + "/suite/pushed:latest",
		SearchTerm: "pulled", TagsOf: open + "/suite/pulled",
		Registry: closed, Username: user, Password: password,
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		if e := api.AsError(err); e.Hint != "" {
			err = fmt.Errorf("%w (%s)", err, e.Hint)
		}
		t.Fatal(err)
	}
}

func pull(t *testing.T, s api.Service, ref string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o, err := s.Pull(ctx, api.PullSpec{Ref: ref})
	check(t, err)
	check(t, s.WatchOperation(ctx, o.ID, func(now api.Operation) error { o = now; return nil }))
	if o.Error != nil {
		check(t, o.Error)
	}
}

// registries starts one for everyone, with two images, and one that asks who comes.
func registries(t *testing.T) (open, closed string) {
	t.Helper()
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	server := httptest.NewServer(registry.New(quiet))
	t.Cleanup(server.Close)
	open = strings.TrimPrefix(server.URL, "http://")
	busybox := images.Busybox(t)
	images.Push(t, open+"/suite/busybox:latest", busybox)
	// Other content, so that removing the one leaves the other alone.
	images.Push(t, open+"/suite/pulled:latest", images.Image(t, v1.Config{}, images.Layer(t, images.File("pulled", "from a registry"))))
	inside := registry.New(quiet)
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u == user && p == password {
			inside.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="suite"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(guarded.Close)
	return open, strings.TrimPrefix(guarded.URL, "http://")
}

// configure makes the first registry one that short names and searches ask;
// both speak plain HTTP.
func configure(t *testing.T, homeDir, open, closed string) {
	t.Helper()
	dir := filepath.Join(homeDir, ".config", "containers")
	check(t, os.MkdirAll(dir, 0o700))
	text := fmt.Sprintf("unqualified-search-registries = [%q]\n", open)
	for _, r := range []string{open, closed} {
		text += fmt.Sprintf("\n[[registry]]\nlocation = %q\ninsecure = true\n", r)
	}
	check(t, os.WriteFile(filepath.Join(dir, "registries.conf"), []byte(text), 0o600))
}
