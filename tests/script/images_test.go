package script

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"

	"davit/tests/images"
)

// The user that the registries with a door let in.
const user, password = "ada", "secret"

// names are what the images of these tests are called where no registry is.
var names = map[string]string{
	"busybox": "busybox:latest",
	"empty":   "localhost/empty:latest",
}

// shelf holds the images, made once for all scripts.
type shelf map[string]v1.Image

func newShelf(t *testing.T) shelf {
	if _, err := os.Stat("/usr/bin/busybox"); err != nil {
		t.Fatalf("the images of these tests are made of Debian's busybox-static: %v", err)
	}
	return shelf{
		"busybox": images.Busybox(t),
		"empty":   images.Image(t, v1.Config{}, images.Layer(t, images.Dir("tmp"))),
	}
}

// cmdImage: image NAME puts one of the images into davit's store.
func (s shelf) cmdImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || s[args[0]] == nil {
		ts.Fatalf("usage: image busybox|empty")
	}
	tag, err := name.NewTag(names[args[0]])
	ts.Check(err)
	path := filepath.Join(filepath.Dir(ts.Getenv("HOME")), args[0]+".tar")
	ts.Check(tarball.WriteToFile(path, tag, s[args[0]]))
	if code := run(ts, []string{"davit", "load", "-i", path}); code != 0 {
		ts.Fatalf("load %s: exit code %d", args[0], code)
	}
}

// cmdRegistry: registry [-tls] [-auth basic|bearer|slow] VARIABLE NAME... starts
// a registry with these images; the variable gets its host and port. A slow one
// stops in the middle of each layer until somebody gets its /-/fast.
func (s shelf) cmdRegistry(ts *testscript.TestScript, neg bool, args []string) {
	auth, overTLS := "", len(args) > 0 && args[0] == "-tls"
	if overTLS {
		args = args[1:]
	}
	if len(args) > 2 && args[0] == "-auth" {
		auth, args = args[1], args[2:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: registry [-tls] [-auth basic|bearer|slow] variable image...")
	}
	door := &door{auth: auth, inside: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	server := httptest.NewServer(door)
	ts.Defer(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	door.open = true
	for _, which := range args[1:] {
		tag, err := name.NewTag(host + "/" + which + ":latest")
		ts.Check(err)
		ts.Check(remote.Write(tag, s[which]))
	}
	door.open = false
	if auth == "slow" {
		door.auth = ""
		door.slow.Store(true)
	}
	if overTLS { // nobody vouches for its certificate
		secure := httptest.NewUnstartedServer(door)
		secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it may be spoken to without TLS first
		secure.StartTLS()
		ts.Defer(secure.Close)
		host = strings.TrimPrefix(secure.URL, "https://")
	}
	ts.Setenv(args[0], host)
}

// door asks who wants to come in, by HTTP's basic way or by a token.
type door struct {
	auth   string
	open   bool // while the test fills the registry
	slow   atomic.Bool
	inside http.Handler
}

// halfOf answers with the first half of what is large, and then nothing more.
func halfOf(w http.ResponseWriter, r *http.Request, inside http.Handler) {
	all := httptest.NewRecorder()
	inside.ServeHTTP(all, r)
	b := all.Body.Bytes()
	if len(b) < 64<<10 {
		inside.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b[:len(b)/2])
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

const token = "a-token-of-the-test"

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u, p, basic := r.BasicAuth()
	known := basic && u == user && p == password
	self := "http://" + r.Host
	if r.TLS != nil {
		self = "https://" + r.Host
	}
	switch {
	case r.URL.Path == "/-/fast":
		d.slow.Store(false)
		return
	case d.slow.Load() && !d.open && strings.Contains(r.URL.Path, "/blobs/"):
		halfOf(w, r, d.inside)
		return
	case r.URL.Path == "/token" && known:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
		return
	case r.URL.Path == "/token":
		w.WriteHeader(http.StatusUnauthorized)
		return
	case d.open || d.auth == "",
		d.auth == "basic" && known,
		d.auth == "bearer" && r.Header.Get("Authorization") == "Bearer "+token:
		d.inside.ServeHTTP(w, r)
		return
	}
	challenge := `Basic realm="test"`
	if d.auth == "bearer" {
		challenge = fmt.Sprintf(`Bearer realm="%s/token",service="test"`, self)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
}
