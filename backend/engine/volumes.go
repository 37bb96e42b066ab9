package engine

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/image/unpack"
	"davit/backend/image/view"
	"davit/backend/runspec"
	"davit/backend/store"
	"davit/backend/tree"
)

// Volumes implements api.Service.
func (e *Engine) Volumes(ctx context.Context, f api.VolumeFilter) ([]api.Volume, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	all, err := e.volumes(ctx, f)
	return list(all), explain(err)
}

func (e *Engine) volumes(ctx context.Context, f api.VolumeFilter) ([]api.Volume, error) {
	found, err := store.ListVolumes(e.dirs)
	if err != nil {
		return nil, err
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return nil, err
	}
	var all []api.Volume
	for _, v := range found {
		row := e.volume(v, entries)
		fits, err := runspec.VolumeFits(row, f.Filters)
		if err != nil {
			return nil, err
		}
		if !fits {
			continue
		}
		if f.Sizes {
			e.measure(ctx, &row)
		}
		all = append(all, row)
	}
	if f.Filters != nil && len(found) == 0 { // a wrong filter is wrong without volumes, too
		_, err = runspec.VolumeFits(api.Volume{}, f.Filters)
	}
	return all, errors.Join(err, ctx.Err())
}

// volume is the row of a volume.
func (e *Engine) volume(v store.Volume, entries []store.Entry) api.Volume {
	row := api.Volume{
		Name: v.Name, Driver: "local", Created: v.Created, Labels: map[string]string{}, Anonymous: v.Anonymous,
		Mountpoint: e.dirs.Volume(v.Name).Data(), UsedBy: []api.VolumeUse{},
	}
	maps.Copy(row.Labels, v.Labels)
	for _, c := range entries {
		for _, m := range c.Record.Mounts {
			if m.Type == api.MountVolume && m.Source == v.Name {
				row.UsedBy = append(row.UsedBy, api.VolumeUse{
					ID: c.Record.ID, Name: c.Record.Name, Running: c.State.Active(), Target: m.Target, ReadOnly: m.ReadOnly,
				})
			}
		}
	}
	return row
}

// measure adds up a volume's files; what cannot be read does not count.
func (e *Engine) measure(ctx context.Context, v *api.Volume) {
	files, bytes, err := tree.Size(ctx, v.Mountpoint)
	if err != nil && ctx.Err() == nil {
		e.log.Warn("size of a volume", "volume", v.Name, "err", err)
	}
	v.Files, v.Size = &files, &bytes
}

// Volume implements api.Service.
func (e *Engine) Volume(ctx context.Context, ref string) (api.Volume, error) {
	v, err := e.oneVolume(ctx, ref)
	return v, explain(err)
}

func (e *Engine) oneVolume(ctx context.Context, ref string) (api.Volume, error) {
	if err := ctx.Err(); err != nil {
		return api.Volume{}, err
	}
	v, err := store.ReadVolume(e.dirs, ref)
	if err != nil {
		return api.Volume{}, err
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return api.Volume{}, err
	}
	row := e.volume(v, entries)
	e.measure(ctx, &row)
	return row, ctx.Err()
}

// CreateVolume implements api.Service.
func (e *Engine) CreateVolume(ctx context.Context, spec api.VolumeSpec) (api.Volume, error) {
	if err := ctx.Err(); err != nil {
		return api.Volume{}, explain(err)
	}
	e.sweep()
	name, _, err := e.makeVolume(spec, nil)
	if err != nil {
		return api.Volume{}, explain(err)
	}
	return e.Volume(ctx, name)
}

func (e *Engine) makeVolume(spec api.VolumeSpec, fill func(string) error) (name string, made bool, err error) {
	v := store.Volume{Name: spec.Name, Created: time.Now().UTC(), Labels: map[string]string{}}
	maps.Copy(v.Labels, spec.Labels)
	for key := range v.Labels {
		if key == "" {
			return "", false, invalid(key, "%q cannot be the key of a label", key)
		}
	}
	if v.Name == "" {
		v.Name, v.Anonymous = newID(), true
	}
	made, err = store.MakeVolume(e.dirs, v, fill)
	if made {
		e.news.tell("volume", "create", v.Name, v.Name)
	}
	return v.Name, made, err
}

// RemoveVolume implements api.Service.
func (e *Engine) RemoveVolume(ctx context.Context, ref string, o api.RemoveOptions) error {
	err := e.removeVolume(ctx, ref)
	if o.Force && api.KindOf(err) == api.KindNotFound {
		return nil
	}
	return explain(err)
}

func (e *Engine) removeVolume(ctx context.Context, ref string) error {
	lock, err := store.LockFile(ctx, e.dirs.NamesLock())
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	// A damaged record is no reason to keep a volume that is to go.
	if _, err := store.ReadVolume(e.dirs, ref); err != nil && api.KindOf(err) != api.KindCorrupt {
		return err
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return err
	}
	if used := e.volume(store.Volume{Name: ref}, entries).UsedBy; len(used) > 0 {
		return inUse(ref, used[0])
	}
	if err := store.RemoveVolume(e.dirs, ref); err != nil {
		return err
	}
	e.news.tell("volume", "destroy", ref, ref)
	return nil
}

func inUse(volume string, by api.VolumeUse) error {
	return api.Errorf(api.KindConflict, "the volume %s is used by container %s", volume, by.Name).WithRef(volume).
		WithHint("Remove that container first: davit rm %s", by.Name)
}

// PruneVolumes implements api.Service.
func (e *Engine) PruneVolumes(ctx context.Context, spec api.VolumePrune) (api.PrunedVolumes, error) {
	p := api.PrunedVolumes{Volumes: []api.PrunedVolume{}}
	if err := ctx.Err(); err != nil {
		return p, explain(err)
	}
	all, err := e.volumes(ctx, api.VolumeFilter{Filters: spec.Filters})
	if err != nil {
		return p, explain(err)
	}
	for _, v := range all {
		if len(v.UsedBy) > 0 || !spec.All && !v.Anonymous {
			continue
		}
		e.measure(ctx, &v)
		if !spec.DryRun {
			err := e.removeVolume(ctx, v.Name)
			if k := api.KindOf(err); k == api.KindConflict || k == api.KindNotFound { // used, or gone, since
				continue
			}
			if err != nil {
				return p, explain(err)
			}
		}
		p.Volumes, p.Freed = append(p.Volumes, api.PrunedVolume{Name: v.Name, Size: *v.Size}), p.Freed+*v.Size
	}
	return p, explain(ctx.Err())
}

// CloneVolume implements api.Service.
func (e *Engine) CloneVolume(ctx context.Context, ref string, spec api.VolumeSpec) (api.Volume, error) {
	from, err := store.ReadVolume(e.dirs, ref)
	if err != nil {
		return api.Volume{}, explain(err)
	}
	if spec.Labels == nil {
		spec.Labels = from.Labels
	}
	name, made, err := e.makeVolume(spec, func(data string) error {
		_, err := tree.Copy(ctx, e.dirs.Volume(ref).Data(), data, tree.Options{})
		return err
	})
	if err == nil && !made {
		err = api.Errorf(api.KindConflict, "the volume %s is there already", name).WithRef(name).WithHint("Choose another name.")
	}
	if err != nil {
		return api.Volume{}, explain(err)
	}
	return e.Volume(ctx, name)
}

// EmptyVolume implements api.Service.
func (e *Engine) EmptyVolume(ctx context.Context, ref string) (api.Volume, error) {
	err := e.changeVolume(ctx, ref, func(v api.Volume) error {
		for _, u := range v.UsedBy {
			if u.Running {
				return api.Errorf(api.KindConflict, "the volume %s is used by container %s, which runs", ref, u.Name).WithRef(ref).
					WithHint("Stop it first: davit stop %s", u.Name)
			}
		}
		return tree.Empty(v.Mountpoint)
	})
	if err != nil {
		return api.Volume{}, explain(err)
	}
	e.news.tell("volume", "empty", ref, ref)
	return e.Volume(ctx, ref)
}

// changeVolume changes what is in a volume, which is locked meanwhile.
func (e *Engine) changeVolume(ctx context.Context, ref string, do func(api.Volume) error) error {
	v, err := e.oneVolume(ctx, ref)
	if err != nil {
		return err
	}
	lock, err := store.LockVolume(ctx, e.dirs, ref)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	return do(v)
}

// ExportVolume implements api.Service. It reads what containers may change
// meanwhile.
func (e *Engine) ExportVolume(ctx context.Context, ref string, w io.Writer) error {
	if _, err := store.ReadVolume(e.dirs, ref); err != nil {
		return explain(err)
	}
	t, err := view.Open([]string{e.dirs.Volume(ref).Data()})
	if err != nil {
		return explain(err)
	}
	defer t.Close()
	b := bufio.NewWriterSize(w, 256<<10)
	if err := t.Export(ctx, b); err != nil {
		return explain(err)
	}
	return explain(b.Flush())
}

// ImportVolume implements api.Service. The archive is unpacked beside the
// volume first: one that is damaged changes nothing.
func (e *Engine) ImportVolume(ctx context.Context, ref string, r io.Reader) (api.Volume, error) {
	err := e.changeVolume(ctx, ref, func(v api.Volume) error {
		tmp, done, err := store.Scratch(e.dirs)
		if err != nil {
			return err
		}
		defer func() { _ = done() }() // what stays is swept
		got := filepath.Join(tmp, "data")
		if err := os.Mkdir(got, 0o755); err != nil {
			return err
		}
		ids, err := unpack.ReadIDs()
		if err != nil {
			return err
		}
		if _, err := unpack.Layer(ctx, r, got, unpack.Options{IDs: ids}); err != nil {
			return notTar(ref, err)
		}
		return e.adopt(ctx, got, v.Mountpoint)
	})
	if err != nil {
		return api.Volume{}, explain(err)
	}
	e.news.tell("volume", "import", ref, ref)
	return e.Volume(ctx, ref)
}

// notTar tells a damaged archive from the machine's faults.
func notTar(ref string, err error) error {
	if k := api.KindOf(err); k != api.KindCorrupt && k != api.KindInternal || errors.As(err, new(unix.Errno)) {
		return err
	}
	return api.Errorf(api.KindCorrupt, "this is not a whole tar archive: %w", err).WithRef(ref).
		WithHint("A tar is wanted, plain or compressed by gzip or zstd; the volume is as it was.")
}

// adopt puts what was unpacked into a volume; the volume's own directory keeps
// owner and mode where the archive does not tell them.
func (e *Engine) adopt(ctx context.Context, from, to string) error {
	info, err := os.Stat(to)
	if err != nil {
		return err
	}
	if err := os.Chmod(from, info.Mode()); err != nil {
		return err
	}
	if st, ok := infoStat(info, nil); ok {
		if err := os.Lchown(from, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	_, err = tree.Copy(ctx, from, to, tree.Options{})
	return err
}
