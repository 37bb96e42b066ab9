package other

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"davit/backend/image/unpack"
	"davit/tests/images"
)

func TestMain(m *testing.M) { os.Exit(images.Main(m)) }

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// packed compresses lines of JSON as podman does.
func packed(t testing.TB, segments ...segment) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, s := range segments {
		if err := json.NewEncoder(z).Encode(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// podmanStore writes a store with one image of one layer with one file.
func podmanStore(t *testing.T, driver string) (p Podman, tar []byte) {
	t.Helper()
	p = Podman{t.TempDir(), driver}
	tar = images.Tar(t, images.File("motd", "hello"))
	id, config := strings.Repeat("a", 64), []byte(`{"os":"linux"}`)
	image := fmt.Sprintf("%x", sha256.Sum256(config))
	put(t, filepath.Join(p.records("images"), "images.json"), []byte(fmt.Sprintf(
		`[{"id":%q,"names":["localhost/a:1","localhost/a@sha256:00"],"layer":%q,"created":"2024-01-02T03:04:05Z"},{"id":"rubbish"}]`, image, id)))
	put(t, filepath.Join(p.records("images"), image, "="+base64.StdEncoding.EncodeToString([]byte("sha256:"+image))), config)
	put(t, filepath.Join(p.records("layers"), "layers.json"), []byte(fmt.Sprintf(`[{"id":%q,"diff-digest":"sha256:%x","diff-size":%d}]`, id, sha256.Sum256(tar), len(tar))))
	put(t, filepath.Join(p.records("layers"), id+".tar-split.gz"), packed(t,
		segment{Type: isBytes, Payload: tar[:512]}, segment{Type: isFile, Name: "motd", Size: 5}, segment{Type: isBytes, Payload: tar[517:]}))
	put(t, filepath.Join(p.files(id), "motd"), []byte("hello"))
	return p, tar
}

func TestPodmansLayersAreTheirTars(t *testing.T) {
	for driver := range drivers {
		p, want := podmanStore(t, driver)
		if found := withDriver(p.Root); found != p {
			t.Errorf("found %+v, not %+v", found, p)
		}
		all, err := p.Images()
		if err != nil || len(all) != 1 || len(all[0].Names) != 1 || all[0].Size != int64(len(want)) {
			t.Fatalf("%+v, %v", all, err)
		}
		if b, err := p.Config(all[0], 1<<20); err != nil || string(b) != `{"os":"linux"}` {
			t.Errorf("%s, %v", b, err)
		}
		layers, err := p.Layers(all[0])
		if err != nil || len(layers) != 1 {
			t.Fatalf("%+v, %v", layers, err)
		}
		r, err := layers[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, want %d: %v", len(got), len(want), err)
		}
	}
}

func TestAChangedFileOfPodmansIsNoticed(t *testing.T) {
	p, _ := podmanStore(t, "overlay")
	all, err := p.Images()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := p.Layers(all[0])
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(p.files(layers[0].id), "motd")
	for what, do := range map[string]func() error{
		"longer": func() error { return os.WriteFile(file, []byte("hello!"), 0o600) },
		"a link": func() error { _ = os.Remove(file); return os.Symlink("/etc/passwd", file) },
		"gone":   func() error { return os.Remove(file) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		r, err := layers[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err == nil {
			t.Errorf("%s: %q", what, b)
		}
		put(t, file+".new", []byte("hello"))
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzAssemble(f *testing.F) {
	f.Add(packed(f, segment{Type: isBytes, Payload: []byte("abc")}, segment{Type: isFile, Name: "../../etc/passwd", Size: 5}))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, note []byte) {
		root, err := unpack.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		_ = assemble(io.Discard, bytes.NewReader(note), root) // must end, and not crash
	})
}
