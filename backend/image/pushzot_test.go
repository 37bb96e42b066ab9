package image

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"davit/backend/api"
	"davit/tests/images"
)

// inDockersTypes gives an image as docker made them for years.
func inDockersTypes(t *testing.T) v1.Image {
	t.Helper()
	base := mutate.ConfigMediaType(mutate.MediaType(images.Image(t, v1.Config{Cmd: []string{"/app"}}), types.DockerManifestSchema2), types.DockerConfigJSON)
	return must[v1.Image](t)(mutate.Append(base, mutate.Addendum{Layer: images.Layer(t, images.File("app", "1")), MediaType: types.DockerLayer}))
}

// TestPushToZot: the OCI's types go as they are; docker's, which zot refuses
// unless it is told otherwise, are put into the OCI's, with the same config
// and the same layers.
func TestPushToZot(t *testing.T) {
	t.Parallel()
	zot := images.StrictRegistry(t, "me", "secret")
	s, from, inOCI := pulled(t, insecure(zot))
	inDocker := images.Push(t, from+"/team/docker:1", inDockersTypes(t))
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: from + "/team/docker:1"}, nil))
	spec := func(which string) api.PushSpec {
		return api.PushSpec{Ref: from + "/team/" + which, To: zot + "/team/" + which}
	}
	if _, err := s.Push(bg, spec("app:1"), nil); api.KindOf(err) != api.KindDenied || !strings.Contains(api.AsError(err).Hint, "Log in") {
		t.Errorf("before the log-in: %v", err)
	}
	if err := s.Login(bg, api.Login{Registry: zot, Username: "me", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if p := must[Pushed](t)(s.Push(bg, spec("app:1"), nil)); p.Digest != inOCI || p.Converted {
			t.Errorf("OCI: %+v, want %s", p, inOCI)
		}
		p := must[Pushed](t)(s.Push(bg, spec("docker:1"), nil))
		if p.Digest == inDocker || !p.Converted || p.Repacked != 0 {
			t.Errorf("docker: %+v", p)
		}
		sameThere(t, s, zot+"/team/docker:1", p.Digest, from+"/team/docker:1")
		sameThere(t, s, zot+"/team/app:1", inOCI, from+"/team/app:1")
	}
}

// sameThere sees that what a registry has under a name is the image that is
// here, for us and for skopeo.
func sameThere(t *testing.T, s *Store, ref, digest, local string) {
	t.Helper()
	here := must[api.ImageDetail](t)(s.Get(bg, local))
	got := must[Pulled](t)(open(t).Pull(bg, api.PullSpec{Ref: ref}, nil))
	if got.Image.ID != here.ID || got.Image.Digest != digest {
		t.Errorf("%s: %s %s, want %s %s", ref, got.Image.ID, got.Image.Digest, here.ID, digest)
	}
	if skopeo, err := exec.LookPath("skopeo"); err == nil {
		out, err := exec.Command(skopeo, "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://"+ref).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != digest {
			t.Errorf("skopeo: %s: %s, %v; want %s", ref, out, err, digest)
		}
	}
}

// TestPushRefusedInAnyType asks twice and no more.
func TestPushRefusedInAnyType(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	inner := registry.New(registry.Logger(images.Quiet()))
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			asked.Add(1)
			http.Error(w, `{"errors":[{"code":"MANIFEST_INVALID","message":"too many\u001b[31m layers"}]}`, http.StatusBadRequest)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer front.Close()
	to := images.Host(front.URL)
	s, from, _ := pulled(t, insecure(to))
	images.Push(t, from+"/team/docker:1", inDockersTypes(t))
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: from + "/team/docker:1"}, nil))
	_, err := s.Push(bg, api.PushSpec{Ref: from + "/team/docker:1", To: to + "/team/app:1"}, nil)
	if api.KindOf(err) != api.KindDenied || !strings.Contains(err.Error(), "too many[31m layers") || asked.Load() != 2 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}
