package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
	"davit/backend/image/other"
)

// OtherStores tells what podman and docker have on this machine.
func (s *Store) OtherStores(ctx context.Context) ([]api.OtherStore, error) {
	here := map[string]bool{}
	groups, err := s.groups()
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		here[g.doc.id] = true
	}
	p := other.FindPodman(s.c.Getenv)
	out := []api.OtherStore{}
	found, err := p.Images()
	if _, gone := os.Stat(p.Root); err != nil || gone == nil {
		o := otherStore("podman", p.Root, found, here, err)
		if err != nil {
			o.Hint = "podman save IMAGE | davit load"
		}
		out = append(out, o)
	}
	for _, d := range other.FindDocker(s.c.Getenv) {
		found, err := d.Images(ctx)
		if errors.Is(err, other.ErrAbsent) || errors.Is(err, unix.ECONNREFUSED) {
			continue
		}
		o := otherStore("docker", d.Socket, found, here, err)
		if errors.Is(err, fs.ErrPermission) {
			o.Why = "the socket is root's, and only root and members of the group docker may use it; docker's own files are root's, too"
			o.Hint = "sudo docker save IMAGE | davit load"
		}
		out = append(out, o)
		break
	}
	return out, ctx.Err()
}

func otherStore(kind, where string, found []other.Image, here map[string]bool, err error) api.OtherStore {
	o := api.OtherStore{Kind: kind, Where: where, Readable: err == nil, Images: []api.OtherImage{}}
	if err != nil {
		o.Why = err.Error()
	}
	for _, i := range found {
		o.Images = append(o.Images, api.OtherImage{ID: i.ID, Names: i.Names, Size: i.Size, Created: i.Created, Here: here[i.ID]})
	}
	return o
}

// OtherImages finds images in another store, by names as people write them or
// ids; none named: all.
func (s *Store) OtherImages(ctx context.Context, spec api.ImportFromSpec) ([]api.OtherImage, error) {
	all, err := s.OtherStores(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(o api.OtherStore) bool { return o.Kind == spec.Store })
	switch {
	case at < 0:
		return nil, api.Errorf(api.KindNotFound, "there is no store of %q on this machine", spec.Store).WithRef(spec.Store)
	case !all[at].Readable:
		return nil, api.Errorf(api.KindDenied, "%s's store %s cannot be read: %s", spec.Store, all[at].Where, all[at].Why).WithHint("%s", all[at].Hint)
	case len(spec.Refs) == 0:
		return all[at].Images, nil
	}
	var out []api.OtherImage
	for _, ref := range spec.Refs {
		i := slices.IndexFunc(all[at].Images, func(i api.OtherImage) bool { return s.meansOther(i, ref) })
		if i < 0 {
			return nil, api.Errorf(api.KindNotFound, "%s has no image %q", spec.Store, ref).WithRef(ref)
		}
		out = append(out, all[at].Images[i])
	}
	return out, nil
}

func (s *Store) meansOther(i api.OtherImage, ref string) bool {
	if m := idRef().FindStringSubmatch(ref); m != nil && len(m[2]) >= 12 && i.ID[7:7+len(m[2])] == m[2] {
		return true
	}
	r, err := s.c.Registries.Resolve(ref)
	for _, n := range i.Names {
		full, nerr := name.ParseDocker(n)
		if n == ref || nerr == nil && err == nil && slices.ContainsFunc(r.Names, func(c name.Name) bool { return c == full }) {
			return true
		}
		if g, _ := bySuffix([]*group{{entries: []layout.Entry{{Name: n}}}}, ref); g != nil {
			return true
		}
	}
	return false
}

// ImportOther copies one image out of another store.
func (s *Store) ImportOther(ctx context.Context, kind string, i api.OtherImage, progress func(Progress)) (api.Image, error) {
	if kind == "docker" {
		return s.importDocker(ctx, i)
	}
	p := other.FindPodman(s.c.Getenv)
	all, err := p.Images()
	if err != nil {
		return api.Image{}, err
	}
	at := slices.IndexFunc(all, func(o other.Image) bool { return o.ID == i.ID })
	if at < 0 {
		return api.Image{}, api.Errorf(api.KindNotFound, "podman has no image %s any more", i.ID).WithRef(i.ID)
	}
	in, err := fromPodman(p, all[at])
	if err != nil {
		return api.Image{}, fmt.Errorf("import %s from podman: %w", i.ID, err)
	}
	var names []string
	for _, n := range all[at].Names {
		if full, err := name.ParseDocker(n); err == nil && full.Digest == "" {
			names = append(names, full.String())
		}
	}
	got, err := s.addTracked(ctx, in, names, "imported from podman", progress)
	if err != nil {
		return got, fmt.Errorf("import %s from podman: %w", i.ID, err)
	}
	return got, nil
}

// fromPodman describes an image of podman's with layers as plain tars, which
// is what can be put together again from its files.
func fromPodman(p other.Podman, i other.Image) (incoming, error) {
	config, err := p.Config(i, manifest.MaxConfig)
	if err != nil {
		return incoming{}, err
	}
	if manifest.Digest(config) != i.ID {
		return incoming{}, api.Errorf(api.KindCorrupt, "its config has another digest")
	}
	layers, err := p.Layers(i)
	if err != nil {
		return incoming{}, err
	}
	open := map[string]other.Layer{}
	m := &manifest.Manifest{SchemaVersion: 2, MediaType: manifest.TypeManifest, Layers: []manifest.Descriptor{},
		Config: &manifest.Descriptor{MediaType: manifest.TypeConfig, Digest: i.ID, Size: int64(len(config))}}
	for _, l := range layers {
		open[l.DiffID] = l
		m.Layers = append(m.Layers, manifest.Descriptor{MediaType: manifest.TypeLayer, Digest: l.DiffID, Size: l.Size})
	}
	in := incoming{config: config}
	if in.raw, err = manifest.Encode(m); err != nil {
		return in, err
	}
	if m, err = manifest.Parse(in.raw, manifest.TypeManifest); err != nil {
		return in, err
	}
	c, err := manifest.ParseConfig(config, m)
	if err != nil {
		return in, err
	}
	in.doc = &document{m, c, i.ID}
	in.open = func(_ context.Context, d manifest.Descriptor, _ int64) (io.ReadCloser, error) {
		return open[d.Digest].Open()
	}
	return in, nil
}

func (s *Store) importDocker(ctx context.Context, i api.OtherImage) (api.Image, error) {
	for _, d := range other.FindDocker(s.c.Getenv) {
		r, err := d.Save(ctx, other.Image{ID: i.ID, Names: i.Names})
		if errors.Is(err, other.ErrAbsent) {
			continue
		}
		if err != nil {
			return api.Image{}, fmt.Errorf("import %s from docker: %w", i.ID, err)
		}
		defer r.Close()
		got, err := s.Load(ctx, r, "docker")
		if err != nil {
			return api.Image{}, err
		}
		if len(got) == 0 {
			return api.Image{}, api.Errorf(api.KindCorrupt, "docker gave no image for %s", i.ID)
		}
		return got[0], nil
	}
	return api.Image{}, other.ErrAbsent
}
