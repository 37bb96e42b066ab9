package image

import (
	"os/exec"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"davit/backend/api"
	"davit/tests/images"
)

// TestPushAList: what was pulled for all platforms goes elsewhere as the list
// that it was; every image keeps its digest, and skopeo finds them.
func TestPushAList(t *testing.T) {
	t.Parallel()
	reg, other := images.Registry(t), images.StrictRegistry(t, "me", "secret")
	images.PushIndex(t, reg+"/multi:1", mutate.AppendManifests(empty.Index,
		forPlatform(t, v1.Platform{OS: "linux", Architecture: "amd64"}),
		forPlatform(t, v1.Platform{OS: "linux", Architecture: "arm64"})))
	s := open(t, insecure(other), func(c *Config) { c.Platform = "linux/amd64" })
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg + "/multi:1", Platform: api.AllPlatforms}, nil))
	if err := s.Login(bg, api.Login{Registry: other, Username: "me", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	spec := api.PushSpec{Ref: reg + "/multi:1", To: other + "/team/multi:2"}
	have := map[string]string{}
	for _, i := range must[[]api.Image](t)(s.List(bg)) {
		if have[i.Platform] = i.Digest; i.Platform != "linux/amd64" {
			spec.With = append(spec.With, i.ID)
		}
	}
	var last Progress
	p := must[Pushed](t)(s.Push(bg, spec, func(now Progress) { last = now }))
	if len(last.Steps) != 2 || last.Done != last.Total || last.Name != spec.To {
		t.Errorf("%+v", last)
	}
	there := must[api.Manifest](t)(s.RemoteManifest(bg, spec.To, api.RegistryAccess{}))
	if there.Digest != p.Digest || len(there.Images) != 2 {
		t.Fatalf("%+v, want %+v", there, p)
	}
	for _, i := range there.Images {
		if have[i.Platform] != i.Digest {
			t.Errorf("%s is %s, want %s", i.Platform, i.Digest, have[i.Platform])
		}
	}
	if got := must[Pulled](t)(open(t, insecure(other)).Pull(bg, api.PullSpec{Ref: spec.To, Platform: "linux/arm64"}, nil)); got.Image.Digest != have["linux/arm64"] {
		t.Errorf("%+v", got)
	}
	if skopeo, err := exec.LookPath("skopeo"); err == nil {
		out, err := exec.Command(skopeo, "--override-arch", "arm64", "inspect", "--tls-verify=false", "--format", "{{.Architecture}}", "docker://"+spec.To).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "arm64" {
			t.Errorf("skopeo: %s, %v", out, err)
		}
	}
}

func TestPushAListRefuses(t *testing.T) {
	t.Parallel()
	s, from, _ := pulled(t)
	for with, kind := range map[string]api.Kind{from + "/team/app:1": api.KindInvalid, "localhost/absent:1": api.KindNotFound} {
		_, err := s.Push(bg, api.PushSpec{Ref: from + "/team/app:1", To: from + "/team/list:1", With: []string{with}}, nil)
		if api.KindOf(err) != kind || !strings.Contains(err.Error(), with) {
			t.Errorf("%s: %v", with, err)
		}
	}
	if m, err := s.RemoteManifest(bg, from+"/team/list:1", api.RegistryAccess{}); err == nil {
		t.Errorf("a list stands there: %+v", m)
	}
}
