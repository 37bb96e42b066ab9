package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
	"davit/backend/image/registries"
)

// Pulled is what a pull brought.
type Pulled struct {
	Image    api.Image
	UpToDate bool // nothing was fetched: the registry has what is here
}

// Pull fetches the image at spec.Ref: from the first of its candidates and
// sources that has it. progress is called at most ten times a second, from one
// goroutine, and a last time before Pull returns; nil: not at all.
func (s *Store) Pull(ctx context.Context, spec api.PullSpec, progress func(Progress)) (Pulled, error) {
	pull := s.pullAll
	if spec.Platform != api.AllPlatforms {
		want, err := s.wanted(spec.Platform)
		if err != nil {
			return Pulled{}, err
		}
		pull = func(ctx context.Context, n name.Name, progress func(Progress)) (Pulled, error) {
			return s.pullName(ctx, n, want, progress)
		}
	}
	r, err := s.c.Registries.Resolve(spec.Ref)
	if err != nil {
		return Pulled{}, err
	}
	if ask, err := s.c.Registries.Asks(r); err != nil || ask {
		return Pulled{}, cmp.Or(err, ambiguous(spec.Ref, r.Names))
	}
	ctx, leave, err := s.reach(ctx, spec.Access, registriesOf(r.Names)...)
	if err != nil {
		return Pulled{}, err
	}
	defer leave()
	var failed []error
	for _, n := range r.Names {
		p, err := pull(ctx, n, progress)
		if err == nil {
			return p, nil
		}
		if ctx.Err() != nil || fatal(err) {
			return Pulled{}, err
		}
		failed = append(failed, err)
	}
	return Pulled{}, inNone(spec.Ref, failed)
}

// ambiguous is a short name where registries.conf wants a person to choose.
func ambiguous(ref string, names []name.Name) error {
	var all []string
	for _, n := range names {
		all = append(all, n.String())
	}
	return api.Errorf(api.KindConflict, "%s may be any of %s, and the short-name mode is enforcing", ref, strings.Join(all, ", ")).
		WithRef(ref).WithHint("Choose one of them by its complete name.")
}

func (s *Store) wanted(platform string) (manifest.Platform, error) {
	if platform == "" {
		return s.platform, nil
	}
	return manifest.ParsePlatform(platform)
}

// fatal tells errors that another registry would not mend: ours, or the
// person has to know of them.
func fatal(err error) bool {
	switch api.KindOf(err) {
	case api.KindCorrupt, api.KindNoSpace, api.KindInternal, api.KindCancelled, api.KindHost:
		return true
	}
	return false
}

// inNone joins the answers of several registries.
func inNone(ref string, failed []error) error {
	if len(failed) == 1 {
		return failed[0]
	}
	kind, said := api.KindNotFound, []string{}
	for _, err := range failed {
		said = append(said, err.Error())
		if k := api.KindOf(err); k != api.KindNotFound && kind == api.KindNotFound {
			kind = k
		}
	}
	return api.Errorf(kind, "no registry has %s: %s", ref, strings.Join(said, "; ")).WithRef(ref)
}

func (s *Store) pullName(ctx context.Context, n name.Name, want manifest.Platform, progress func(Progress)) (Pulled, error) {
	sources, err := s.c.Registries.Sources(n)
	if err != nil {
		return Pulled{}, err
	}
	var first error
	for _, src := range sources {
		p, err := s.pullFrom(ctx, n, src, want, progress)
		if err == nil {
			return p, nil
		}
		if first == nil || !src.Mirror {
			first = err
		}
		if ctx.Err() != nil || fatal(err) {
			break
		}
		s.log.Debug("pull", "name", n.String(), "from", src.Host, "err", err)
	}
	return Pulled{}, about(n, first)
}

// about says which image an error is of, and keeps its kind and hint.
func about(n name.Name, err error) error {
	e := *api.AsError(wrapped("pull", n, err))
	e.Ref = n.String()
	if e.Kind == api.KindInternal && errors.Is(err, unix.ENOSPC) {
		e.Kind = api.KindNoSpace
	}
	return &e
}

func wrapped(verb string, n name.Name, err error) error { return fmt.Errorf("%s %s: %w", verb, n, err) }

func (s *Store) pullFrom(ctx context.Context, n name.Name, src registries.Source, want manifest.Platform, progress func(Progress)) (Pulled, error) {
	repo, err := s.client.Repository(fetch.HostFor(ctx, src.Host, src.Insecure), src.Repository)
	if err != nil {
		return Pulled{}, err
	}
	if p, ok, err := s.upToDate(ctx, n, repo, want); ok || err != nil {
		return p, err
	}
	in, source, err := s.documents(ctx, n, repo, want)
	if err != nil {
		return Pulled{}, err
	}
	if err := s.room(in.doc); err != nil {
		return Pulled{}, err
	}
	in.keep, in.from = true, n.Repo()
	in.open = func(ctx context.Context, d manifest.Descriptor, at int64) (io.ReadCloser, error) {
		return repo.Blob(ctx, d, at), nil
	}
	e := entry(in, layout.Entry{Origin: "pulled from " + src.Host, Source: n.Repo() + "@" + source})
	if n.Digest == "" {
		e.Name = n.String()
	}
	t := newTracker(n.String(), in.doc.manifest.Layers, progress)
	err = s.ingest(ctx, in, t, []layout.Entry{e})
	t.close()
	if err != nil {
		return Pulled{}, err
	}
	i, err := s.Get(ctx, n.String())
	return Pulled{Image: i.Image}, err
}

// entry completes an entry of the index for an image.
func entry(in incoming, e layout.Entry) layout.Entry {
	p := in.doc.config.Platform()
	e.Descriptor = manifest.Descriptor{MediaType: manifest.TypeManifest, Digest: manifest.Digest(in.raw), Size: int64(len(in.raw)), Platform: &p}
	if t := in.doc.manifest.MediaType; t != "" {
		e.Descriptor.MediaType = t
	}
	e.Config = in.doc.id
	return e
}

// upToDate asks the registry, with a HEAD, whether what is here under this
// name is what it has. An image by digest needs no question.
func (s *Store) upToDate(ctx context.Context, n name.Name, repo *fetch.Repository, want manifest.Platform) (Pulled, bool, error) {
	groups, err := s.groups()
	if err != nil {
		return Pulled{}, false, err
	}
	g := byName(groups, n.String())
	if g == nil || fits(g.doc.config, want) != nil || !s.whole(g.doc) {
		return Pulled{}, false, nil
	}
	if n.Digest == "" {
		head, err := repo.Head(ctx, n.Reference())
		if err != nil && ctx.Err() != nil {
			return Pulled{}, false, err
		}
		if err != nil || !g.has(n, head.Digest) {
			return Pulled{}, false, nil // GET will say what is wrong, or bring the new one
		}
	}
	return Pulled{s.summary(g.doc, g.entries), true}, true, nil
}

// has tells whether the image is what the registry calls name@digest.
func (g *group) has(n name.Name, digest string) bool {
	for _, e := range g.entries {
		if e.Name == n.String() && e.Source == n.Repo()+"@"+digest {
			return true
		}
	}
	return false
}

// documents fetches manifest and config, through an index where there is one.
// source is the digest by which the registry knows the name.
func (s *Store) documents(ctx context.Context, n name.Name, repo *fetch.Repository, want manifest.Platform) (in incoming, source string, err error) {
	found, err := repo.Manifest(ctx, n.Reference())
	if err != nil {
		return in, "", err
	}
	source = found.Digest
	m, err := manifest.Parse(found.Bytes, found.MediaType)
	for depth := 0; err == nil && m.Index(); depth++ {
		if depth == 2 {
			return in, "", api.Errorf(api.KindCorrupt, "its indexes are nested too deep")
		}
		var d manifest.Descriptor
		if d, err = manifest.Choose(m, want); err != nil {
			return in, "", err
		}
		if found, err = repo.Manifest(ctx, d.Digest); err != nil {
			return in, "", err
		}
		m, err = manifest.Parse(found.Bytes, d.MediaType)
	}
	if err != nil {
		return in, "", err
	}
	in.raw = found.Bytes
	if in.config, err = s.config(ctx, repo, *m.Config); err != nil {
		return in, "", err
	}
	c, err := manifest.ParseConfig(in.config, m)
	if err != nil {
		return in, "", err
	}
	in.doc = &document{m, c, m.Config.Digest}
	return in, source, fits(c, want)
}

// config reads the config from the store, or fetches it.
func (s *Store) config(ctx context.Context, repo *fetch.Repository, d manifest.Descriptor) ([]byte, error) {
	if s.layout.Has(d.Digest, d.Size) {
		if b, err := s.layout.Read(d.Digest, manifest.MaxConfig); err == nil {
			return b, nil
		}
	}
	return repo.Small(ctx, d)
}

// fits refuses an image that cannot run where it is wanted.
func fits(c *manifest.Config, want manifest.Platform) error {
	if want == (manifest.Platform{}) || c.Platform().Fits(want) {
		return nil
	}
	return api.Errorf(api.KindNotFound, "the image is for %q only, and not for %s", c.Platform().String(), want).
		WithHint("Choose the platform %s to get it all the same.", c.Platform())
}

// room sees that what will be fetched fits on the disk.
func (s *Store) room(d *document) error {
	var need int64
	for _, k := range s.blobs(d) {
		if !s.has(k) {
			need += k.d.Size
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(s.c.ImagesDir, &st); err != nil {
		return fmt.Errorf("free space of %s: %w", s.c.ImagesDir, err)
	}
	if free := int64(st.Bavail) * st.Bsize; need > free {
		return api.Errorf(api.KindNoSpace, "the download has %d bytes, the disk has room for %d", need, free)
	}
	return nil
}
