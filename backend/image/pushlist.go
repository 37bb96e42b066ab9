package image

import (
	"context"
	"fmt"

	"davit/backend/api"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
)

// pushList pushes several images by their digests, one after another, and then
// a list of them under the name. Nobody finds the list before all is there.
func (s *Store) pushList(ctx context.Context, first *group, n name.Name, spec api.PushSpec, progress func(Progress)) (Pushed, error) {
	refs := append([]string{spec.Ref}, spec.With...)
	all, err := s.listed(first, refs)
	if err != nil {
		return Pushed{}, err
	}
	whole := &together{name: n.String(), sink: progress}
	for _, g := range all {
		whole.parts = append(whole.parts, newTracker("", g.doc.manifest.Layers, nil).now().Steps)
	}
	out := Pushed{Name: n.String()}
	index := manifest.Manifest{SchemaVersion: 2, MediaType: manifest.TypeIndex, Manifests: []manifest.Descriptor{}}
	for i, g := range all {
		p := g.doc.config.Platform()
		got, err := s.pushOne(ctx, g, refs[i], target{n, true}, whole.part(i, p))
		if err != nil {
			return Pushed{}, fmt.Errorf("%s: %w", p, err)
		}
		out.Repacked, out.Converted = out.Repacked+got.Repacked, out.Converted || got.Converted
		index.Manifests = append(index.Manifests, manifest.Descriptor{MediaType: got.kind, Digest: got.Digest, Size: got.Size, Platform: &p})
	}
	raw, err := manifest.Encode(index)
	if err != nil {
		return Pushed{}, err
	}
	u, _, err := s.uploader(ctx, n, first.doc.manifest)
	if err != nil {
		return Pushed{}, err
	}
	out.Digest, out.Size = manifest.Digest(raw), int64(len(raw))
	return out, u.Manifest(ctx, rawManifest{raw, manifest.TypeIndex})
}

// listed finds the images of a list: no two of them may be for one platform,
// because nobody could ever get the second.
func (s *Store) listed(first *group, refs []string) ([]*group, error) {
	if len(refs) > maxPlatforms {
		return nil, api.Errorf(api.KindInvalid, "a list of %d images is longer than the %d that are allowed", len(refs), maxPlatforms)
	}
	all, taken := []*group{first}, map[string]string{first.doc.config.Platform().String(): refs[0]}
	for _, ref := range refs[1:] {
		g, _, err := s.find(ref)
		if err != nil {
			return nil, err
		}
		p := g.doc.config.Platform().String()
		if other, ok := taken[p]; ok {
			return nil, api.Errorf(api.KindInvalid, "%s and %s are both for %s", other, ref, p).WithRef(ref)
		}
		taken[p] = ref
		all = append(all, g)
	}
	return all, nil
}
