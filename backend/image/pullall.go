package image

import (
	"context"
	"fmt"
	"slices"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
)

// maxPlatforms bounds how many images of one index are fetched; Docker's
// official images have about a dozen.
const maxPlatforms = 64

// pullAll fetches the images of an index for every Linux platform. This
// computer's, or the first where there is none, gets the name; the others
// stand by their digests, as if each had been pulled by its own. What came
// before an error stays.
func (s *Store) pullAll(ctx context.Context, n name.Name, progress func(Progress)) (Pulled, error) {
	all, err := s.platforms(ctx, n)
	if err != nil {
		return Pulled{}, about(n, err)
	}
	if len(all) == 0 { // it is no index
		return s.pullName(ctx, n, manifest.Platform{}, progress)
	}
	whole := &together{name: n.String(), sink: progress}
	for _, p := range all {
		whole.parts = append(whole.parts, p.steps)
	}
	out := Pulled{UpToDate: true}
	for i, p := range all {
		one, want := n, p.platform
		if i > 0 {
			one.Tag, one.Digest, want = "", p.digest, manifest.Platform{}
		} else if want.Fits(s.platform) {
			want = s.platform
		}
		got, err := s.pullName(ctx, one, want, whole.part(i, p.platform))
		if err != nil {
			return Pulled{}, about(n, fmt.Errorf("%s: %w", p.platform, err))
		}
		whole.finish(i)
		if i == 0 {
			out.Image = got.Image
		}
		out.UpToDate = out.UpToDate && got.UpToDate
	}
	return out, nil
}

// offered is one image of an index.
type offered struct {
	digest   string
	platform manifest.Platform
	steps    []api.Step
}

// platforms lists what is in an index, what this computer runs first; nothing
// where the name is of a single image. The first source that answers is asked.
func (s *Store) platforms(ctx context.Context, n name.Name) (all []offered, err error) {
	sources, err := s.c.Registries.Sources(n)
	if err != nil {
		return nil, err
	}
	var first error
	for _, src := range sources {
		repo, err := s.client.Repository(fetch.Host{Name: src.Host, Insecure: src.Insecure}, src.Repository)
		if err == nil {
			all, err = s.platformsFrom(ctx, n, repo)
		}
		if err == nil {
			return all, nil
		}
		if first == nil || !src.Mirror {
			first = err
		}
		if ctx.Err() != nil || fatal(err) {
			break
		}
	}
	return nil, first
}

func (s *Store) platformsFrom(ctx context.Context, n name.Name, repo *fetch.Repository) ([]offered, error) {
	found, err := repo.Manifest(ctx, n.Reference())
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(found.Bytes, found.MediaType)
	if err != nil || !m.Index() {
		return nil, err
	}
	var all []offered
	for _, d := range m.Manifests {
		if manifest.Attestation(d) || d.Platform == nil || d.Platform.OS != "linux" {
			continue
		}
		if len(all) == maxPlatforms {
			return nil, api.Errorf(api.KindInvalid, "it has images for more than %d platforms", maxPlatforms).WithHint("Choose one of them.")
		}
		o := offered{digest: d.Digest, platform: *d.Platform}
		if o.steps, err = stepsOf(ctx, repo, d); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	if len(all) == 0 {
		return nil, api.Errorf(api.KindNotFound, "there is no image for Linux in it")
	}
	if ours, err := manifest.Choose(m, s.platform); err == nil {
		if i := slices.IndexFunc(all, func(o offered) bool { return o.digest == ours.Digest }); i > 0 {
			first := all[i]
			all = slices.Insert(slices.Delete(all, i, i+1), 0, first)
		}
	}
	return all, nil
}

// stepsOf are the layers of an image that is yet to be fetched, so that how
// much there is to come is known from the beginning.
func stepsOf(ctx context.Context, repo *fetch.Repository, d manifest.Descriptor) ([]api.Step, error) {
	found, err := repo.Manifest(ctx, d.Digest)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(found.Bytes, d.MediaType)
	if err != nil {
		return nil, err
	}
	return newTracker("", m.Layers, nil).now().Steps, nil
}

// together makes one progress of the pulls of several images, which come one
// after another.
type together struct {
	name  string
	sink  func(Progress)
	parts [][]api.Step
}

// part is the progress of one of them.
func (t *together) part(i int, p manifest.Platform) func(Progress) {
	if t.sink == nil {
		return nil
	}
	return func(one Progress) {
		for at := range one.Steps {
			one.Steps[at].Title = p.String() + " " + one.Steps[at].Title
		}
		t.parts[i] = one.Steps
		t.tell()
	}
}

// finish marks one of which nothing had to be fetched.
func (t *together) finish(i int) {
	for at := range t.parts[i] {
		if step := &t.parts[i][at]; step.State == "waiting" {
			step.State, step.Done = "exists", step.Total
		}
	}
	if t.sink != nil {
		t.tell()
	}
}

func (t *together) tell() {
	whole := Progress{Name: t.name, Steps: slices.Concat(t.parts...)}
	for _, step := range whole.Steps {
		whole.Done += step.Done
		whole.Total += step.Total
	}
	t.sink(whole)
}
