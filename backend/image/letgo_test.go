package image

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"davit/backend/api"
	"davit/tests/images"
)

// layered is an image with layers that are worth letting go.
func layered(t *testing.T) v1.Image {
	return images.Image(t, v1.Config{Cmd: []string{"sh"}}, images.Layer(t, images.Dir("etc"), images.File("etc/motd", noise(9000)), images.Hardlink("etc/same", "etc/motd")),
		images.Layer(t, images.File("opt/app", noise(20000)), images.Symlink("opt/link", "app")))
}

// letGoIn sees that no layer's blob of an image lies in the store.
func letGoIn(t *testing.T, s *Store, ref string) api.ImageDetail {
	t.Helper()
	d := must[api.ImageDetail](t)(s.Get(bg, ref))
	for _, l := range d.Layers {
		if _, err := os.Stat(s.layout.Blob(l.Digest)); !os.IsNotExist(err) {
			t.Errorf("the blob %s was kept: %v", l.Digest, err)
		}
		if _, err := os.Stat(s.layout.Partial(l.Digest)); !os.IsNotExist(err) {
			t.Errorf("the download of %s was kept: %v", l.Digest, err)
		}
	}
	return d
}

func TestPulledLayersAreKeptOnce(t *testing.T) {
	t.Parallel()
	reg := newCounting(t)
	images.Push(t, reg.host+"/a:1", layered(t))
	s := open(t)
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg.host + "/a:1"}, nil))
	letGoIn(t, s, reg.host+"/a:1")
	n := reg.blobs.Load()
	if p := must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg.host + "/a:1"}, nil)); !p.UpToDate || reg.blobs.Load() != n {
		t.Errorf("pulled again: %+v, %d blobs fetched", p, reg.blobs.Load()-n)
	}
	// The same layers from elsewhere, packed in another way, are not fetched.
	other := newCounting(t)
	images.Push(t, other.host+"/b:1", repacked(t, layered(t)))
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: other.host + "/b:1"}, nil))
	if n := other.blobs.Load(); n > 1 { // the config, if it is another
		t.Errorf("%d blobs fetched of layers that are here", n)
	}
	if _, err := s.Remove(bg, reg.host+"/a:1", RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	for _, i := range must[[]api.Image](t)(s.List(bg)) {
		must[api.RemovedImage](t)(s.Remove(bg, i.ID, RemoveOptions{Force: true}))
	}
	nothingLeft(t, s)
	if left := must[[]string](t)(s.layout.AllAbsent()); len(left) != 0 {
		t.Errorf("notes of blobs that nobody needs: %v", left)
	}
}

// TestSaveOfLetGoLayers saves in all formats what is kept unpacked, and loads
// it into another store: it is the same image.
func TestSaveOfLetGoLayers(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	images.Push(t, reg+"/a:1", layered(t))
	s := open(t)
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg + "/a:1"}, nil))
	d := letGoIn(t, s, reg+"/a:1")
	for _, f := range []api.SaveFormat{api.SaveDocker, api.SaveOCI} {
		var b bytes.Buffer
		if err := s.Save(bg, []string{reg + "/a:1"}, f, &b); err != nil {
			t.Fatal(err)
		}
		to := open(t)
		got := must[[]api.Image](t)(to.Load(bg, bytes.NewReader(b.Bytes()), "test"))
		if len(got) != 1 || got[0].ID != d.ID {
			t.Errorf("%s: %+v", f, got)
		}
		letGoIn(t, to, d.ID) // plain tars are made again from their files
		var again bytes.Buffer
		if err := to.Save(bg, []string{reg + "/a:1"}, f, &again); err != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
			t.Errorf("%s: saved again it is another archive (%d bytes, %d): %v", f, again.Len(), b.Len(), err)
		}
	}
	dir := t.TempDir() + "/layout"
	var written int64
	if err := s.SaveTo(bg, api.SaveSpec{Refs: []string{reg + "/a:1"}, Format: api.SaveOCIDir, Path: dir}, func(n int64) { written += n }); err != nil || written == 0 {
		t.Fatalf("%d bytes: %v", written, err)
	}
	if err := s.SaveTo(bg, api.SaveSpec{Refs: []string{reg + "/a:1"}, Format: api.SaveOCIDir, Path: dir}, func(int64) {}); api.KindOf(err) != api.KindConflict {
		t.Errorf("over a directory that is there: %v", err)
	}
	if got := must[[]api.Image](t)(open(t).LoadPath(bg, dir)); len(got) != 1 || got[0].ID != d.ID {
		t.Errorf("%+v", got)
	}
}

// TestPushOfLetGoLayers takes blobs from where they came, with their digests,
// and packs layers again where nobody has them any more.
func TestPushOfLetGoLayers(t *testing.T) {
	t.Parallel()
	from := newCounting(t)
	digest := images.Push(t, from.host+"/a:1", layered(t))
	s := open(t)
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: from.host + "/a:1"}, nil))
	d := letGoIn(t, s, from.host+"/a:1")
	to := images.Registry(t)
	if p := must[Pushed](t)(s.Push(bg, api.PushSpec{Ref: from.host + "/a:1", To: to + "/copy:1"}, nil)); p.Repacked != 0 || !strings.HasSuffix(digest, p.Digest) && p.Digest != d.Digest {
		t.Errorf("pushed %+v, not %s", p, digest)
	}
	from.answer(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "gone", http.StatusNotFound)
	})
	// A commit on top of it knows where the layers below are from, and who has them since.
	if p := must[Pushed](t)(s.Push(bg, api.PushSpec{Ref: from.host + "/a:1", To: to + "/copy:2"}, nil)); p.Repacked != 0 {
		t.Errorf("blobs that are there were packed again: %+v", p)
	}
	third := images.Registry(t)
	p := must[Pushed](t)(s.Push(bg, api.PushSpec{Ref: from.host + "/a:1", To: third + "/new:1"}, nil))
	if p.Repacked != 2 || p.Digest == d.Digest {
		t.Errorf("pushed %+v", p)
	}
	fresh := open(t)
	if got := must[Pulled](t)(fresh.Pull(bg, api.PullSpec{Ref: third + "/new:1"}, nil)); got.Image.ID != d.ID || got.Image.Digest != p.Digest {
		t.Errorf("it is another image: %+v", got)
	}
}

// TestALyingOriginIsFound: a registry that gives other bytes for a blob that
// was let go harms nobody.
func TestALyingOriginIsFound(t *testing.T) {
	t.Parallel()
	reg := newCounting(t)
	images.Push(t, reg.host+"/a:1", layered(t))
	s := open(t)
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg.host + "/a:1"}, nil))
	d := letGoIn(t, s, reg.host+"/a:1")
	reg.answer(func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
		rec := httptest.NewRecorder()
		inner.ServeHTTP(rec, r)
		b := rec.Body.Bytes()
		b[len(b)/2] ^= 1
		_, _ = w.Write(b)
	})
	to := images.Registry(t)
	p, err := s.Push(bg, api.PushSpec{Ref: reg.host + "/a:1", To: to + "/copy:1"}, nil)
	if err == nil && p.Repacked == 0 {
		t.Errorf("pushed %+v as the original", p)
	}
	if got := must[api.ImageDetail](t)(s.Get(bg, reg.host+"/a:1")); got.ID != d.ID {
		t.Errorf("%+v", got)
	}
}

// repacked is the same image with layers that are compressed in another way.
func repacked(t *testing.T, i v1.Image) v1.Image {
	t.Helper()
	layers := must[[]v1.Layer](t)(i.Layers())
	for n, l := range layers {
		b, err := tarball.LayerFromOpener(l.Uncompressed, tarball.WithCompressionLevel(1))
		if err != nil {
			t.Fatal(err)
		}
		layers[n] = b
	}
	c := must[*v1.ConfigFile](t)(i.ConfigFile())
	return images.Image(t, c.Config, layers...)
}
