package apitest

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

// files are those of every image of the fake.
var files = []api.File{
	{Path: "/bin", Mode: "drwxr-xr-x", Dir: true, Layer: 1},
	{Path: "/bin/sh", Mode: "-rwxr-xr-x", Size: 1 << 20, Layer: 1},
	{Path: "/etc", Mode: "drwxr-xr-x", Dir: true, Layer: 1},
	{Path: "/etc/passwd", Mode: "-rw-r--r--", Size: 22, Layer: 1},
	{Path: "/etc/motd", Mode: "lrwxrwxrwx", Link: "passwd", Layer: 1},
}

// look is for verbs that only look at one image.
func (f *Fake) look(ctx context.Context, ref string, do func(*image) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	if i := f.preview(ref); i != nil {
		return do(i)
	}
	i, err := f.findImage(ref)
	if err != nil {
		return err
	}
	return do(i)
}

// ImageFiles implements api.Service.
func (f *Fake) ImageFiles(ctx context.Context, q api.FileQuery) (list api.FileList, err error) {
	err = f.look(ctx, q.Ref, func(i *image) error {
		if q.Layer < 0 || q.Layer > len(i.detail.Layers) {
			return api.Errorf(api.KindInvalid, "there is no layer %d", q.Layer)
		}
		at := "/" + strings.Trim(q.Path, "/")
		known := at == "/"
		if f.preview(q.Ref) == i && (q.Layer == 0 || !i.detail.Layers[q.Layer-1].Here) {
			return api.Errorf(api.KindNotFound, "the layer is not here").WithRef(q.Ref)
		}
		list.Files = []api.File{}
		for _, x := range files {
			known = known || x.Path == at
			rest, below := strings.CutPrefix(x.Path, strings.TrimSuffix(at, "/")+"/")
			if below && (q.Deep || q.Match != "" || !strings.Contains(rest, "/")) && strings.Contains(x.Path, q.Match) {
				list.Files = append(list.Files, x)
			}
		}
		if !known {
			return api.Errorf(api.KindNotFound, "there is no %s", q.Path).WithRef(q.Path)
		}
		return nil
	})
	return list, err
}

// ImageFile implements api.Service.
func (f *Fake) ImageFile(ctx context.Context, r api.FileRef, w io.Writer) error {
	err := f.look(ctx, r.Ref, func(*image) error {
		i := slices.IndexFunc(files, func(x api.File) bool { return x.Path == r.Path })
		switch {
		case i < 0:
			return api.Errorf(api.KindNotFound, "there is no %s", r.Path).WithRef(r.Path)
		case files[i].Dir:
			return api.Errorf(api.KindInvalid, "%s is no regular file", r.Path).WithRef(r.Path)
		}
		return nil
	})
	if err == nil {
		_, err = io.WriteString(w, "root:x:0:0::/:/bin/sh\n")
	}
	return failed(err)
}

// LayerChanges implements api.Service.
func (f *Fake) LayerChanges(ctx context.Context, ref string, layer int) (list []api.Change, err error) {
	err = f.look(ctx, ref, func(i *image) error {
		if layer < 1 || layer > len(i.detail.Layers) {
			return api.Errorf(api.KindInvalid, "there is no layer %d", layer)
		}
		list = []api.Change{{Kind: api.ChangeAdded, Path: "/bin/sh", Size: 1 << 20}}
		return nil
	})
	return list, err
}

// Waste implements api.Service.
func (f *Fake) Waste(ctx context.Context, ref string) (w api.Waste, err error) {
	err = f.look(ctx, ref, func(i *image) error {
		w = api.Waste{Total: i.detail.Size, Wasted: i.detail.Size / 50, Efficiency: 0.98,
			Files: []api.WastedFile{{Path: "/var/cache/apk/index.tar.gz", Times: 2, Wasted: i.detail.Size / 50}}}
		return nil
	})
	return w, err
}

// CompareImages implements api.Service.
func (f *Fake) CompareImages(ctx context.Context, a, b string) (c api.Comparison, err error) {
	var one *image
	if err = f.look(ctx, a, func(i *image) error { one = i; return nil }); err != nil {
		return c, err
	}
	err = f.look(ctx, b, func(two *image) error {
		c = api.Comparison{Config: []api.ConfigChange{}, Changes: []api.Change{}, Shared: len(one.detail.Layers)}
		if one != two {
			c.Shared = 0
			c.Config = append(c.Config, api.ConfigChange{Field: "cmd", A: strings.Join(one.detail.Config.Cmd, " "), B: strings.Join(two.detail.Config.Cmd, " ")})
			c.Changes = append(c.Changes, api.Change{Kind: api.ChangeModified, Path: "/bin/sh", Size: 1 << 20})
		}
		return nil
	})
	return c, err
}

// Repository implements api.Service.
func (f *Fake) Repository(ctx context.Context, ref string) (api.Repository, error) {
	list, err := f.Tags(ctx, ref, api.RegistryAccess{})
	if err != nil {
		return api.Repository{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := api.Repository{Name: list.Repository, Tags: list.Tags, LatestIs: []string{"stable"}, Readme: "# " + list.Repository + "\n\nWhat it is, and how to run it.\n"}
	for _, o := range f.catalogue {
		if o.name == list.Repository {
			r.Description, r.Stars, r.Pulls = o.about, o.stars, o.pulls
		}
	}
	r.Updated = f.since(24 * time.Hour).Truncate(time.Second)
	return r, nil
}

// Manifest implements api.Service.
func (f *Fake) Manifest(ctx context.Context, ref string, _ api.RegistryAccess) (api.Manifest, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Manifest{}, err
	}
	full, err := fullName(ref)
	if err != nil {
		return api.Manifest{}, api.Errorf(api.KindInvalid, "%q is no name of an image", ref).WithRef(ref)
	}
	o, err := f.offered(full)
	if err != nil {
		return api.Manifest{}, err
	}
	m := api.Manifest{Name: full, MediaType: "application/vnd.oci.image.index.v1+json", Digest: f.digest(), Images: []api.ManifestImage{}}
	for _, p := range []string{"linux/amd64", "linux/arm64"} {
		m.Images = append(m.Images, api.ManifestImage{Platform: p, MediaType: "application/vnd.oci.image.manifest.v1+json", Digest: f.digest(), Size: 1000 + int64(o.layers)*200})
	}
	raw, err := json.Marshal(m.Images)
	m.Raw, m.Size = string(raw), int64(len(raw))
	return m, failed(err)
}

// PullQuota implements api.Service.
func (f *Fake) PullQuota(ctx context.Context) (api.PullQuota, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.PullQuota{Limit: 100, Remaining: 76, Window: 21600, Source: "192.0.2.1"}, f.enter(ctx)
}

// SetRegistry implements api.Service.
func (f *Fake) SetRegistry(ctx context.Context, spec api.RegistrySpec) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	if _, err := fullName(spec.Host + "/x"); err != nil || !strings.ContainsAny(spec.Host, ".:") && spec.Host != "localhost" {
		return api.Errorf(api.KindInvalid, "%q is not a registry", spec.Host).WithRef(spec.Host)
	}
	r := api.Registry{Host: spec.Host, Kind: "catalogue", Source: "90-davit.conf", Own: true, Search: !spec.Blocked, Insecure: spec.Insecure, Blocked: spec.Blocked, Mirrors: orEmpty(spec.Mirrors)}
	f.registries = slices.DeleteFunc(f.registries, func(x api.Registry) bool { return x.Host == spec.Host })
	f.registries = append(f.registries, r)
	f.event("registry", "set", spec.Host, spec.Host)
	return nil
}

// RemoveRegistry implements api.Service.
func (f *Fake) RemoveRegistry(ctx context.Context, host string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	i := slices.IndexFunc(f.registries, func(x api.Registry) bool { return x.Host == host })
	switch {
	case i < 0:
		return api.Errorf(api.KindNotFound, "there is no registry %s", host).WithRef(host)
	case f.registries[i].Source != "90-davit.conf":
		return api.Errorf(api.KindConflict, "%s is named in %s, which is not Davit's", host, f.registries[i].Source).WithRef(host)
	}
	f.registries = slices.Delete(f.registries, i, i+1)
	f.event("registry", "remove", host, host)
	return nil
}

// PauseOperation implements api.Service.
func (f *Fake) PauseOperation(ctx context.Context, id string) error { return f.hold(ctx, id, true) }

// ResumeOperation implements api.Service.
func (f *Fake) ResumeOperation(ctx context.Context, id string) error { return f.hold(ctx, id, false) }

func (f *Fake) hold(ctx context.Context, id string, still bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, err := f.findOperation(ctx, id)
	switch {
	case err != nil:
		return err
	case o.State.Ended():
		return api.Errorf(api.KindConflict, "%s is over", o.Title).WithRef(id)
	case o.Kind != "pull":
		return api.Errorf(api.KindInvalid, "only a pull can be paused").WithRef(id)
	}
	f.queue = slices.DeleteFunc(f.queue, func(x *operation) bool { return x == o })
	if o.State, o.Place = api.OperationRunning, 0; still {
		o.State = api.OperationPaused
	}
	f.places()
	return nil
}
