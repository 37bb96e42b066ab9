package image

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"davit/backend/api"
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
}

// Push sends the image at spec.Ref to the registry in its name, or under the
// name spec.To. The manifest goes byte by byte as it is here, so that its
// digest stays. progress is as for Pull.
func (s *Store) Push(ctx context.Context, spec api.PushSpec, progress func(Progress)) (Pushed, error) {
	g, n, err := s.pushed(spec)
	if err != nil {
		return Pushed{}, err
	}
	if !s.packed(g.doc) {
		return Pushed{}, api.Errorf(api.KindCorrupt, "parts of the image %s are missing", spec.Ref).WithRef(spec.Ref).WithHint("Pull it again, or davit image check --repair.")
	}
	lease, err := s.layout.Lease(ctx, leased(g))
	if err != nil {
		return Pushed{}, err
	}
	defer lease.Close()
	t := newTracker(n.String(), g.doc.manifest.Layers, progress)
	p, err := s.pushTo(ctx, g, n, t)
	t.close()
	if err != nil {
		e := *api.AsError(wrapped("push", n, err))
		e.Ref = n.String()
		return Pushed{}, &e
	}
	return p, nil
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
	} else if idRef.MatchString(spec.Ref) && byName([]*group{g}, found) == nil || found == "" {
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

// packed tells whether all blobs of an image are there.
func (s *Store) packed(d *document) bool {
	for _, l := range d.manifest.Layers {
		if !s.layout.Has(l.Digest, l.Size) {
			return false
		}
	}
	return s.layout.Has(d.manifest.Config.Digest, d.manifest.Config.Size)
}

func (s *Store) pushTo(ctx context.Context, g *group, n name.Name, t *tracker) (Pushed, error) {
	sources, err := s.c.Registries.Sources(n)
	if err != nil {
		return Pushed{}, err
	}
	to := sources[len(sources)-1] // mirrors come first, and are not written to
	there := name.Name{Registry: to.Host, Repository: to.Repository, Tag: n.Tag}
	known, err := s.elsewhere(there, n)
	if err != nil {
		return Pushed{}, err
	}
	u, err := s.client.Uploader(fetch.Host{Name: to.Host, Insecure: to.Insecure}, there, repositories(known, g.doc.manifest))
	if err != nil {
		return Pushed{}, err
	}
	e, jctx := errgroup.WithContext(ctx)
	e.SetLimit(s.c.Jobs)
	for i, d := range g.doc.manifest.Layers {
		e.Go(func() error { return s.pushBlob(jctx, u, d, t.steps[i], known[d.Digest]) })
	}
	if err := e.Wait(); err != nil {
		return Pushed{}, err
	}
	if err := s.pushBlob(ctx, u, *g.doc.manifest.Config, &step{d: *g.doc.manifest.Config}, ""); err != nil {
		return Pushed{}, err
	}
	raw, err := s.layout.Read(g.entries[0].Descriptor.Digest, manifest.MaxManifest)
	if err != nil {
		return Pushed{}, err
	}
	if err := u.Manifest(ctx, rawManifest{raw, g.entries[0].Descriptor.MediaType}); err != nil {
		return Pushed{}, err
	}
	p := Pushed{Name: n.String(), Digest: manifest.Digest(raw), Size: int64(len(raw))}
	return p, s.notePushed(ctx, g, n, p)
}

// notePushed enters that the registry has the image now under this digest.
func (s *Store) notePushed(ctx context.Context, g *group, n name.Name, p Pushed) error {
	source := n.Repo() + "@" + p.Digest
	return s.layout.Update(ctx, func(have []layout.Entry) ([]layout.Entry, error) {
		add := g.entries[0]
		add.Name, add.Source = "", source
		for i, e := range have {
			if e.Name == n.String() && e.Config == g.doc.id {
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

// pushBlob sends one blob, if it has to be sent.
func (s *Store) pushBlob(ctx context.Context, u *fetch.Uploader, d manifest.Descriptor, st *step, from string) error {
	h, err := v1.NewHash(d.Digest)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b := &blob{path: s.layout.Blob(d.Digest), d: d, hash: h, step: st, stall: s.client.Patience(), give: cancel}
	had, err := u.Blob(ctx, b, from)
	if err != nil {
		return fmt.Errorf("blob %s: %w", d.Digest, err)
	}
	switch {
	case had:
		st.finish("exists")
	case b.opened:
		st.finish("pushed")
	default:
		st.finish("mounted")
	}
	return nil
}

// blob is a blob of the store as go-containerregistry's layer.
type blob struct {
	path   string
	d      manifest.Descriptor
	hash   v1.Hash
	step   *step
	stall  time.Duration
	give   context.CancelCauseFunc // ends the sending
	mu     sync.Mutex
	opened bool
}

func (b *blob) Digest() (v1.Hash, error)             { return b.hash, nil }
func (b *blob) DiffID() (v1.Hash, error)             { return b.hash, nil }
func (b *blob) Size() (int64, error)                 { return b.d.Size, nil }
func (b *blob) MediaType() (types.MediaType, error)  { return types.MediaType(b.d.MediaType), nil }
func (b *blob) Uncompressed() (io.ReadCloser, error) { return b.Compressed() }

// Compressed opens the blob to be sent, from its beginning. Progress counts
// what was read of the last one that was opened.
func (b *blob) Compressed() (io.ReadCloser, error) {
	f, err := os.Open(b.path)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.opened = true
	b.mu.Unlock()
	b.step.done.Store(0)
	b.step.to("uploading")
	return &sending{File: f, b: b}, nil
}

// sending counts, and gives up when nobody takes anything for a while.
type sending struct {
	*os.File
	b     *blob
	timer *time.Timer
}

func (r *sending) Read(p []byte) (int, error) {
	if r.timer == nil {
		r.timer = time.AfterFunc(r.b.stall, func() { r.b.give(errNoTaker) })
	}
	r.timer.Reset(r.b.stall)
	n, err := r.File.Read(p)
	r.b.step.done.Add(int64(n))
	if err != nil {
		r.timer.Stop()
	}
	return n, err
}

// WriteTo hides the file's own, which would count nothing.
func (r *sending) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{r})
}

func (r *sending) Close() error {
	if r.timer != nil {
		r.timer.Stop()
	}
	return r.File.Close()
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
