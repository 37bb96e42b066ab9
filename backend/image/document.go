package image

import (
	"davit/backend/api"
	"davit/backend/image/layers"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
)

// document is a manifest with its config.
type document struct {
	manifest *manifest.Manifest
	config   *manifest.Config
	id       string // digest of the config
}

// document reads an image's documents from the store; they are kept, because
// a digest never means anything else.
func (s *Store) document(digest string) (*document, error) {
	s.mu.Lock()
	d := s.known[digest]
	s.mu.Unlock()
	if d != nil {
		return d, nil
	}
	b, err := s.layout.Read(digest, manifest.MaxManifest)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(b, "")
	if err != nil {
		return nil, err
	}
	if m.Index() {
		return nil, api.Errorf(api.KindCorrupt, "%s is an index, not an image", digest)
	}
	if b, err = s.layout.Read(m.Config.Digest, manifest.MaxConfig); err != nil {
		return nil, err
	}
	c, err := manifest.ParseConfig(b, m)
	if err != nil {
		return nil, err
	}
	d = &document{m, c, m.Config.Digest}
	s.mu.Lock()
	s.known[digest] = d
	s.mu.Unlock()
	return d, nil
}

// keys gives the names of the image's layers in the layer store, bottom
// first, and whether all of them are there.
func (s *Store) keys(c *manifest.Config) (keys []string, complete bool) {
	complete = true
	keys = make([]string, 0, len(c.RootFS.DiffIDs))
	for _, d := range c.RootFS.DiffIDs {
		k := manifest.Hex(d)
		if !s.layers.Has(k) {
			if chained := layers.Chained(k, keys); s.layers.Has(chained) {
				k = chained
			} else {
				complete = false
			}
		}
		keys = append(keys, k)
	}
	return keys, complete
}

// whole tells whether all blobs of an image are there, or were let go, and all
// layers.
func (s *Store) whole(d *document) bool {
	_, ok := s.keys(d.config)
	return ok && s.hasAll(d)
}

// summary makes the row of a list from all entries of one image.
func (s *Store) summary(d *document, entries []layout.Entry) api.Image {
	i := api.Image{
		ID: d.id, Digest: entries[0].Descriptor.Digest, Names: []string{}, RepoDigests: []string{},
		Created: manifest.Time(d.config.Created), Platform: d.config.Platform().String(),
		Labels: d.config.API().Labels, Origin: entries[len(entries)-1].Origin,
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if e.Name != "" && !seen[e.Name] {
			i.Names = append(i.Names, e.Name)
		}
		if e.Source != "" && !seen[e.Source] {
			i.RepoDigests = append(i.RepoDigests, e.Source)
		}
		seen[e.Name], seen[e.Source] = true, true
	}
	for _, l := range d.manifest.Layers {
		i.DownloadSize += l.Size
	}
	keys, _ := s.keys(d.config)
	for _, k := range keys {
		i.Size += s.layers.Info(k).Bytes
	}
	return i
}

// detail makes all that is told about one image.
func (s *Store) detail(d *document, entries []layout.Entry) api.ImageDetail {
	out := api.ImageDetail{
		Image: s.summary(d, entries), Config: d.config.API(), Author: d.config.Author,
		Layers: []api.Layer{}, History: []api.HistoryRow{}, UsedBy: []string{},
	}
	keys, _ := s.keys(d.config)
	for n, l := range d.manifest.Layers {
		out.Layers = append(out.Layers, api.Layer{
			Digest: l.Digest, DiffID: d.config.RootFS.DiffIDs[n], Size: l.Size,
			Unpacked: s.layers.Info(keys[n]).Bytes, MediaType: l.MediaType, Here: s.layers.Has(keys[n]),
		})
	}
	n := 0
	for _, h := range d.config.History {
		row := api.HistoryRow{Created: manifest.Time(h.Created), CreatedBy: h.CreatedBy, Comment: h.Comment, EmptyLayer: h.EmptyLayer}
		if !h.EmptyLayer && n < len(out.Layers) {
			out.Layers[n].CreatedBy, row.Size = h.CreatedBy, out.Layers[n].Unpacked
			n++
		}
		out.History = append(out.History, row)
	}
	return out
}
