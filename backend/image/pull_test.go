package image

import (
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
	"davit/tests/images"
)

func TestPullListRunRemove(t *testing.T) {
	reg := images.Registry(t)
	base := images.Layer(t, images.Dir("etc"), images.File("etc/motd", "hello\n"))
	top := images.Layer(t, images.File("app", "1"), images.File("etc/.wh.motd", ""))
	img := images.Image(t, v1.Config{Cmd: []string{"/app"}, ExposedPorts: map[string]struct{}{"80/tcp": {}}}, base, top)
	digest := images.Push(t, reg+"/team/app:1", img)
	s := open(t)
	var last Progress
	p, err := s.Pull(bg, api.PullSpec{Ref: reg + "/team/app:1"}, func(p Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	if p.UpToDate || p.Image.Names[0] != reg+"/team/app:1" || p.Image.RepoDigests[0] != reg+"/team/app@"+digest {
		t.Errorf("%+v", p)
	}
	if len(last.Steps) != 2 || last.Done != last.Total || last.Done == 0 || last.Steps[1].State != "done" {
		t.Errorf("last progress %+v", last)
	}
	r, err := s.Runnable(bg, reg+"/team/app:1")
	if err != nil || len(r.Layers) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if b, err := os.ReadFile(filepath.Join(s.c.LayersDir, r.Layers[0], "etc/motd")); err != nil || string(b) != "hello\n" {
		t.Errorf("%q, %v", b, err)
	}
	again, err := s.Pull(bg, api.PullSpec{Ref: reg + "/team/app:1"}, nil)
	if err != nil || !again.UpToDate {
		t.Errorf("%+v, %v", again, err)
	}
	list := must[[]api.Image](t)(s.List(bg))
	if len(list) != 1 || list[0].Size != 7 || list[0].DownloadSize == 0 {
		t.Errorf("%+v", list)
	}
	gone, err := s.Remove(bg, "app:1", RemoveOptions{})
	if err != nil || len(gone.Untagged) != 1 || len(gone.Deleted) != 3 || gone.Freed == 0 {
		t.Errorf("%+v, %v", gone, err)
	}
	done, begun, err := s.layers.List()
	if err != nil || len(done)+len(begun) != 0 {
		t.Errorf("layers left: %v %v %v", done, begun, err)
	}
	if blobs := must[map[string]int64](t)(s.layout.Blobs()); len(blobs) != 0 {
		t.Errorf("blobs left: %v", blobs)
	}
}
