package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
	"davit/backend/image/unpack"
)

// Check reads all that the store has of images and calls sink for each with
// what is damaged. With spec.Repair damaged parts are taken away and fetched
// again from where the image came; users gives, for each image id, the names
// of the containers made from it, whose layers are not touched.
func (s *Store) Check(ctx context.Context, spec api.CheckSpec, users map[string][]string, sink func(api.CheckedImage) error) error {
	entries, err := s.layout.Entries()
	if err != nil {
		return err
	}
	if spec.Ref != "" {
		if entries, err = s.entriesOf(spec.Ref, entries); err != nil {
			return err
		}
	}
	// Those that can be fetched again come first: others may share what they mend.
	slices.SortStableFunc(entries, func(a, b layout.Entry) int { return cmp.Compare(min(1, len(b.Source)), min(1, len(a.Source))) })
	seen := map[string]bool{}
	v := &verifier{s: s, ctx: ctx, blobs: map[string]string{}, layers: map[string]string{}}
	for _, e := range entries {
		if seen[e.Descriptor.Digest] {
			continue
		}
		seen[e.Descriptor.Digest] = true
		c, err := v.image(e)
		if err == nil && spec.Repair && len(c.Damaged) > 0 {
			s.repair(ctx, e, users, &c)
			v.forget(c.Damaged)
		}
		if err == nil {
			err = sink(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entriesOf gives the entries of one image, which may be damaged: then only
// its complete name finds it.
func (s *Store) entriesOf(ref string, all []layout.Entry) ([]layout.Entry, error) {
	g, _, err := s.find(ref)
	if err == nil {
		return g.entries, nil
	}
	r, rerr := s.c.Registries.Resolve(ref)
	if rerr != nil {
		return nil, err
	}
	for _, n := range r.Names {
		for _, e := range all {
			if e.Name == n.String() {
				return []layout.Entry{e}, nil
			}
		}
	}
	return nil, err
}

// verifier reads each blob and layer once, however many images have it.
type verifier struct {
	s      *Store
	ctx    context.Context
	blobs  map[string]string // digest → what is wrong; "": nothing
	layers map[string]string
	read   int64
}

func (v *verifier) forget(d []api.Damage) {
	for _, x := range d {
		delete(v.blobs, x.Digest)
		delete(v.layers, x.Digest)
	}
}

func (v *verifier) image(e layout.Entry) (api.CheckedImage, error) {
	v.read = 0
	c := api.CheckedImage{ID: e.Config, Name: e.Name, Damaged: []api.Damage{}}
	add := func(part, digest, what string) {
		if what != "" {
			c.Damaged = append(c.Damaged, api.Damage{Part: part, Digest: digest, What: what})
		}
	}
	what, err := v.blob(e.Descriptor)
	if err != nil {
		return c, err
	}
	add("manifest", e.Descriptor.Digest, what)
	var d *document
	if what == "" {
		v.s.forget(e.Descriptor.Digest)
		if d, err = v.s.document(e.Descriptor.Digest); err != nil {
			add("config", e.Config, "cannot be read: "+err.Error())
		}
	}
	if d == nil {
		c.Bytes = v.read
		return c, v.ctx.Err()
	}
	c.ID = d.id
	for _, k := range v.s.blobs(d) {
		what := ""
		if v.s.packed(k) || !v.s.noted(k) || v.s.layers.Has(k.key) && !v.s.layers.Whole(k.key) {
			if what, err = v.blob(k.d); err != nil {
				return c, err
			}
		}
		add("blob", k.d.Digest, what)
		if what, err = v.layer(k, what == ""); err != nil {
			return c, err
		}
		add("layer", k.diff, what)
	}
	c.Bytes = v.read
	return c, nil
}

// blob tells what is wrong with a blob.
func (v *verifier) blob(d manifest.Descriptor) (string, error) {
	if what, ok := v.blobs[d.Digest]; ok {
		return what, nil
	}
	what, err := v.readBlob(d)
	if err == nil {
		v.blobs[d.Digest] = what
	}
	return what, err
}

func (v *verifier) readBlob(d manifest.Descriptor) (string, error) {
	f, err := os.Open(v.s.layout.Blob(d.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return "is missing", nil
	}
	if err != nil {
		return "cannot be read: " + err.Error(), nil
	}
	defer f.Close()
	h := newDigester()
	if _, err := io.Copy(h, &reader{v.ctx, f}); err != nil {
		if v.ctx.Err() != nil {
			return "", v.ctx.Err()
		}
		return "cannot be read: " + err.Error(), nil
	}
	v.read += h.n
	switch {
	case h.n != d.Size:
		return fmt.Sprintf("has %d bytes, not %d", h.n, d.Size), nil
	case h.hash().String() != d.Digest:
		return "has other bytes", nil
	}
	return "", nil
}

// layer tells what is wrong with an unpacked layer: its recipe, or else its
// tar, where the blob is sound, says what has to be in it.
func (v *verifier) layer(k kept, sound bool) (string, error) {
	if what, ok := v.layers[k.diff]; ok {
		return what, nil
	}
	if !v.s.layers.Has(k.key) {
		return "is missing", nil
	}
	if v.s.layers.Whole(k.key) {
		return v.recipe(k)
	}
	if !sound {
		return "", nil // nothing to compare it with; it is looked at when the blob is there again
	}
	f, err := os.Open(v.s.layout.Blob(k.d.Digest))
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, _, err := unpack.Decompress(&reader{v.ctx, f})
	if err != nil {
		return "", err
	}
	defer z.Close()
	what, n, err := unpack.Compare(z, v.s.layers.Path(k.key))
	v.read += n
	if err == nil {
		v.layers[k.diff] = what
	}
	return what, err
}

// recipe makes the layer's tar again and looks at its digest.
func (v *verifier) recipe(k kept) (string, error) {
	h := newDigester()
	err := v.s.layers.Tar(v.ctx, k.key, h)
	v.read += h.n
	what := ""
	switch {
	case v.ctx.Err() != nil:
		return "", v.ctx.Err()
	case err != nil:
		what = err.Error()
	case h.hash().String() != k.diff:
		what = "its files make another tar"
	}
	v.layers[k.diff] = what
	return what, nil
}

// forget drops a document that is kept in memory.
func (s *Store) forget(digest string) {
	s.mu.Lock()
	delete(s.known, digest)
	s.mu.Unlock()
}

// repair brings the damaged parts of one image again.
func (s *Store) repair(ctx context.Context, e layout.Entry, users map[string][]string, c *api.CheckedImage) {
	n, err := s.mend(ctx, e, users[c.ID], c)
	c.Fetched = n
	if err != nil {
		c.Error = api.AsError(err)
		return
	}
	again := &verifier{s: s, ctx: ctx, blobs: map[string]string{}, layers: map[string]string{}}
	left, err := again.image(e)
	if err == nil && len(left.Damaged) > 0 {
		err = api.Errorf(api.KindCorrupt, "it is still damaged: %s %s %s", left.Damaged[0].Part, left.Damaged[0].Digest, left.Damaged[0].What)
	}
	c.Repaired, c.Error = err == nil, api.AsError(err)
}

func (s *Store) mend(ctx context.Context, e layout.Entry, users []string, c *api.CheckedImage) (int64, error) {
	needsRegistry, layerDamaged := false, false
	for _, d := range c.Damaged {
		needsRegistry = needsRegistry || d.Part != "layer" || !s.blobOf(e, d.Digest)
		layerDamaged = layerDamaged || d.Part == "layer" && d.What != "is missing"
	}
	if layerDamaged && len(users) > 0 {
		return 0, api.Errorf(api.KindConflict, "its layers are in use by the container %s", strings.Join(users, ", ")).
			WithHint("Remove the container, then repair again.")
	}
	if needsRegistry && e.Source == "" && !s.knownElsewhere(ctx, e, c.Damaged) {
		return 0, api.Errorf(api.KindUnavailable, "it came from no registry, so its parts cannot be fetched").
			WithHint("It was %s: do that again.", e.Origin)
	}
	keys := map[string]string{}
	if d, err := s.document(e.Descriptor.Digest); err == nil {
		all, _ := s.keys(d.config)
		for i, k := range all {
			keys[d.config.RootFS.DiffIDs[i]] = k
		}
	}
	if err := s.takeAway(ctx, c.Damaged, keys); err != nil {
		return 0, err
	}
	return s.fetchAgain(ctx, e)
}

// blobOf tells whether the blob of a layer of an image lies here.
func (s *Store) blobOf(e layout.Entry, diff string) bool {
	d, err := s.document(e.Descriptor.Digest)
	if err != nil {
		return false
	}
	for _, k := range s.blobs(d) {
		if k.diff == diff {
			return s.packed(k)
		}
	}
	return false
}

// knownElsewhere tells whether some registry is known to have all layers that
// are damaged, though the image itself came from none: those below a commit.
func (s *Store) knownElsewhere(ctx context.Context, e layout.Entry, damaged []api.Damage) bool {
	d, err := s.document(e.Descriptor.Digest)
	if err != nil {
		return false
	}
	for _, x := range damaged {
		found := false
		for _, k := range s.blobs(d) {
			if k.diff == x.Digest || k.d.Digest == x.Digest {
				_, err := s.keeperOf(ctx, k.d.Digest)
				found = found || err == nil
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// takeAway removes damaged parts, each under its lock. keys has the names of
// the layers' directories.
func (s *Store) takeAway(ctx context.Context, damaged []api.Damage, keys map[string]string) error {
	for _, d := range damaged {
		held, err := s.layout.LockDigests(ctx, d.Digest)
		if err != nil {
			return err
		}
		if d.Part == "layer" {
			_, err = s.layers.Trash(keys[d.Digest])
		} else {
			err = os.Remove(s.layout.Blob(d.Digest))
		}
		held.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.layers.Sweep()
}

// fetchAgain brings what is missing of an image; what is there is not fetched.
func (s *Store) fetchAgain(ctx context.Context, e layout.Entry) (int64, error) {
	var got atomic.Int64
	counting := func(src source) source {
		return func(ctx context.Context, d manifest.Descriptor, at int64) (io.ReadCloser, error) {
			got.Add(d.Size - at)
			return src(ctx, d, at)
		}
	}
	s.forget(e.Descriptor.Digest)
	d, err := s.document(e.Descriptor.Digest)
	if err != nil { // manifest or config
		return s.refetchDocuments(ctx, e)
	}
	in := incoming{doc: d, keep: true}
	if in.raw, err = s.layout.Read(e.Descriptor.Digest, manifest.MaxManifest); err != nil {
		return 0, err
	}
	if in.config, err = s.layout.Read(d.id, manifest.MaxConfig); err != nil {
		return 0, err
	}
	in.open = counting(s.fetchBlob)
	if e.Source != "" {
		repo, err := s.origin(e)
		if err != nil {
			return 0, err
		}
		if n, err := name.Parse(e.Source); err == nil {
			in.from = n.Repo()
		}
		in.open = counting(func(ctx context.Context, d manifest.Descriptor, at int64) (io.ReadCloser, error) {
			return repo.Blob(ctx, d, at), nil
		})
	}
	t := newTracker(e.Name, d.manifest.Layers, nil)
	defer t.close()
	err = s.ingest(ctx, in, t, nil)
	return got.Load(), err
}

// origin gives the repository that an image came from.
func (s *Store) origin(e layout.Entry) (*fetch.Repository, error) {
	n, err := name.Parse(e.Source)
	if err != nil {
		return nil, err
	}
	sources, err := s.c.Registries.Sources(n)
	if err != nil {
		return nil, err
	}
	src := sources[len(sources)-1]
	return s.client.Repository(fetch.Host{Name: src.Host, Insecure: src.Insecure}, src.Repository)
}

// refetchDocuments fetches manifest and config by their digests, then the rest.
func (s *Store) refetchDocuments(ctx context.Context, e layout.Entry) (int64, error) {
	repo, err := s.origin(e)
	if err != nil {
		return 0, err
	}
	found, err := repo.Manifest(ctx, e.Descriptor.Digest)
	if err != nil {
		return 0, err
	}
	m, err := manifest.Parse(found.Bytes, e.Descriptor.MediaType)
	if err != nil {
		return 0, err
	}
	if m.Index() {
		return 0, api.Errorf(api.KindCorrupt, "%s is an index, not an image", e.Descriptor.Digest)
	}
	config, err := s.config(ctx, repo, *m.Config)
	if err != nil {
		return 0, err
	}
	for _, b := range [][]byte{found.Bytes, config} {
		if _, err := s.layout.Write(b); err != nil {
			return 0, err
		}
	}
	if _, err := s.document(e.Descriptor.Digest); err != nil {
		return 0, err
	}
	n, err := s.fetchAgain(ctx, e)
	return n + int64(len(found.Bytes)+len(config)), err
}
