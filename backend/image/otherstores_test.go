package image

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
	"davit/tests/images"
)

// dockerWith is a docker whose only image is what the archive has.
func dockerWith(t *testing.T, i api.Image, archive []byte) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "docker") // a short path, as sockets want
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /images/json", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `[{"Id":%q,"RepoTags":["app:1"],"Size":100,"Created":1700000000},{"Id":"rubbish"}]`, i.ID)
	})
	mux.HandleFunc("GET /images/get", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("names") != "app:1" {
			http.Error(w, "no such image", http.StatusNotFound)
			return
		}
		_, _ = w.Write(archive)
	})
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: mux}}
	s.Start()
	t.Cleanup(s.Close)
	return socket
}

func TestImportFromDocker(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	images.Push(t, reg+"/app:1", images.Image(t, v1.Config{}, images.Layer(t, images.File("app", noise(5000)))))
	from := open(t)
	p := must[Pulled](t)(from.Pull(bg, api.PullSpec{Ref: reg + "/app:1"}, nil))
	if err := from.Tag(bg, p.Image.ID, "app:1"); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := from.Save(bg, []string{"app:1"}, api.SaveDocker, &archive); err != nil {
		t.Fatal(err)
	}
	socket := dockerWith(t, p.Image, archive.Bytes())
	s := open(t, func(c *Config) {
		c.Getenv = func(k string) string {
			return map[string]string{"DOCKER_HOST": "unix://" + socket, "HOME": t.TempDir()}[k]
		}
	})
	all := must[[]api.OtherStore](t)(s.OtherStores(bg))
	if len(all) != 1 || all[0].Kind != "docker" || !all[0].Readable || len(all[0].Images) != 1 || all[0].Images[0].Here {
		t.Fatalf("%+v", all)
	}
	chosen := must[[]api.OtherImage](t)(s.OtherImages(bg, api.ImportFromSpec{Store: "docker", Refs: []string{"app:1"}}))
	got := must[api.Image](t)(s.ImportOther(bg, "docker", chosen[0], nil))
	if got.ID != p.Image.ID || got.Names[0] != "docker.io/library/app:1" {
		t.Errorf("%+v", got)
	}
	if all = must[[]api.OtherStore](t)(s.OtherStores(bg)); !all[0].Images[0].Here {
		t.Errorf("%+v", all)
	}
	_, err := s.OtherImages(bg, api.ImportFromSpec{Store: "docker", Refs: []string{"absent"}})
	if api.KindOf(err) != api.KindNotFound {
		t.Error(err)
	}
}

// TestADockerThatMayNotBeAsked says why, and what to do.
func TestADockerThatMayNotBeAsked(t *testing.T) {
	t.Parallel()
	socket := dockerWith(t, api.Image{}, nil)
	if err := os.Chmod(socket, 0); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("unix", socket); err == nil {
		c.Close()
		t.Skip("the file's permissions bind nobody here")
	}
	s := open(t, func(c *Config) {
		c.Getenv = func(k string) string {
			return map[string]string{"DOCKER_HOST": "unix://" + socket, "HOME": t.TempDir()}[k]
		}
	})
	all := must[[]api.OtherStore](t)(s.OtherStores(bg))
	if len(all) != 1 || all[0].Readable || !strings.Contains(all[0].Why, "docker") || all[0].Hint == "" {
		t.Errorf("%+v", all)
	}
	if _, err := s.OtherImages(bg, api.ImportFromSpec{Store: "docker"}); api.KindOf(err) != api.KindDenied {
		t.Error(err)
	}
}
