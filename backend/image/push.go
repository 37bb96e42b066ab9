package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"davit/backend/api"
	"davit/backend/image/archive"
	"davit/backend/image/fetch"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
)

// Pushed is what a push brought to a registry.
type Pushed struct {
	Name   string
	Digest string // of the manifest there
	Size   int64  // of the manifest, bytes
	Image  api.Image
	// Repacked are the layers whose blobs had to be made anew, because they
	// were let go and no registry gave them: the manifest is another then.
	Repacked int
	// Converted tells that the registry takes the OCI's types only, and the
	// image was in docker's: the manifest is another then.
	Converted bool
	kind      string // media type of the manifest
}

// Push sends the image at spec.Ref to the registry in its name, or under the
// name spec.To. The manifest goes byte by byte as it is here, so that its
// digest stays, unless the registry refuses docker's types, as zot does where it
// is not told otherwise: then it goes in the OCI's. A blob that was let go comes from a registry that has it, if
// the target has it not; where none gives it, the layer is packed again.
// progress is as for Pull.
func (s *Store) Push(ctx context.Context, spec api.PushSpec, progress func(Progress)) (Pushed, error) {
	g, n, err := s.pushed(spec)
	if err != nil {
		return Pushed{}, err
	}
	ctx, leave, err := s.reach(ctx, spec.Access, n.Registry)
	if err != nil {
		return Pushed{}, err
	}
	defer leave()
	var p Pushed
	if len(spec.With) > 0 {
		p, err = s.pushList(ctx, g, n, spec, progress)
	} else {
		p, err = s.pushOne(ctx, g, spec.Ref, target{n, false}, progress)
	}
	if err != nil {
		e := *api.AsError(wrapped("push", n, err))
		e.Ref = n.String()
		return Pushed{}, &e
	}
	return p, nil
}

// target is where an image goes.
type target struct {
	name   name.Name
	listed bool // it is part of a list, which gets the tag
}

func (s *Store) pushOne(ctx context.Context, g *group, ref string, at target, progress func(Progress)) (Pushed, error) {
	if !s.hasAll(g.doc) {
		return Pushed{}, api.Errorf(api.KindCorrupt, "parts of the image %s are missing", ref).WithRef(ref).WithHint("Pull it again, or davit image check --repair.")
	}
	lease, err := s.layout.Lease(ctx, leased(g))
	if err != nil {
		return Pushed{}, err
	}
	defer lease.Close()
	t := newTracker(at.name.String(), g.doc.manifest.Layers, progress)
	p, err := s.pushTo(ctx, g, at, t)
	t.close()
	return p, err
}

// PushName tells which name a push is for.
func (s *Store) PushName(spec api.PushSpec) (string, error) {
	_, n, err := s.pushed(spec)
	return n.String(), err
}

func (s *Store) pushed(spec api.PushSpec) (*group, name.Name, error) {
	g, found, err := s.find(spec.Ref)
	if err != nil {
		return nil, name.Name{}, err
	}
	if spec.To != "" {
		found = name.FromAddress(spec.To)
		if name.Short(found) {
			found = name.Docker + "/" + found
		}
	} else if idRef().MatchString(spec.Ref) && byName([]*group{g}, found) == nil || found == "" {
		return nil, name.Name{}, api.Errorf(api.KindInvalid, "%s has no name to push it under", spec.Ref).WithRef(spec.Ref).
			WithHint("davit tag %s REGISTRY/NAME:TAG", spec.Ref)
	}
	n, err := name.Parse(found)
	if err == nil && n.Tag == "" {
		err = api.Errorf(api.KindInvalid, "%s has a digest and no tag to push it under", found).WithRef(found)
	}
	n.Digest = ""
	return g, n, err
}

// leased are the digests of all of an image.
func leased(g *group) []string {
	out := append([]string{g.doc.id}, g.doc.config.RootFS.DiffIDs...)
	for _, e := range g.entries {
		out = append(out, e.Descriptor.Digest)
	}
	for _, l := range g.doc.manifest.Layers {
		out = append(out, l.Digest)
	}
	return out
}

// uploader gives access to where a name leads, and tells which layers other
// repositories there have.
func (s *Store) uploader(ctx context.Context, n name.Name, m *manifest.Manifest) (u *fetch.Uploader, known map[string]string, err error) {
	sources, err := s.c.Registries.Sources(n)
	if err != nil {
		return nil, nil, err
	}
	at := sources[len(sources)-1] // mirrors come first, and are not written to
	there := name.Name{Registry: at.Host, Repository: at.Repository, Tag: n.Tag}
	if known, err = s.elsewhere(there, n); err != nil {
		return nil, nil, err
	}
	u, err = s.client.Uploader(fetch.HostFor(ctx, at.Host, at.Insecure), there, repositories(known, m))
	return u, known, err
}

func (s *Store) pushTo(ctx context.Context, g *group, at target, t *tracker) (Pushed, error) {
	u, known, err := s.uploader(ctx, at.name, g.doc.manifest)
	if err != nil {
		return Pushed{}, err
	}
	sent := make([]manifest.Descriptor, len(g.doc.manifest.Layers))
	e, jctx := errgroup.WithContext(ctx)
	e.SetLimit(s.c.Jobs)
	for i, k := range s.blobs(g.doc) {
		e.Go(func() (err error) { sent[i], err = s.pushLayer(jctx, u, k, t.steps[i], known[k.d.Digest]); return err })
	}
	if err := e.Wait(); err != nil {
		return Pushed{}, err
	}
	config := *g.doc.manifest.Config
	if _, err := s.pushBlob(ctx, u, s.fileBlob(config), &step{d: config}, ""); err != nil {
		return Pushed{}, err
	}
	p, err := s.putManifest(ctx, u, g, at, sent)
	if err != nil {
		return Pushed{}, err
	}
	return p, s.notePushed(ctx, g, at, p)
}

// putManifest puts the manifest of layers that were sent.
func (s *Store) putManifest(ctx context.Context, u *fetch.Uploader, g *group, at target, sent []manifest.Descriptor) (Pushed, error) {
	m, again, err := s.sentManifest(g, sent)
	if err != nil {
		return Pushed{}, err
	}
	put := func() error {
		if at.listed {
			return u.Untagged(ctx, m, manifest.Digest(m.raw))
		}
		return u.Manifest(ctx, m)
	}
	p := Pushed{Name: at.name.String(), Repacked: again}
	err = put()
	if errors.Is(err, fetch.ErrManifest) && m.kind != manifest.TypeManifest {
		s.log.Info("docker's types are refused, pushing the OCI's", "name", p.Name, "err", err)
		p.Converted = true
		if m, err = inOCI(g, sent); err == nil {
			err = put()
		}
	}
	p.Digest, p.Size, p.kind = manifest.Digest(m.raw), int64(len(m.raw)), m.kind
	return p, err
}

// sentManifest is the image's own manifest where all blobs went as they are;
// else one that names those that went.
func (s *Store) sentManifest(g *group, sent []manifest.Descriptor) (rawManifest, int, error) {
	again := 0
	for i, l := range g.doc.manifest.Layers {
		if sent[i].Digest != l.Digest {
			again++
		}
	}
	raw, err := s.layout.Read(g.entries[0].Descriptor.Digest, manifest.MaxManifest)
	if err != nil || again == 0 {
		return rawManifest{raw, g.entries[0].Descriptor.MediaType}, 0, err
	}
	m, err := inOCI(g, sent)
	return m, again, err
}

// inOCI makes a manifest in the OCI's types of an image whose layers were sent.
func inOCI(g *group, sent []manifest.Descriptor) (rawManifest, error) {
	m := *g.doc.manifest
	m.Layers = slices.Clone(sent)
	o, err := archive.Out{}.With(m)
	return rawManifest{o.Raw, manifest.TypeManifest}, err
}

// notePushed enters that the registry has the image now under this digest.
func (s *Store) notePushed(ctx context.Context, g *group, at target, p Pushed) error {
	n := at.name
	source := n.Repo() + "@" + p.Digest
	return s.layout.Update(ctx, func(have []layout.Entry) ([]layout.Entry, error) {
		add := g.entries[0]
		add.Name, add.Source = "", source
		for i, e := range have {
			if e.Name == n.String() && e.Config == g.doc.id && !at.listed {
				have[i].Source = source
				return have, nil
			}
		}
		return tidy(append(have, add)), nil
	})
}

// elsewhere tells, for layers by digest, a further repository at the same
// registry that is known to have them, so that they need not be sent.
func (s *Store) elsewhere(to, n name.Name) (map[string]string, error) {
	groups, err := s.groups()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, g := range groups {
		for _, e := range g.entries {
			o, err := name.Parse(e.Source)
			if e.Source == "" || err != nil || o.Registry != n.Registry || o.Repository == n.Repository || to.Repository != n.Repository {
				continue
			}
			for _, l := range g.doc.manifest.Layers {
				out[l.Digest] = o.Repository
			}
		}
	}
	return out, nil
}

func repositories(known map[string]string, m *manifest.Manifest) []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, l := range m.Layers {
		if r := known[l.Digest]; !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

// pushLayer sends a layer's blob, if it has to be sent, and tells which.
func (s *Store) pushLayer(ctx context.Context, u *fetch.Uploader, k kept, st *step, from string) (manifest.Descriptor, error) {
	if s.packed(k) {
		_, err := s.pushBlob(ctx, u, s.fileBlob(k.d), st, from)
		return k.d, err
	}
	b := blob{d: k.d, open: func(ctx context.Context) (io.ReadCloser, error) { return s.fetchBlob(ctx, k.d, 0) }}
	if k.plain() {
		b.open = func(ctx context.Context) (io.ReadCloser, error) { return s.tar(ctx, k) }
	}
	refused, err := s.pushBlob(ctx, u, b, st, from)
	if err == nil || !refused || k.plain() || ctx.Err() != nil {
		return k.d, err
	}
	s.log.Info("no registry gives a blob that was let go: it is packed again", "digest", k.d.Digest, "err", err)
	return s.pushRepacked(ctx, u, k, st)
}

// pushRepacked packs a layer anew and sends that.
func (s *Store) pushRepacked(ctx context.Context, u *fetch.Uploader, k kept, st *step) (manifest.Descriptor, error) {
	st.to("packing")
	r, err := s.tar(ctx, k)
	if err != nil {
		return k.d, err
	}
	m, err := s.packLayer(func(w io.Writer) error { _, err := io.Copy(w, r); return err })
	r.Close()
	if err != nil {
		return k.d, err
	}
	defer m.Close()
	b := blob{d: m.d, open: func(ctx context.Context) (io.ReadCloser, error) { return m.open(ctx, m.d, 0) }}
	_, err = s.pushBlob(ctx, u, b, st, "")
	return m.d, err
}

// fileBlob is a blob that lies here.
func (s *Store) fileBlob(d manifest.Descriptor) blob {
	return blob{d: d, open: func(context.Context) (io.ReadCloser, error) { return os.Open(s.layout.Blob(d.Digest)) }}
}

// pushBlob sends one blob, if it has to be sent. refused tells that it could
// not be had here.
func (s *Store) pushBlob(ctx context.Context, u *fetch.Uploader, what blob, st *step, from string) (refused bool, err error) {
	h, err := v1.NewHash(what.d.Digest)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b := &sent{blob: what, ctx: ctx, hash: h, step: st, stall: s.client.Patience(), give: cancel}
	had, err := u.Blob(ctx, b, from)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		return b.refused, fmt.Errorf("blob %s: %w", what.d.Digest, err)
	}
	switch {
	case had:
		st.finish("exists")
	case b.opened:
		st.finish("pushed")
	default:
		st.finish("mounted")
	}
	return false, nil
}

// blob is something to send.
type blob struct {
	d    manifest.Descriptor
	open func(context.Context) (io.ReadCloser, error)
}

// sent is a blob as go-containerregistry's layer.
type sent struct {
	blob
	ctx     context.Context
	hash    v1.Hash
	step    *step
	stall   time.Duration
	give    context.CancelCauseFunc // ends the sending
	mu      sync.Mutex
	opened  bool
	refused bool
}

func (b *sent) Digest() (v1.Hash, error)             { return b.hash, nil }
func (b *sent) DiffID() (v1.Hash, error)             { return b.hash, nil }
func (b *sent) Size() (int64, error)                 { return b.d.Size, nil }
func (b *sent) MediaType() (types.MediaType, error)  { return types.MediaType(b.d.MediaType), nil }
func (b *sent) Uncompressed() (io.ReadCloser, error) { return b.Compressed() }

// Compressed opens the blob to be sent, from its beginning. Progress counts
// what was read of the last one that was opened.
func (b *sent) Compressed() (io.ReadCloser, error) {
	r, err := b.open(b.ctx)
	b.mu.Lock()
	b.opened, b.refused = err == nil, err != nil
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	b.step.done.Store(0)
	b.step.to("uploading")
	return &sending{r: r, b: b}, nil
}

// sending counts, and gives up when nobody takes anything for a while.
type sending struct {
	r     io.ReadCloser
	b     *sent
	timer *time.Timer
}

func (r *sending) Read(p []byte) (int, error) {
	if r.timer == nil {
		r.timer = time.AfterFunc(r.b.stall, func() { r.b.give(errNoTaker) })
	}
	r.timer.Reset(r.b.stall)
	n, err := r.r.Read(p)
	r.b.step.done.Add(int64(n))
	if err != nil {
		r.timer.Stop()
	}
	return n, err
}

func (r *sending) Close() error {
	if r.timer != nil {
		r.timer.Stop()
	}
	return r.r.Close()
}

var errNoTaker = api.Errorf(api.KindUnavailable, "the registry stopped taking data").WithHint("Push again; layers that are there are not sent twice.")

// rawManifest is a manifest as it lies here.
type rawManifest struct {
	raw  []byte
	kind string
}

// RawManifest gives the bytes.
func (m rawManifest) RawManifest() ([]byte, error) { return m.raw, nil }

// MediaType is what the registry is told that they are.
func (m rawManifest) MediaType() (types.MediaType, error) { return types.MediaType(m.kind), nil }
