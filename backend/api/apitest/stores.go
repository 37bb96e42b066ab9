package apitest

import (
	"context"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

// shelf is what the fake has of images beside those that are there; Fake.mu
// guards it.
type shelf struct {
	trash    []trashed
	previews []*image     // of images at their registries
	queue    []*operation // pulls that wait, the next first
	settings api.RegistrySettings
}

// podmans are the images of the other engine that the fake's machine has.
func podmans(f *Fake) []api.OtherImage {
	day := 24 * time.Hour
	return []api.OtherImage{
		{ID: "sha256:" + strings.Repeat("7b", 32), Names: []string{"localhost/site:latest"}, Size: 61 << 20, Created: f.since(3 * day)},
		{ID: "sha256:" + strings.Repeat("4c", 32), Names: []string{"docker.io/library/alpine:3.22"}, Size: 8 << 20, Created: f.since(40 * day)},
	}
}

// OtherStores implements api.Service.
func (f *Fake) OtherStores(ctx context.Context) ([]api.OtherStore, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	all := podmans(f)
	for i := range all {
		all[i].Here = slices.ContainsFunc(f.images, func(x *image) bool { return slices.Contains(x.detail.Names, all[i].Names[0]) })
	}
	return []api.OtherStore{
		{Kind: "podman", Where: "/home/you/.local/share/containers/storage", Readable: true, Images: all},
		{
			Kind: "docker", Where: "/var/run/docker.sock", Images: []api.OtherImage{},
			Why: "the socket belongs to root and the group docker, which you are not in", Hint: "sudo usermod -aG docker $USER, then log in again",
		},
	}, nil
}

// ImportFrom implements api.Service.
func (f *Fake) ImportFrom(ctx context.Context, spec api.ImportFromSpec) (api.Operation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Operation{}, err
	}
	if spec.Store != "podman" {
		return api.Operation{}, api.Errorf(api.KindNotFound, "no store of %q can be read here", spec.Store).WithRef(spec.Store)
	}
	var chosen []api.OtherImage
	var size int64
	for _, i := range podmans(f) {
		if len(spec.Refs) == 0 || slices.Contains(spec.Refs, i.ID) || slices.Contains(spec.Refs, i.Names[0]) {
			chosen, size = append(chosen, i), size+i.Size
		}
	}
	if len(chosen) < len(spec.Refs) {
		return api.Operation{}, api.Errorf(api.KindNotFound, "podman has no %s", strings.Join(spec.Refs, ", ")).WithRef(spec.Refs[0])
	}
	return f.copying("import", "Import from podman", spec.Store, size, func(o *operation) {
		for _, c := range chosen {
			i := f.addImage(offer{layers: 2, size: c.Size / 2, cmd: []string{"sh"}}, c.Names[0])
			i.detail.Origin, i.detail.RepoDigests = "imported from podman", []string{}
			o.ImageID, o.Image = i.detail.ID, c.Names[0]
			f.event("image", "load", i.detail.ID, c.Names[0])
		}
	}), nil
}

// PreviewImage implements api.Service.
func (f *Fake) PreviewImage(ctx context.Context, spec api.PreviewSpec) (api.ImageDetail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.ImageDetail{}, err
	}
	full, err := fullName(spec.Ref)
	if err != nil {
		return api.ImageDetail{}, api.Errorf(api.KindInvalid, "%q is no name of an image", spec.Ref).WithRef(spec.Ref)
	}
	it, err := f.offered(full)
	if err != nil {
		return api.ImageDetail{}, err
	}
	for _, p := range f.previews {
		if p.detail.Names[0] == full {
			return f.imageDetail(p), nil
		}
	}
	i := f.addImage(it, "")
	f.images = f.images[:len(f.images)-1]
	repo := full[:strings.LastIndex(full, ":")]
	i.detail.Names, i.detail.RepoDigests, i.detail.Origin = []string{full}, []string{repo + "@" + i.detail.Digest}, "at its registry"
	i.detail.Size = 0
	for n := range i.detail.Layers {
		i.detail.Layers[n].Unpacked = 0
	}
	f.previews = append(f.previews, i)
	return f.imageDetail(i), nil
}

// preview gives the image that was looked at by that digest; f.mu is held.
func (f *Fake) preview(ref string) *image {
	at := slices.IndexFunc(f.previews, func(p *image) bool { return p.detail.RepoDigests[0] == ref })
	if at < 0 {
		return nil
	}
	return f.previews[at]
}

// FetchLayer implements api.Service.
func (f *Fake) FetchLayer(ctx context.Context, ref string, layer int) (api.Operation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Operation{}, err
	}
	i := f.preview(ref)
	if i == nil {
		return api.Operation{}, api.Errorf(api.KindNotFound, "nobody has looked at %s", ref).WithRef(ref)
	}
	if layer < 1 || layer > len(i.detail.Layers) {
		return api.Operation{}, api.Errorf(api.KindInvalid, "there is no layer %d", layer).WithRef(ref)
	}
	l := &i.detail.Layers[layer-1]
	return f.copying("layer", "Fetch layer "+l.Digest[7:19], ref, l.Size, func(*operation) { l.Here, l.Unpacked = true, l.Size*27/10 }), nil
}

// ImageTree implements api.Service. The fake's images share nothing.
func (f *Fake) ImageTree(ctx context.Context) ([]api.TreeNode, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []api.TreeNode{}
	for _, i := range f.images {
		d := i.detail
		out = append(out, api.TreeNode{ID: d.ID, Names: slices.Clone(d.Names), Layers: len(d.Layers), Size: d.Size})
	}
	return out, f.enter(ctx)
}

// ProbeRegistry implements api.Service.
func (f *Fake) ProbeRegistry(ctx context.Context, host string) (api.Registry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Registry{}, err
	}
	for _, r := range f.registries {
		if r.Host == host {
			return r, nil
		}
	}
	if _, err := fullName(host + "/x"); err != nil {
		return api.Registry{}, api.Errorf(api.KindInvalid, "%q is not a registry", host).WithRef(host)
	}
	if strings.HasPrefix(host, "offline.") {
		return api.Registry{}, api.Errorf(api.KindUnavailable, "%s does not answer", host).WithRef(host)
	}
	return api.Registry{Host: host, Kind: "catalogue", Source: "not named anywhere", Search: true, Mirrors: []string{}}, nil
}

// RegistrySettings implements api.Service.
func (f *Fake) RegistrySettings(ctx context.Context) (api.RegistrySettings, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.settings
	s.Search = slices.Clone(s.Search)
	return s, f.enter(ctx)
}

// SetRegistrySettings implements api.Service.
func (f *Fake) SetRegistrySettings(ctx context.Context, s api.RegistrySettings) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	if !slices.Contains([]string{"enforcing", "permissive", "disabled"}, s.ShortNameMode) {
		return api.Errorf(api.KindInvalid, "there is no short-name mode %q", s.ShortNameMode).WithRef(s.ShortNameMode)
	}
	for _, h := range s.Search {
		if !host.MatchString(h) {
			return api.Errorf(api.KindInvalid, "%q is not a registry", h).WithRef(h)
		}
	}
	f.settings.ShortNameMode, f.settings.Search = s.ShortNameMode, orEmpty(s.Search)
	f.event("registry", "set", "", "")
	return nil
}

// MoveOperation implements api.Service.
func (f *Fake) MoveOperation(ctx context.Context, id string, place int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, err := f.findOperation(ctx, id)
	switch {
	case err != nil:
		return err
	case o.State != api.OperationWaiting:
		return api.Errorf(api.KindConflict, "%s does not wait", o.Title).WithRef(id)
	}
	f.queue = slices.DeleteFunc(f.queue, func(x *operation) bool { return x == o })
	f.queue = slices.Insert(f.queue, min(max(place, 1), len(f.queue)+1)-1, o)
	f.places()
	f.event("operation", "move", o.ID, o.Title)
	return nil
}

// ResumeOperations implements api.Service: the fake forgets when it ends.
func (f *Fake) ResumeOperations(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.enter(ctx)
}

// maxPulls is how many pulls the fake does at once.
const maxPulls = 2

// lineUp puts a pull into the queue, where it may be its turn at once; f.mu
// is held.
func (f *Fake) lineUp(o *operation) {
	o.State = api.OperationWaiting
	f.queue = append(f.queue, o)
	f.places()
}

// places lets those begin whose turn it is, and numbers the rest; f.mu is held.
func (f *Fake) places() {
	busy := 0
	for _, o := range f.ops {
		if o.Kind == "pull" && o.State == api.OperationRunning {
			busy++
		}
	}
	for ; busy < maxPulls && len(f.queue) > 0; busy++ {
		f.queue[0].State, f.queue[0].Place = api.OperationRunning, 0
		f.queue = f.queue[1:]
	}
	for n, o := range f.queue {
		o.Place = n + 1
	}
	f.notify()
}

// turn waits for a pull's turn.
func (f *Fake) turn(ctx context.Context, o *operation) error {
	err := f.until(ctx, func() bool { return o.State != api.OperationWaiting })
	if err != nil {
		f.mu.Lock()
		f.queue = slices.DeleteFunc(f.queue, func(x *operation) bool { return x == o })
		f.mu.Unlock()
	}
	return err
}
