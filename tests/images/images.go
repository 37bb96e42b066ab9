// Package images makes images and registries for tests: in memory, on
// 127.0.0.1, without any network. Other packages' tests, the scripts and the
// browser tests start from it.
//
// It is linked into tests and test programs only.
package images

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Epoch is the time of all that is made here, so that digests stay the same.
var Epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// Entry is an entry of a layer. Mode 0 is 0644, or 0755 for a directory (a
// name that ends in "/").
type Entry struct {
	Name, Body, Link string
	Type             byte // tar's; 0: file, or directory by its name
	Mode             int64
	UID, GID         int
	Time             time.Time
	Xattrs           map[string]string
}

// File is a regular file.
func File(name, body string) Entry { return Entry{Name: name, Body: body} }

// Dir is a directory.
func Dir(name string) Entry { return Entry{Name: strings.TrimSuffix(name, "/") + "/"} }

// Symlink is a symbolic link.
func Symlink(name, to string) Entry { return Entry{Name: name, Link: to, Type: tar.TypeSymlink} }

// Hardlink is a hard link.
func Hardlink(name, to string) Entry { return Entry{Name: name, Link: to, Type: tar.TypeLink} }

// Tar makes the tar of a layer.
func Tar(t testing.TB, entries ...Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := e.header()
		if err := w.WriteHeader(h); err != nil {
			t.Fatalf("entry %q: %v", e.Name, err)
		}
		if _, err := io.WriteString(w, e.Body); err != nil {
			t.Fatalf("entry %q: %v", e.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (e Entry) header() *tar.Header {
	h := &tar.Header{Name: e.Name, Linkname: e.Link, Typeflag: e.Type, Mode: e.Mode, Uid: e.UID, Gid: e.GID, ModTime: e.Time, Size: int64(len(e.Body)), Format: tar.FormatPAX}
	if h.Typeflag == 0 {
		h.Typeflag = tar.TypeReg
		if strings.HasSuffix(e.Name, "/") {
			h.Typeflag = tar.TypeDir
		}
	}
	if h.Mode == 0 {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeDir {
			h.Mode = 0o755
		}
	}
	if e.Mode < 0 {
		h.Mode = 0
	}
	if h.ModTime.IsZero() {
		h.ModTime = Epoch
	}
	for k, v := range e.Xattrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+k] = v
	}
	return h
}

// Layer makes a gzip layer.
func Layer(t testing.TB, entries ...Entry) v1.Layer {
	t.Helper()
	b := Tar(t, entries...)
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Image makes an OCI image for linux/amd64.
func Image(t testing.TB, c v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	i := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	cf, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture, cf.Created, cf.Config = "linux", "amd64", v1.Time{Time: Epoch}, c
	if i, err = mutate.ConfigFile(i, cf); err != nil {
		t.Fatal(err)
	}
	for n, l := range layers {
		i, err = mutate.Append(i, mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: Epoch}, CreatedBy: fmt.Sprintf("step %d", n+1)}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// applets are the names under which busybox is put into [Busybox].
var applets = "sh ash cat echo env false grep head hostname id ip kill ls mkdir nc ping ps pwd rm seq sleep stat tail test touch true uname wc wget whoami yes httpd nslookup printf tty stty dd mount df"

// Busybox makes an image of the host's static busybox (Debian's
// busybox-static). The test is skipped where there is none.
func Busybox(t testing.TB) v1.Image {
	t.Helper()
	b, err := os.ReadFile("/usr/bin/busybox")
	if err != nil {
		t.Skipf("no static busybox here (apt-get install busybox-static): %v", err)
	}
	entries := []Entry{Dir("bin"), {Name: "bin/busybox", Body: string(b), Mode: 0o755}, Dir("etc"), Dir("root"),
		{Name: "tmp/", Mode: 0o1777}, File("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"), File("etc/group", "root:x:0:\nnogroup:x:65534:\n")}
	for _, a := range strings.Fields(applets) {
		entries = append(entries, Symlink("bin/"+a, "busybox"))
	}
	return Image(t, v1.Config{Cmd: []string{"sh"}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}, Layer(t, entries...))
}

// Web makes an image of Davit's sample server, compiled from source. It has
// nothing else in it, and runs as any user.
func Web(t testing.TB) v1.Image {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "server")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "./app/sample")
	cmd.Dir, cmd.Env = Root(t), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the sample server: %v\n%s", err, out)
	}
	b, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	return Image(t, v1.Config{Entrypoint: []string{"/server"}, ExposedPorts: map[string]struct{}{"8080/tcp": {}}, Env: []string{"PORT=8080"}},
		Layer(t, Entry{Name: "server", Body: string(b), Mode: 0o755}))
}

// Root gives the project's root: the directory of go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil && dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("no go.mod above the working directory")
	return ""
}

// Shared gives a directory of the material that lies beside the project
// ($DAVIT_SHARED, else ../shared); the test is skipped where it is not there.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	dir := os.Getenv("DAVIT_SHARED")
	if dir == "" {
		dir = filepath.Join(Root(t), "..", "shared")
	}
	p := filepath.Join(append([]string{dir}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("shared material is not here: %v", err)
	}
	return p
}

// Registry starts a registry on 127.0.0.1 and gives its host:port.
func Registry(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(Quiet())))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// Push puts an image into a registry under ref ("127.0.0.1:5000/a:1") and
// gives the digest of its manifest.
func Push(t testing.TB, ref string, i v1.Image) string {
	t.Helper()
	r, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(r, i); err != nil {
		t.Fatalf("push %s: %v", ref, err)
	}
	d, err := i.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// PushIndex puts an index into a registry and gives its digest.
func PushIndex(t testing.TB, ref string, x v1.ImageIndex) string {
	t.Helper()
	r, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(r, x); err != nil {
		t.Fatalf("push %s: %v", ref, err)
	}
	d, err := x.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}
