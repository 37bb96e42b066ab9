package image

import (
	"context"
	"fmt"
	"io"
	"slices"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
)

// Preview tells about an image at its registry what manifest and config say.
// Those two are kept until the next removal, so that looking further does not
// fetch them again.
func (s *Store) Preview(ctx context.Context, spec api.PreviewSpec) (api.ImageDetail, error) {
	want, err := s.wanted(spec.Platform)
	if err != nil {
		return api.ImageDetail{}, err
	}
	r, err := s.c.Registries.Resolve(spec.Ref)
	if err != nil {
		return api.ImageDetail{}, err
	}
	var failed []error
	for _, n := range r.Names {
		d, err := s.previewName(ctx, n, want)
		if err == nil || ctx.Err() != nil || fatal(err) {
			return d, err
		}
		failed = append(failed, err)
	}
	return api.ImageDetail{}, inNone(spec.Ref, failed)
}

func (s *Store) previewName(ctx context.Context, n name.Name, want manifest.Platform) (api.ImageDetail, error) {
	sources, err := s.c.Registries.Sources(n)
	if err != nil {
		return api.ImageDetail{}, err
	}
	for _, src := range sources {
		var repo *fetch.Repository
		if repo, err = s.client.Repository(fetch.HostFor(ctx, src.Host, src.Insecure), src.Repository); err != nil {
			continue
		}
		var in incoming
		if in, _, err = s.documents(ctx, n, repo, want); err != nil {
			continue
		}
		if err = s.keepDocuments(in); err != nil {
			break
		}
		e := entry(in, layout.Entry{Name: n.String(), Origin: "at " + src.Host})
		e.Source = n.Repo() + "@" + e.Descriptor.Digest
		return s.detail(in.doc, []layout.Entry{e}), nil
	}
	return api.ImageDetail{}, about(n, err)
}

func (s *Store) keepDocuments(in incoming) error {
	for _, b := range [][]byte{in.config, in.raw} {
		if _, err := s.layout.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// previewed gives an image that was looked at by name@digest and is not one
// of the local images; nil where its documents are not here.
func (s *Store) previewed(ref string) *group {
	n, err := name.Parse(ref)
	if err != nil || n.Digest == "" {
		return nil
	}
	d, err := s.document(n.Digest)
	if err != nil {
		return nil
	}
	return &group{doc: d}
}

// HasLayer tells whether FetchLayer can bring that layer.
func (s *Store) HasLayer(ctx context.Context, ref string, layer int) error {
	n, err := name.Parse(ref)
	if err != nil || n.Digest == "" {
		return api.Errorf(api.KindInvalid, "%q is no image by digest", short(ref)).WithRef(short(ref))
	}
	in, err := s.remote(ctx, n)
	if err != nil {
		return about(n, err)
	}
	if have := len(in.doc.manifest.Layers); layer < 1 || layer > have {
		return noLayer(ref, have, layer)
	}
	return nil
}

// FetchLayer brings one layer, counted from 1, of the image at ref, a
// name@digest that Preview gave. One whose hard links lead into the layers
// below brings those, too.
func (s *Store) FetchLayer(ctx context.Context, ref string, layer int, progress func(Progress)) error {
	if err := s.HasLayer(ctx, ref, layer); err != nil {
		return err
	}
	n, err := name.Parse(ref)
	if err != nil {
		return err
	}
	in, err := s.remote(ctx, n)
	if err != nil {
		return about(n, err)
	}
	lease, err := s.layout.Lease(ctx, in.digests())
	if err != nil {
		return err
	}
	defer lease.Close()
	if err := s.keepDocuments(in); err != nil {
		return err
	}
	one := in.part(layer-1, layer)
	t := newTracker(ref, one.doc.manifest.Layers, progress)
	err = s.bring(ctx, one, t)
	t.close()
	if layer > 1 && api.KindOf(err) == api.KindConflict {
		below := in.part(0, layer)
		t = newTracker(ref, below.doc.manifest.Layers, progress)
		err = s.bring(ctx, below, t)
		t.close()
	}
	if err != nil {
		return about(n, err)
	}
	return nil
}

// remote reads the documents of an image by digest from the store, or fetches
// them, and tells where its layers are.
func (s *Store) remote(ctx context.Context, n name.Name) (incoming, error) {
	sources, err := s.c.Registries.Sources(n)
	if err != nil {
		return incoming{}, err
	}
	src := sources[len(sources)-1]
	repo, err := s.client.Repository(fetch.HostFor(ctx, src.Host, src.Insecure), src.Repository)
	if err != nil {
		return incoming{}, err
	}
	var in incoming
	if g := s.previewed(n.String()); g != nil {
		in.doc = g.doc
		in.raw, err = s.layout.Read(n.Digest, manifest.MaxManifest)
		if err == nil {
			in.config, err = s.layout.Read(g.doc.id, manifest.MaxConfig)
		}
	}
	if in.doc == nil || err != nil {
		if in, _, err = s.documents(ctx, n, repo, manifest.Platform{}); err != nil {
			return in, err
		}
	}
	in.keep, in.from = true, n.Repo()
	in.open = func(ctx context.Context, d manifest.Descriptor, at int64) (io.ReadCloser, error) {
		return repo.Blob(ctx, d, at), nil
	}
	return in, nil
}

// part is an image with only some of the layers, to bring those.
func (in incoming) part(from, to int) incoming {
	m, c := *in.doc.manifest, *in.doc.config
	m.Layers, c.RootFS.DiffIDs = m.Layers[from:to], c.RootFS.DiffIDs[from:to]
	in.doc = &document{&m, &c, in.doc.id}
	return in
}

// Tree tells which image stands on which.
func (s *Store) Tree(context.Context) ([]api.TreeNode, error) {
	groups, err := s.groups()
	if err != nil {
		return nil, err
	}
	ends, times := map[string]*group{}, map[string]int{} // by the chain of layers up to there
	chains := make([][]string, len(groups))
	for i, g := range groups {
		chain := ""
		for _, d := range g.doc.config.RootFS.DiffIDs {
			chain = manifest.Digest([]byte(chain + d))
			chains[i] = append(chains[i], chain)
			times[chain]++
		}
		if ends[chain] == nil {
			ends[chain] = g
		}
	}
	out := []api.TreeNode{}
	for i, g := range groups {
		out = append(out, s.node(g, chains[i], ends, times))
	}
	sortTree(out)
	return out, nil
}

func (s *Store) node(g *group, chain []string, ends map[string]*group, times map[string]int) api.TreeNode {
	n := api.TreeNode{ID: g.doc.id, Names: g.names(), Layers: len(chain)}
	keys, _ := s.keys(g.doc.config)
	for i := len(chain) - 1; i >= 0; i-- {
		if times[chain[i]] > 1 {
			n.Shared++
		}
		parent := ends[chain[i]]
		if i < len(chain)-1 && n.Parent == "" && parent != nil {
			n.Parent = parent.doc.id
		}
		if n.Parent == "" {
			n.Size += s.layers.Info(keys[i]).Bytes
		}
	}
	return n
}

func short(s string) string {
	if len(s) > 120 {
		return fmt.Sprintf("%.120s…", s)
	}
	return s
}

// sortTree puts images with fewer layers first, so that parents come before
// what stands on them.
func sortTree(all []api.TreeNode) {
	slices.SortStableFunc(all, func(a, b api.TreeNode) int { return a.Layers - b.Layers })
}
