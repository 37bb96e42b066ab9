package image

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"davit/backend/api"
	"davit/backend/image/layers"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
	"davit/backend/image/unpack"
)

// source gives the packed bytes of a layer from the byte at on.
type source func(ctx context.Context, d manifest.Descriptor, at int64) (io.ReadCloser, error)

// incoming is an image on its way into the store.
type incoming struct {
	raw    []byte // the manifest's bytes
	config []byte
	doc    *document
	open   source
	keep   bool // unfinished downloads are worth keeping
	// from is the repository (complete name) that has the blobs; "" where none
	// is known to: then only blobs that are plain tars are let go.
	from string
}

// ingest brings all of an image into the store, layers side by side, and then
// enters it in the index. It makes either the whole image or nothing that
// anybody sees.
func (s *Store) ingest(ctx context.Context, in incoming, t *tracker, entries []layout.Entry) error {
	lease, err := s.layout.Lease(ctx, in.digests())
	if err != nil {
		return err
	}
	defer lease.Close()
	if err := s.bring(ctx, in, t); err != nil {
		return err
	}
	if _, err := s.layout.Write(in.config); err != nil {
		return err
	}
	if _, err := s.layout.Write(in.raw); err != nil {
		return err
	}
	return s.register(ctx, entries)
}

// register enters an image that is there whole in the index. What it leaves
// of itself in the trash goes; where that fails the next prune sees to it.
func (s *Store) register(ctx context.Context, entries []layout.Entry) error {
	err := s.layout.Update(ctx, func(have []layout.Entry) ([]layout.Entry, error) { return enter(have, entries), nil })
	if err != nil {
		return err
	}
	if thrown, err := s.layout.Thrown(); len(thrown) == 0 && err == nil {
		return nil
	}
	if err := s.collecting(ctx, s.cameBack); err != nil {
		s.log.Warn("an image came again that is in the trash", "err", err)
	}
	return nil
}

func (in incoming) digests() []string {
	out := append([]string{manifest.Digest(in.raw), in.doc.id}, in.doc.config.RootFS.DiffIDs...)
	for _, l := range in.doc.manifest.Layers {
		out = append(out, l.Digest)
	}
	return out
}

// work is one layer on its way.
type work struct {
	d      manifest.Descriptor
	diff   string
	step   *step
	result unpack.Result
	from   string       // incoming's
	recipe int64        // bytes of the layer's recipe; 0: it has none
	held   *layout.Held // of a layer that waits for those below it
}

func (s *Store) bring(ctx context.Context, in incoming, t *tracker) error {
	if in.complete(s) {
		for _, st := range t.steps {
			st.finish("exists")
		}
		return nil
	}
	jobs := make([]*work, len(in.doc.manifest.Layers))
	defer func() {
		for _, w := range jobs {
			s.release(w)
		}
	}()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.c.Jobs)
	first := map[string]bool{}
	for i, d := range in.doc.manifest.Layers {
		w := &work{d: d, diff: in.doc.config.RootFS.DiffIDs[i], step: t.steps[i]}
		jobs[i] = w
		if first[w.diff+d.Digest] {
			w.step.finish("exists") // the same layer twice
			continue
		}
		first[w.diff+d.Digest] = true
		g.Go(func() error { return s.layer(gctx, ctx, in, w) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return s.chain(in.doc.config, jobs)
}

func (in incoming) complete(s *Store) bool {
	if _, ok := s.keys(in.doc.config); !ok {
		return false
	}
	for _, k := range s.blobs(in.doc) {
		if !s.has(k) {
			return false
		}
	}
	return true
}

func (s *Store) release(w *work) {
	if w == nil || w.held == nil {
		return
	}
	if err := s.layers.Abort(manifest.Hex(w.diff)); err != nil {
		s.log.Warn("remove unfinished layer", "layer", w.diff, "err", err)
	}
	w.held.Close()
}

// layer brings one layer: whoever has the lock of its digests fetches it, all
// others wait and then find it there. outer is the person's context, which
// tells a cancel from another layer's failure.
func (s *Store) layer(ctx, outer context.Context, in incoming, w *work) error {
	held, err := s.layout.LockDigests(ctx, w.diff, w.d.Digest)
	if err != nil {
		return err
	}
	k := kept{w.d, w.diff, manifest.Hex(w.diff)}
	blob := s.packed(k)
	there := s.layers.Has(k.key) && (blob || s.letGo(k))
	if !there && in.from != "" && s.layers.Whole(k.key) { // of an image that has it from elsewhere
		err = s.layout.LetGo(w.d.Digest, layout.Absent{Size: w.d.Size, Diff: w.diff, From: []string{in.from}})
		there = err == nil
	}
	if there || err != nil {
		held.Close()
		w.step.finish("exists")
		return err
	}
	src := in.open
	if blob {
		src = s.stored
	}
	w.from = in.from
	err = s.fetchLayer(ctx, w, src, in.keep && !blob)
	if err != nil {
		err = fmt.Errorf("layer %s: %w", w.d.Digest, err)
		if cancelled(outer) {
			os.Remove(s.layout.Partial(w.d.Digest))
		}
	}
	if err == nil && len(w.result.Links) > 0 {
		w.held = held // chain finishes it
		return nil
	}
	if err != nil {
		if aerr := s.layers.Abort(manifest.Hex(w.diff)); aerr != nil {
			s.log.Warn("remove unfinished layer", "layer", w.diff, "err", aerr)
		}
	}
	held.Close()
	if err == nil {
		w.step.finish("done")
	}
	return err
}

func (s *Store) stored(_ context.Context, d manifest.Descriptor, at int64) (io.ReadCloser, error) {
	f, err := os.Open(s.layout.Blob(d.Digest))
	if err != nil {
		return nil, err
	}
	_, err = f.Seek(at, io.SeekStart)
	return f, err
}

// fetchLayer fetches and unpacks. What was put together from two downloads
// and is wrong is fetched once more as a whole.
func (s *Store) fetchLayer(ctx context.Context, w *work, src source, keep bool) error {
	for {
		resumed, err := s.tryLayer(ctx, w, src, keep)
		if err == nil || api.KindOf(err) != api.KindCorrupt || !resumed || ctx.Err() != nil {
			return err
		}
		s.log.Info("a resumed download was damaged, fetching it again", "layer", w.d.Digest, "err", err)
	}
}

// tryLayer is one try; resumed tells that earlier bytes were used.
func (s *Store) tryLayer(ctx context.Context, w *work, src source, keep bool) (resumed bool, err error) {
	key := manifest.Hex(w.diff)
	tmp, err := s.layers.Begin(key)
	if err != nil {
		return false, err
	}
	recipe, err := s.layers.Recipe(key)
	if err != nil {
		return false, err
	}
	defer recipe.Close()
	var part *partial
	o := unpack.Options{IDs: s.ids, Limits: s.c.Limits, Recipe: recipe}
	if !s.layout.Has(w.d.Digest, w.d.Size) {
		if part, err = openPartial(s.layout.Partial(w.d.Digest), w.d.Size, keep); err != nil {
			return false, err
		}
		defer part.close()
		o.Copy = part
		resumed = part.had > 0
	}
	r, err := s.stream(ctx, w, src, part)
	if err != nil {
		return resumed, err
	}
	defer r.Close()
	w.step.to("downloading")
	res, err := unpack.Layer(ctx, r, tmp, o)
	if err == nil {
		err = w.verify(res)
	}
	if err != nil {
		if part != nil && (!keep || api.KindOf(err) == api.KindCorrupt) {
			part.discard()
		}
		return resumed, err
	}
	w.result, w.recipe = res, 0
	if st, err := recipe.Stat(); err == nil && res.Recipe {
		w.recipe = st.Size()
	}
	return resumed, s.finishLayer(w, part, key)
}

// finishLayer gives the layer its name, and lets its blob go where that can be
// had again. Who has it is noted before: what is in neither place is fetched again.
func (s *Store) finishLayer(w *work, part *partial, key string) error {
	plain := w.d.Digest == w.diff
	goes := part != nil && w.recipe > 0 && w.recipe < w.d.Size && len(w.result.Links) == 0 && (plain || w.from != "")
	if goes && !plain {
		if err := s.layout.LetGo(w.d.Digest, layout.Absent{Size: w.d.Size, Diff: w.diff, From: []string{w.from}}); err != nil {
			return err
		}
	}
	if part != nil && !goes {
		if err := part.commit(s.layout.Blob(w.d.Digest)); err != nil {
			return err
		}
	}
	if len(w.result.Links) > 0 {
		return nil
	}
	if s.layers.Has(key) && !goes { // only the blob was missing
		return s.layers.Abort(key)
	}
	if err := s.commitLayer(w, key); err != nil {
		return err
	}
	if goes {
		part.discard()
	}
	return nil
}

// commitLayer gives the layer its name. One that is there without a recipe
// keeps its files, and gets one.
func (s *Store) commitLayer(w *work, key string) error {
	if !s.layers.Has(key) {
		return s.layers.Commit(key, key, w.info())
	}
	if err := s.layers.AddRecipe(key, w.recipe); err != nil {
		return err
	}
	return s.layers.Abort(key)
}

func (w *work) info() layers.Info {
	r := w.result
	return layers.Info{Tar: r.Tar, Bytes: r.Bytes, Entries: r.Entries, Links: r.Links, Recipe: w.recipe}
}

// verify compares what came with what was promised.
func (w *work) verify(r unpack.Result) error {
	switch {
	case r.Size != w.d.Size:
		return api.Errorf(api.KindCorrupt, "it has %d bytes, not the %d that it should have", r.Size, w.d.Size)
	case r.Digest != w.d.Digest:
		return api.Errorf(api.KindCorrupt, "its content has another digest: %s", r.Digest)
	case r.DiffID != w.diff:
		return api.Errorf(api.KindCorrupt, "its tar has the digest %s, not %s as the config says", r.DiffID, w.diff)
	}
	return nil
}

// stream gives the bytes that are there from an earlier download, then the
// rest from the source, counting for the progress.
func (s *Store) stream(ctx context.Context, w *work, src source, part *partial) (io.ReadCloser, error) {
	var had int64
	var old io.Reader
	if part != nil && part.had > 0 {
		had, old = part.had, part.old()
	}
	rest, err := src(ctx, w.d, had)
	if err != nil {
		return nil, err
	}
	r := io.Reader(rest)
	if old != nil {
		r = io.MultiReader(old, rest)
	}
	w.step.done.Store(0)
	return &counted{r, rest, w.step}, nil
}

type counted struct {
	io.Reader
	io.Closer
	step *step
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if done := c.step.done.Add(int64(n)); done >= c.step.d.Size {
		c.step.to("unpacking")
	}
	return n, err
}

// chain finishes the layers whose hard links lead into layers below.
func (s *Store) chain(c *manifest.Config, jobs []*work) error {
	var keys []string
	for _, w := range jobs {
		key := manifest.Hex(w.diff)
		if w.held != nil || !s.layers.Has(key) {
			chained := layers.Chained(key, keys)
			if err := s.chainOne(w, jobs, key, chained, keys); err != nil {
				return fmt.Errorf("layer %s: %w", w.d.Digest, err)
			}
			key = chained
		}
		keys = append(keys, key)
	}
	return nil
}

func (s *Store) chainOne(w *work, jobs []*work, key, chained string, below []string) error {
	if s.layers.Has(chained) {
		w.step.finish("exists")
		return nil
	}
	if w.held == nil {
		return api.Errorf(api.KindCorrupt, "it is there twice, with hard links to other layers")
	}
	if len(below) == 0 {
		return api.Errorf(api.KindConflict, "it has hard links to layers below it")
	}
	var lowers []string
	for i := len(below) - 1; i >= 0; i-- {
		lowers = append(lowers, s.layers.Path(below[i]))
	}
	if err := unpack.Resolve(s.layers.Path(key)+".tmp", w.result.Links, lowers); err != nil {
		return err
	}
	if err := s.layers.Commit(key, chained, w.info()); err != nil {
		return err
	}
	w.step.finish("done")
	return nil
}

// enter puts entries into the index. A name belongs to one image: who had it
// stays, without it.
func enter(have, add []layout.Entry) []layout.Entry {
	taken := map[string]bool{}
	for _, e := range add {
		taken[e.Name] = e.Name != ""
	}
	var out []layout.Entry
	for _, e := range have {
		if taken[e.Name] {
			e.Name = ""
		}
		out = append(out, e)
	}
	return tidy(append(out, add...))
}

// tidy drops entries that say nothing that another does not.
func tidy(all []layout.Entry) []layout.Entry {
	var out []layout.Entry
	for i, e := range all {
		redundant := false
		for j, o := range all {
			same := o.Descriptor.Digest == e.Descriptor.Digest && (e.Source == "" || e.Source == o.Source)
			if i != j && same && (e.Name == "" && (o.Name != "" || j > i) || e.Name != "" && e.Name == o.Name && j > i) {
				redundant = true
			}
		}
		if !redundant {
			out = append(out, e)
		}
	}
	return out
}
