package image

import (
	"context"
	"runtime"
	"sort"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"davit/backend/api"
	"davit/backend/form"
	"davit/backend/image/layout"
	"davit/backend/image/name"
)

// group is one image with all its entries in index.json.
type group struct {
	doc     *document
	entries []layout.Entry
	removed time.Time // of one in the trash
}

// groups reads the index. An image whose documents are damaged is left out of
// it and noted in the log: it can be pulled again under its name.
func (s *Store) groups() ([]*group, error) {
	entries, err := s.layout.Entries()
	if err != nil {
		return nil, err
	}
	return s.grouped(entries), nil
}

// grouped reads the documents of entries.
func (s *Store) grouped(entries []layout.Entry) []*group {
	s.readAhead(entries)
	var out []*group
	at := map[string]*group{}
	for _, e := range entries {
		d, err := s.document(e.Descriptor.Digest)
		if err != nil {
			s.log.Warn("image is damaged", "name", e.Name, "digest", e.Descriptor.Digest, "err", err)
			continue
		}
		g := at[d.id]
		if g == nil {
			g = &group{doc: d}
			at[d.id] = g
			out = append(out, g)
		}
		g.entries = append(g.entries, e)
	}
	return out
}

// readAhead reads the documents of many entries side by side: a thousand take
// a tenth of a second on one processor. What cannot be read says so later.
func (s *Store) readAhead(entries []layout.Entry) {
	const few = 8
	if len(entries) <= few {
		return
	}
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for _, e := range entries {
		all.Go(func() error {
			_, _ = s.document(e.Descriptor.Digest)
			return nil
		})
	}
	_ = all.Wait()
}

// List lists the images, newest first. Containers is left 0 for who knows it.
func (s *Store) List(ctx context.Context) ([]api.Image, error) {
	groups, err := s.groups()
	if err != nil {
		return nil, err
	}
	out := make([]api.Image, 0, len(groups))
	for _, g := range groups {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out = append(out, s.summary(g.doc, g.entries))
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Created.After(out[j].Created) })
	return out, nil
}

// Get tells everything about one image. UsedBy is left empty.
func (s *Store) Get(_ context.Context, ref string) (api.ImageDetail, error) {
	g, _, err := s.find(ref)
	if err != nil {
		return api.ImageDetail{}, err
	}
	return s.detail(g.doc, g.entries), nil
}

// Runnable is an image that a container can be made from.
type Runnable struct {
	ID       string // sha256:…
	Name     string // complete; "" where the image was found by its id and has no name
	Config   api.ImageConfig
	Layers   []string // directories in LayersDir, bottom first
	Platform string
}

// Runnable gives what is needed to run the image at ref; all layers are
// there. KindNotFound, with Ref set to the complete name, where it is not.
func (s *Store) Runnable(_ context.Context, ref string) (Runnable, error) {
	g, found, err := s.find(ref)
	if err != nil {
		return Runnable{}, err
	}
	keys, ok := s.keys(g.doc.config)
	if !ok {
		return Runnable{}, api.Errorf(api.KindCorrupt, "layers of the image %s are missing", ref).
			WithRef(found).WithHint("Pull it again; only what is missing is fetched.")
	}
	return Runnable{ID: g.doc.id, Name: found, Config: g.doc.config.API(), Layers: keys, Platform: g.doc.config.Platform().String()}, nil
}

// Resolve tells what ref stands for, without asking any registry.
func (s *Store) Resolve(ref string) (api.ResolvedRef, error) {
	out := api.ResolvedRef{Ref: ref, Candidates: []string{}}
	groups, err := s.groups()
	if err != nil {
		return out, err
	}
	r, rerr := s.c.Registries.Resolve(ref)
	for _, n := range r.Names {
		out.Candidates = append(out.Candidates, n.String())
	}
	if len(out.Candidates) > 0 {
		out.Name, out.Why = out.Candidates[0], r.Why
	}
	if out.Ask, err = s.c.Registries.Asks(r); err != nil {
		return out, err
	}
	g, found, err := match(groups, ref, out.Candidates)
	switch {
	case err == nil:
		out.Local = g.doc.id
		if found != "" && found != out.Name {
			out.Name, out.Why = found, "a local image has this name"
		}
		return out, nil
	case api.KindOf(err) == api.KindConflict:
		return out, err
	}
	return out, rerr
}

// find gives the local image that ref means, and the name it was found by.
func (s *Store) find(ref string) (*group, string, error) {
	groups, err := s.groups()
	if err != nil {
		return nil, "", err
	}
	var candidates []string
	r, rerr := s.c.Registries.Resolve(ref)
	for _, n := range r.Names {
		candidates = append(candidates, n.String())
	}
	g, found, err := match(groups, ref, candidates)
	if err == nil || len(candidates) > 0 || api.KindOf(err) == api.KindConflict {
		return g, found, err
	}
	return nil, "", rerr
}

var idRef = form.Of(`^(sha256:)?([0-9a-f]{3,64})$`)

// match finds ref among local images: by complete name, by the name that a
// registry gave it (name@digest), by the end of a name ("sample" for
// davit.local/sample), then by id.
func match(groups []*group, ref string, candidates []string) (*group, string, error) {
	for _, c := range candidates {
		if g := byName(groups, c); g != nil {
			return g, c, nil
		}
	}
	if g, n := bySuffix(groups, ref); g != nil {
		return g, n, nil
	}
	g, err := byID(groups, ref)
	if g != nil || err != nil {
		return g, firstName(g), err
	}
	e := api.Errorf(api.KindNotFound, "there is no image %q here", ref).WithHint("davit pull %s", ref)
	if len(candidates) > 0 {
		return nil, "", e.WithRef(candidates[0])
	}
	return nil, "", e.WithRef(ref)
}

func byName(groups []*group, full string) *group {
	bare, err := name.Parse(full)
	for _, g := range groups {
		for _, e := range g.entries {
			if e.Name == full || err == nil && bare.Digest != "" && e.Source == bare.Repo()+"@"+bare.Digest {
				return g
			}
		}
	}
	return nil
}

// bySuffix serves short names of images that are not from a registry that
// short names stand for, as podman does.
func bySuffix(groups []*group, ref string) (*group, string) {
	if ref == "" || !name.Short(ref) || strings.Contains(ref, "@") {
		return nil, ""
	}
	if !strings.Contains(ref, ":") {
		ref += ":latest"
	}
	for _, g := range groups {
		for _, e := range g.entries {
			if strings.HasSuffix(e.Name, "/"+ref) {
				return g, e.Name
			}
		}
	}
	return nil, ""
}

func byID(groups []*group, ref string) (*group, error) {
	m := idRef().FindStringSubmatch(ref)
	if m == nil {
		return nil, nil
	}
	var found *group
	for _, g := range groups {
		if !strings.HasPrefix(g.doc.id, "sha256:"+m[2]) {
			continue
		}
		if found != nil {
			return nil, api.Errorf(api.KindConflict, "more than one image has an id that begins with %s", ref).WithRef(ref)
		}
		found = g
	}
	return found, nil
}

func firstName(g *group) string {
	if g == nil {
		return ""
	}
	for _, e := range g.entries {
		if e.Name != "" {
			return e.Name
		}
	}
	return ""
}
