package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
	"davit/backend/image/manifest"
	"davit/backend/image/sample"
	"davit/tests/images"
)

// handMade is an archive as a person packs it: manifest.json, a config, one
// plain layer tar.
func handMade(t *testing.T, tag string) ([]byte, string) {
	t.Helper()
	layer := images.Tar(t, images.Dir("bin"), images.Entry{Name: "bin/hello", Body: "#!/bin/sh\n", Mode: 0o755})
	config, err := json.Marshal(map[string]any{"os": "linux", "architecture": "amd64", "config": map[string]any{"Cmd": []string{"/bin/hello"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{manifest.Digest(layer)}}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal([]map[string]any{{"Config": "c.json", "RepoTags": []string{tag}, "Layers": []string{"l.tar"}}})
	if err != nil {
		t.Fatal(err)
	}
	return images.Tar(t, images.File("l.tar", string(layer)), images.File("c.json", string(config)), images.File("manifest.json", string(list))), manifest.Digest(config)
}

func TestLoadAHandMadeArchive(t *testing.T) {
	plain, id := handMade(t, "hello:1")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(plain)
	z.Close()
	for form, b := range map[string][]byte{"plain": plain, "gzip": packed.Bytes(), "padded": append(bytes.Clone(plain), make([]byte, 1<<20)...)} {
		s := open(t)
		list, err := s.Load(bg, bytes.NewReader(b), "hello.tar")
		if err != nil || len(list) != 1 || list[0].ID != id || list[0].Names[0] != "docker.io/library/hello:1" || list[0].Origin != "loaded from hello.tar" {
			t.Errorf("%s: %+v, %v", form, list, err)
		}
		if r, err := s.Runnable(bg, "hello:1"); err != nil || r.Config.Cmd[0] != "/bin/hello" {
			t.Errorf("%s: %+v, %v", form, r, err)
		}
		p := filepath.Join(t.TempDir(), "x.tar")
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.LoadPath(bg, p); err != nil {
			t.Errorf("%s by path: %v", form, err)
		}
	}
}

func TestLoadDoesNotMoveANameUnseen(t *testing.T) {
	s := open(t)
	first, id := handMade(t, "hello:1")
	if _, err := s.Load(bg, bytes.NewReader(first), "a"); err != nil {
		t.Fatal(err)
	}
	other := saveOf(t, images.Image(t, v1.Config{User: "x"}), "docker.io/library/hello:1", api.SaveDocker)
	list, err := s.Load(bg, bytes.NewReader(other), "b")
	if err != nil || !strings.Contains(list[0].Origin, "took the name docker.io/library/hello:1 from "+id) {
		t.Errorf("%+v, %v", list, err)
	}
	old, err := s.Get(bg, id)
	if err != nil || len(old.Names) != 0 {
		t.Errorf("the image that had the name: %+v, %v", old, err)
	}
}

// saveOf makes an archive of an image through a registry and another store.
func saveOf(t *testing.T, i v1.Image, name string, f api.SaveFormat) []byte {
	t.Helper()
	reg := images.Registry(t)
	images.Push(t, reg+"/x:1", i)
	s := open(t)
	if _, err := s.Pull(bg, api.PullSpec{Ref: reg + "/x:1"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(bg, reg+"/x:1", name); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Save(bg, []string{name}, f, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func two(t *testing.T) v1.Image {
	return images.Image(t, v1.Config{Cmd: []string{"/a"}}, images.Layer(t, images.File("a", strings.Repeat("x", 100000))), images.Layer(t, images.File("b", "2")))
}

func TestSaveAndLoadAgain(t *testing.T) {
	for _, f := range []api.SaveFormat{api.SaveDocker, api.SaveOCI} {
		b := saveOf(t, two(t), "localhost/two:1", f)
		s := open(t)
		list, err := s.Load(bg, bytes.NewReader(b), "two.tar")
		if err != nil || len(list) != 1 || list[0].Names[0] != "localhost/two:1" {
			t.Errorf("%s: %+v, %v", f, list, err)
		}
	}
}

// TestPeersReadWhatWeSave has skopeo read both archives and copy an image
// back to us, where it is installed.
func TestPeersReadWhatWeSave(t *testing.T) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("no skopeo here")
	}
	for f, scheme := range map[api.SaveFormat]string{api.SaveDocker: "docker-archive:", api.SaveOCI: "oci-archive:"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "in.tar"), saveOf(t, two(t), "localhost/two:1", f), 0o600); err != nil {
			t.Fatal(err)
		}
		for back, to := range map[string]string{"docker-archive:": "out.tar:localhost/back:1", "oci-archive:": "out.oci.tar:localhost/back:1", "oci:": "out:back"} {
			cmd := exec.Command("skopeo", "--insecure-policy", "--tmpdir", dir, "copy", "-q", scheme+filepath.Join(dir, "in.tar"), back+filepath.Join(dir, to))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("skopeo %s → %s: %v\n%s", scheme, back, err, out)
				continue
			}
			path, _, _ := strings.Cut(filepath.Join(dir, to), ":")
			s := open(t)
			list, err := s.LoadPath(bg, path)
			if err != nil || len(list) != 1 {
				t.Errorf("%s → %s: %+v, %v", scheme, back, list, err)
				continue
			}
			if _, err := s.Runnable(bg, list[0].ID); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestLoadLooseBlobs says what skopeo's dir: is, which looks like docker's.
func TestLoadLooseBlobs(t *testing.T) {
	dir := t.TempDir()
	raw, err := two(t).RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = open(t).LoadPath(bg, dir)
	if api.KindOf(err) != api.KindInvalid || !strings.Contains(api.AsError(err).Hint, "skopeo copy") {
		t.Errorf("%v", err)
	}
}

// TestDirectoriesComeBeforeWhatIsInThem: skopeo, as anybody but root, cannot
// read an archive without them, because it gives those that it makes to root.
func TestDirectoriesComeBeforeWhatIsInThem(t *testing.T) {
	for _, f := range []api.SaveFormat{api.SaveDocker, api.SaveOCI} {
		r, have := tar.NewReader(bytes.NewReader(saveOf(t, two(t), "localhost/two:1", f))), map[string]bool{".": true}
		for {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			name := path.Clean(h.Name)
			if !have[path.Dir(name)] || have[name] {
				t.Errorf("%s: %s: after %v", f, h.Name, have)
			}
			have[name] = true
		}
	}
}

func TestLoadSharedImages(t *testing.T) {
	for dir, want := range map[string]string{"busybox-musl": "docker.io/library/busybox:1.38.0-musl", "alpine-3.20": "docker.io/library/alpine:3.20", "hello-world": "docker.io/library/hello-world:latest"} {
		s := open(t)
		list, err := s.LoadPath(bg, images.Shared(t, "images", dir))
		if err != nil || len(list) != 1 || len(list[0].Names) != 1 || list[0].Names[0] != want {
			t.Errorf("%s: %+v, %v", dir, list, err)
		}
	}
}

func TestLoadRefusesWhatIsNoImage(t *testing.T) {
	s := open(t)
	for why, b := range map[string][]byte{"text": []byte("hello"), "empty": {}, "rootfs": images.Tar(t, images.File("bin/sh", "x"))} {
		if _, err := s.Load(bg, bytes.NewReader(b), ""); api.KindOf(err) != api.KindCorrupt {
			t.Errorf("%s: %v", why, err)
		}
	}
	if _, err := s.LoadPath(bg, "/nonexistent"); api.KindOf(err) != api.KindNotFound {
		t.Errorf("%v", err)
	}
}

func TestSample(t *testing.T) {
	if _, err := sample.Make(); api.KindOf(err) == api.KindNotFound {
		t.Skip("the sample server was not compiled (build/compile does it)")
	}
	s := open(t)
	for range 2 {
		i, err := s.LoadSample(bg)
		if err != nil || i.Names[0] != sample.Name || i.Origin != sample.Origin {
			t.Fatalf("%+v, %v", i, err)
		}
	}
	r, err := s.Runnable(bg, "sample")
	if err != nil || r.Name != sample.Name || r.Config.ExposedPorts[0] != "8080/tcp" {
		t.Fatalf("%+v, %v", r, err)
	}
	if st, err := os.Stat(filepath.Join(s.c.LayersDir, r.Layers[0], "server")); err != nil || st.Mode().Perm() != 0o755 {
		t.Errorf("%v", err)
	}
}
