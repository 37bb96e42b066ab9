package image

import (
	"davit/backend/image/archive"
	"davit/backend/image/manifest"
)

// portable gives images as they can be written with what is here: where a
// layer's packed blob was let go, all such layers become plain tars, and the
// manifest names those. The image's id, which is its config's digest, stays;
// the manifest's digest does not.
func (s *Store) portable(images []archive.Out) ([]archive.Out, error) {
	out := make([]archive.Out, len(images))
	for n, i := range images {
		o, err := s.unpackedManifest(i)
		if err != nil {
			return nil, err
		}
		out[n] = o
	}
	return out, nil
}

func (s *Store) unpackedManifest(i archive.Out) (archive.Out, error) {
	changed := false
	m := *i.Manifest
	m.Layers = append([]manifest.Descriptor{}, i.Manifest.Layers...)
	for n, l := range m.Layers {
		diff := i.Parsed.RootFS.DiffIDs[n]
		k := kept{l, diff, manifest.Hex(diff)}
		if s.packed(k) || k.plain() {
			continue
		}
		changed = true
		m.Layers[n] = manifest.Descriptor{MediaType: manifest.TypeLayer, Digest: diff, Size: s.layers.Info(k.key).Tar}
	}
	if !changed {
		return i, nil
	}
	return i.With(m)
}
