package image

import (
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"davit/backend/api"
	"davit/tests/images"
)

// forPlatform makes an image of its own for a platform.
func forPlatform(t *testing.T, p v1.Platform) mutate.IndexAddendum {
	t.Helper()
	img := images.Image(t, v1.Config{User: p.Architecture}, images.Layer(t, images.File("is", p.String())))
	c := must[*v1.ConfigFile](t)(img.ConfigFile()).DeepCopy()
	c.OS, c.Architecture, c.Variant = p.OS, p.Architecture, p.Variant
	return mutate.IndexAddendum{Add: must[v1.Image](t)(mutate.ConfigFile(img, c)), Descriptor: v1.Descriptor{Platform: &p}}
}

func TestPullAllPlatforms(t *testing.T) {
	reg := images.Registry(t)
	x := mutate.AppendManifests(empty.Index,
		forPlatform(t, v1.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0"}),
		forPlatform(t, v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}),
		forPlatform(t, v1.Platform{OS: "linux", Architecture: "amd64"}),
		forPlatform(t, v1.Platform{OS: "linux", Architecture: "s390x"}),
		forPlatform(t, v1.Platform{OS: "unknown", Architecture: "unknown"}))
	digest := images.PushIndex(t, reg+"/multi:1", x)
	s := open(t, func(c *Config) { c.Platform = "linux/amd64" })
	spec := api.PullSpec{Ref: reg + "/multi:1", Platform: api.AllPlatforms}
	var last Progress
	p := must[Pulled](t)(s.Pull(bg, spec, func(now Progress) {
		if now.Total < last.Total {
			t.Errorf("of %d there are %d left", last.Total, now.Total)
		}
		last = now
	}))
	if p.UpToDate || p.Image.Platform != "linux/amd64" || !slices.Contains(p.Image.Names, reg+"/multi:1") || p.Image.RepoDigests[0] != reg+"/multi@"+digest {
		t.Errorf("%+v", p)
	}
	if last.Done != last.Total || last.Total == 0 || len(last.Steps) != 3 || !strings.HasPrefix(last.Steps[1].Title, "linux/arm/v7 ") {
		t.Errorf("%+v", last)
	}
	have := map[string]int{}
	for _, i := range must[[]api.Image](t)(s.List(bg)) {
		must[Runnable](t)(s.Runnable(bg, i.ID))
		have[i.Platform] += len(i.Names)
	}
	if len(have) != 3 || have["linux/amd64"] != 1 || have["linux/arm/v7"]+have["linux/s390x"] != 0 {
		t.Errorf("%v", have)
	}
	if again := must[Pulled](t)(s.Pull(bg, spec, nil)); !again.UpToDate || again.Image.ID != p.Image.ID {
		t.Errorf("%+v", again)
	}
}

// TestPullAllPlatformsOfOne is of a name behind which there is a single image,
// for whatever platform.
func TestPullAllPlatformsOfOne(t *testing.T) {
	reg := images.Registry(t)
	images.Push(t, reg+"/one:1", forPlatform(t, v1.Platform{OS: "linux", Architecture: "s390x"}).Add.(v1.Image))
	p := must[Pulled](t)(open(t).Pull(bg, api.PullSpec{Ref: reg + "/one:1", Platform: api.AllPlatforms}, nil))
	if p.Image.Platform != "linux/s390x" || p.Image.Names[0] != reg+"/one:1" {
		t.Errorf("%+v", p)
	}
}

// TestPullAllPlatformsWithoutOurs gives the name to the first that there is.
func TestPullAllPlatformsWithoutOurs(t *testing.T) {
	reg := images.Registry(t)
	images.PushIndex(t, reg+"/other:1", mutate.AppendManifests(empty.Index,
		forPlatform(t, v1.Platform{OS: "linux", Architecture: "riscv64"}), forPlatform(t, v1.Platform{OS: "linux", Architecture: "ppc64le"})))
	s := open(t, func(c *Config) { c.Platform = "linux/amd64" })
	p := must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg + "/other:1", Platform: api.AllPlatforms}, nil))
	if all := must[[]api.Image](t)(s.List(bg)); p.Image.Platform != "linux/riscv64" || len(all) != 2 {
		t.Errorf("%+v of %+v", p, all)
	}
}
