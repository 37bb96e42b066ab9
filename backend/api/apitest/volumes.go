package apitest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"davit/backend/api"
	"davit/backend/runspec"
)

// volume is one of the fake's; its files are a map.
type volume struct {
	api.Volume
	files map[string][]byte
}

func (f *Fake) volume(ref string) (*volume, error) {
	if v, ok := f.volumes[ref]; ok {
		return v, nil
	}
	return nil, api.Errorf(api.KindNotFound, "there is no volume %q", ref).WithRef(ref).WithHint("davit volume ls lists them all.")
}

// addVolume makes a volume; f.mu is held.
func (f *Fake) addVolume(spec api.VolumeSpec) (*volume, error) {
	if spec.Name != "" && !runspec.ValidName(spec.Name) {
		return nil, api.Errorf(api.KindInvalid, "%q cannot be the name of a volume", spec.Name).WithRef(spec.Name)
	}
	if v, ok := f.volumes[spec.Name]; ok {
		return v, nil
	}
	v := &volume{files: map[string][]byte{}}
	v.Name, v.Anonymous = spec.Name, spec.Name == ""
	if v.Anonymous {
		v.Name = f.hex(64)
	}
	v.Driver, v.Created, v.Labels = "local", f.now(), map[string]string{}
	maps.Copy(v.Labels, spec.Labels)
	v.Mountpoint = "/home/ada/.local/share/davit/volumes/" + v.Name + "/data"
	f.volumes[v.Name] = v
	f.event("volume", "create", v.Name, v.Name)
	return v, nil
}

// shown is a copy for the caller; f.mu is held.
func (f *Fake) shown(v *volume, sizes bool) api.Volume {
	out := v.Volume
	out.Labels, out.UsedBy = maps.Clone(v.Labels), []api.VolumeUse{}
	for _, b := range f.boxes {
		for _, m := range b.detail.Mounts {
			if m.Type == api.MountVolume && m.Source == v.Name {
				out.UsedBy = append(out.UsedBy, api.VolumeUse{
					ID: b.detail.ID, Name: b.detail.Name, Running: b.running(), Target: m.Target, ReadOnly: m.ReadOnly,
				})
			}
		}
	}
	if sizes {
		size, files := int64(0), len(v.files)
		for _, c := range v.files {
			size += int64(len(c))
		}
		out.Size, out.Files = &size, &files
	}
	return out
}

// Volumes implements api.Service.
func (f *Fake) Volumes(ctx context.Context, q api.VolumeFilter) ([]api.Volume, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	out := []api.Volume{}
	for _, name := range slices.Sorted(maps.Keys(f.volumes)) {
		v := f.shown(f.volumes[name], q.Sizes)
		ok, err := runspec.VolumeFits(v, q.Filters)
		if err != nil {
			return nil, failed(err)
		}
		if ok {
			out = append(out, v)
		}
	}
	return out, nil
}

// withVolume finds ref's volume and calls do with the lock held.
func (f *Fake) withVolume(ctx context.Context, ref string, do func(*volume) error) (out api.Volume, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return out, err
	}
	v, err := f.volume(ref)
	if err == nil {
		err = do(v)
	}
	if err != nil {
		return out, failed(err)
	}
	return f.shown(v, true), nil
}

// Volume implements api.Service.
func (f *Fake) Volume(ctx context.Context, ref string) (api.Volume, error) {
	return f.withVolume(ctx, ref, func(*volume) error { return nil })
}

// CreateVolume implements api.Service.
func (f *Fake) CreateVolume(ctx context.Context, spec api.VolumeSpec) (api.Volume, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Volume{}, err
	}
	v, err := f.addVolume(spec)
	if err != nil {
		return api.Volume{}, err
	}
	return f.shown(v, false), nil
}

// RemoveVolume implements api.Service.
func (f *Fake) RemoveVolume(ctx context.Context, ref string, o api.RemoveOptions) error {
	_, err := f.withVolume(ctx, ref, func(v *volume) error {
		if used := f.shown(v, false).UsedBy; len(used) > 0 {
			return inUse(v.Name, used)
		}
		delete(f.volumes, v.Name)
		f.event("volume", "destroy", v.Name, v.Name)
		return nil
	})
	if o.Force && api.KindOf(err) == api.KindNotFound {
		return nil
	}
	return err
}

func inUse(name string, used []api.VolumeUse) error {
	return api.Errorf(api.KindConflict, "the volume %s is used by container %s", name, used[0].Name).WithRef(name).
		WithHint("Remove that container first.")
}

// PruneVolumes implements api.Service.
func (f *Fake) PruneVolumes(ctx context.Context, spec api.VolumePrune) (api.PrunedVolumes, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := api.PrunedVolumes{Volumes: []api.PrunedVolume{}}
	if err := f.enter(ctx); err != nil {
		return p, err
	}
	for _, name := range slices.Sorted(maps.Keys(f.volumes)) {
		v := f.shown(f.volumes[name], true)
		ok, err := runspec.VolumeFits(v, spec.Filters)
		if err != nil {
			return p, failed(err)
		}
		if !ok || len(v.UsedBy) > 0 || !spec.All && !v.Anonymous {
			continue
		}
		p.Volumes, p.Freed = append(p.Volumes, api.PrunedVolume{Name: name, Size: *v.Size}), p.Freed+*v.Size
		if !spec.DryRun {
			delete(f.volumes, name)
			f.event("volume", "destroy", name, name)
		}
	}
	return p, nil
}

// CloneVolume implements api.Service.
func (f *Fake) CloneVolume(ctx context.Context, ref string, spec api.VolumeSpec) (out api.Volume, err error) {
	_, err = f.withVolume(ctx, ref, func(v *volume) error {
		if _, taken := f.volumes[spec.Name]; taken {
			return api.Errorf(api.KindConflict, "the volume %s is there already", spec.Name).WithRef(spec.Name)
		}
		c, err := f.addVolume(spec)
		if err != nil {
			return err
		}
		c.files = maps.Clone(v.files)
		out = f.shown(c, true)
		return nil
	})
	return out, err
}

// EmptyVolume implements api.Service.
func (f *Fake) EmptyVolume(ctx context.Context, ref string) (api.Volume, error) {
	return f.withVolume(ctx, ref, func(v *volume) error {
		for _, u := range f.shown(v, false).UsedBy {
			if u.Running {
				return inUse(v.Name, []api.VolumeUse{u})
			}
		}
		v.files = map[string][]byte{}
		f.event("volume", "empty", v.Name, v.Name)
		return nil
	})
}

// ExportVolume implements api.Service.
func (f *Fake) ExportVolume(ctx context.Context, ref string, w io.Writer) error {
	var b bytes.Buffer
	_, err := f.withVolume(ctx, ref, func(v *volume) error {
		t := tar.NewWriter(&b)
		for _, name := range slices.Sorted(maps.Keys(v.files)) {
			h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(v.files[name])), Typeflag: tar.TypeReg}
			if err := t.WriteHeader(h); err != nil {
				return err
			}
			if _, err := t.Write(v.files[name]); err != nil {
				return err
			}
		}
		return t.Close()
	})
	if err == nil {
		_, err = b.WriteTo(w)
	}
	return failed(err)
}

// ImportVolume implements api.Service; archives of the fake's are plain.
func (f *Fake) ImportVolume(ctx context.Context, ref string, r io.Reader) (api.Volume, error) {
	if err := f.open(ctx); err != nil {
		return api.Volume{}, err
	}
	content := map[string][]byte{}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return api.Volume{}, api.Errorf(api.KindCorrupt, "this is not a tar archive: %w", err).WithRef(ref)
		}
		if h.Typeflag == tar.TypeReg {
			if content[strings.TrimPrefix(h.Name, "./")], err = io.ReadAll(t); err != nil {
				return api.Volume{}, api.Errorf(api.KindCorrupt, "the archive is damaged: %w", err).WithRef(ref)
			}
		}
	}
	return f.withVolume(ctx, ref, func(v *volume) error {
		maps.Copy(v.files, content)
		f.event("volume", "import", v.Name, v.Name)
		return nil
	})
}

// secret is one of the fake's.
type secret struct {
	api.Secret
	value []byte
}

func (f *Fake) findSecret(ref string) (*secret, error) {
	for _, s := range f.secrets {
		if s.Name == ref || s.ID == ref {
			return s, nil
		}
	}
	return nil, api.Errorf(api.KindNotFound, "there is no secret %q", ref).WithRef(ref).WithHint("davit secret ls lists them all.")
}

func (f *Fake) shownSecret(s *secret) api.Secret {
	out := s.Secret
	out.Labels, out.UsedBy, out.Size = maps.Clone(s.Labels), []string{}, len(s.value)
	for _, b := range f.boxes {
		if slices.ContainsFunc(b.detail.Spec.Secrets, func(u api.SecretUse) bool { return u.Source == s.Name || u.Source == s.ID }) {
			out.UsedBy = append(out.UsedBy, b.detail.Name)
		}
	}
	return out
}

// Secrets implements api.Service.
func (f *Fake) Secrets(ctx context.Context) ([]api.Secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	out := []api.Secret{}
	for _, s := range f.secrets {
		out = append(out, f.shownSecret(s))
	}
	slices.SortFunc(out, func(a, b api.Secret) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Secret implements api.Service.
func (f *Fake) Secret(ctx context.Context, ref string) (api.Secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Secret{}, err
	}
	s, err := f.findSecret(ref)
	if err != nil {
		return api.Secret{}, err
	}
	return f.shownSecret(s), nil
}

// CreateSecret implements api.Service.
func (f *Fake) CreateSecret(ctx context.Context, spec api.SecretSpec, r io.Reader) (api.Secret, error) {
	if err := f.open(ctx); err != nil {
		return api.Secret{}, err
	}
	value, err := io.ReadAll(io.LimitReader(r, 512_001))
	if err != nil {
		return api.Secret{}, failed(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Secret{}, err
	}
	switch {
	case !runspec.ValidSecretName(spec.Name):
		return api.Secret{}, api.Errorf(api.KindInvalid, "%q cannot be the name of a secret", spec.Name).WithRef(spec.Name)
	case len(value) == 0 || len(value) > 512_000:
		return api.Secret{}, api.Errorf(api.KindInvalid, "a secret has from 1 to 512000 bytes").WithRef(spec.Name)
	}
	s, err := f.findSecret(spec.Name)
	switch {
	case err == nil && !spec.Replace:
		return api.Secret{}, api.Errorf(api.KindConflict, "the secret %s is there already", spec.Name).WithRef(spec.Name)
	case err != nil:
		s = &secret{Secret: api.Secret{ID: f.hex(25), Name: spec.Name, Created: f.now(), Labels: map[string]string{}}}
		f.secrets = append(f.secrets, s)
	}
	s.value, s.Updated = value, f.now()
	maps.Copy(s.Labels, spec.Labels)
	f.event("secret", "create", s.ID, s.Name)
	return f.shownSecret(s), nil
}

// RemoveSecret implements api.Service.
func (f *Fake) RemoveSecret(ctx context.Context, ref string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	s, err := f.findSecret(ref)
	if err != nil {
		return err
	}
	f.secrets = slices.DeleteFunc(f.secrets, func(o *secret) bool { return o == s })
	f.event("secret", "remove", s.ID, s.Name)
	return nil
}
