package image

import (
	"bytes"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
	"davit/tests/images"
)

func TestPreviewFetchesNothingButDocuments(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	images.Push(t, reg+"/a:1", images.Image(t, v1.Config{Cmd: []string{"serve"}, Env: []string{"A=1"}},
		images.Layer(t, images.File("etc/motd", "hello"), images.File("etc/old", "x")),
		images.Layer(t, images.File("etc/.wh.old", ""), images.File("opt/app", strings.Repeat("a", 900)))))
	s := open(t)
	d := must[api.ImageDetail](t)(s.Preview(bg, api.PreviewSpec{Ref: reg + "/a:1"}))
	if d.Config.Cmd[0] != "serve" || len(d.Layers) != 2 || d.Layers[0].Here || d.Names[0] != reg+"/a:1" || !strings.HasPrefix(d.RepoDigests[0], reg+"/a@sha256:") {
		t.Fatalf("%+v", d)
	}
	ref := d.RepoDigests[0]
	if list := must[[]api.Image](t)(s.List(bg)); len(list) != 0 {
		t.Errorf("it is listed: %+v", list)
	}
	if err := s.FetchLayer(bg, ref, 2, nil); err != nil {
		t.Fatal(err)
	}
	changes := must[[]api.Change](t)(s.LayerChanges(bg, ref, 2))
	if len(changes) < 2 {
		t.Errorf("changes %+v", changes)
	}
	var b bytes.Buffer
	if err := s.File(bg, api.FileRef{Ref: ref, Layer: 2, Path: "/opt/app"}, &b); err != nil || b.Len() != 900 {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
	if _, err := s.Files(bg, api.FileQuery{Ref: ref}); api.KindOf(err) != api.KindNotFound {
		t.Errorf("files of all layers: %v", err)
	}
	p := must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg + "/a:1"}, nil))
	if p.Image.ID != d.ID {
		t.Errorf("pulled %s, previewed %s", p.Image.ID, d.ID)
	}
}

// TestPreviewOfAChainedLayer fetches a layer whose hard links lead into the
// one below.
func TestPreviewOfAChainedLayer(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	images.Push(t, reg+"/a:1", images.Image(t, v1.Config{}, images.Layer(t, images.File("bin/a", "program")), images.Layer(t, images.Hardlink("bin/b", "bin/a"))))
	s := open(t)
	d := must[api.ImageDetail](t)(s.Preview(bg, api.PreviewSpec{Ref: reg + "/a:1"}))
	if err := s.FetchLayer(bg, d.RepoDigests[0], 2, nil); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.File(bg, api.FileRef{Ref: d.RepoDigests[0], Path: "/bin/b"}, &b); err != nil || b.String() != "program" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	base, mid, top := images.Layer(t, images.File("base", "b")), images.Layer(t, images.File("mid", "mm")), images.Layer(t, images.File("top", "ttt"))
	images.Push(t, reg+"/base:1", images.Image(t, v1.Config{}, base))
	images.Push(t, reg+"/app:1", images.Image(t, v1.Config{}, base, mid, top))
	images.Push(t, reg+"/alone:1", images.Image(t, v1.Config{}, top))
	s := open(t)
	ids := map[string]string{}
	for _, n := range []string{"/base:1", "/app:1", "/alone:1"} {
		ids[n] = must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg + n}, nil)).Image.ID
	}
	for _, n := range must[[]api.TreeNode](t)(s.Tree(bg)) {
		want := api.TreeNode{ID: n.ID, Names: n.Names, Layers: 1}
		switch n.ID {
		case ids["/app:1"]:
			want.Parent, want.Layers, want.Shared, want.Size = ids["/base:1"], 3, 1, 5
		case ids["/base:1"]:
			want.Shared, want.Size = 1, 1
		default:
			want.Size = 3
		}
		if n.Parent != want.Parent || n.Layers != want.Layers || n.Shared != want.Shared || n.Size != want.Size {
			t.Errorf("%+v, want %+v", n, want)
		}
	}
}

func TestKindsAreRemembered(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	images.Push(t, reg+"/a:1", images.Image(t, v1.Config{}, images.Layer(t, images.File("a", "a"))))
	s := open(t)
	r := must[api.Registry](t)(s.Probe(bg, reg))
	if r.Kind != "catalogue" || r.Host != reg {
		t.Errorf("%+v", r)
	}
	other, err := Open(s.c)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if k := other.knownKind(reg); string(k) != "catalogue" {
		t.Errorf("another program knows %q", k)
	}
}
