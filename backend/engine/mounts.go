package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/selinux/go-selinux/label"

	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/tree"
)

// withDeclared adds the volumes that an image declares, without names, where
// nothing else is asked for.
func withDeclared(mounts []api.Mount, declared []string) []api.Mount {
	asked := map[string]bool{"/": true}
	for _, m := range mounts {
		asked[path.Clean(m.Target)] = true
	}
	for _, target := range declared {
		if target = path.Join("/", target); !asked[target] {
			asked[target] = true
			mounts = append(mounts, api.Mount{Type: api.MountVolume, Target: target})
		}
	}
	return mounts
}

// provideMounts makes what a container's mounts need and is not there:
// directories that -v names, volumes. An empty volume gets what the image has
// at its place, as docker does.
func (e *Engine) provideMounts(ctx context.Context, rec *store.Record) error {
	for i, m := range rec.Mounts {
		var err error
		switch {
		case m.Type == api.MountBind && m.Create:
			err = makeSource(m.Source)
		case m.Type == api.MountVolume:
			rec.Mounts[i].Source, err = e.provideVolume(ctx, *rec, m)
		}
		if err != nil {
			return fmt.Errorf("what is to be mounted at %s: %w", m.Target, err)
		}
	}
	return nil
}

// makeSource makes a directory where nothing is.
func makeSource(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.MkdirAll(path, 0o755)
}

// provideVolume gives the name of a mount's volume, which is there then.
func (e *Engine) provideVolume(ctx context.Context, rec store.Record, m api.Mount) (string, error) {
	fill := func(data string) error { return e.fill(ctx, data, rec, m) }
	if m.NoCopy {
		fill = nil
	}
	v := store.Volume{Name: m.Source, Created: time.Now().UTC(), Labels: map[string]string{}}
	if v.Name == "" {
		v.Name, v.Anonymous = newID(), true
	}
	made, err := store.MakeVolume(e.dirs, v, fill)
	if err != nil || made {
		if made {
			e.news.tell("volume", "create", v.Name, v.Name)
		}
		return v.Name, err
	}
	if m.NoCopy {
		return v.Name, nil
	}
	return v.Name, e.fillEmpty(ctx, v.Name, fill)
}

// fill copies what an image has at a mount's target.
func (e *Engine) fill(ctx context.Context, data string, rec store.Record, m api.Mount) error {
	if m.Subpath != "" {
		return nil
	}
	layers := make([]string, len(rec.Layers))
	for i, l := range rec.Layers {
		layers[i] = filepath.Join(e.dirs.Layers(), l)
	}
	o := tree.Options{}
	if !rec.IDs.None() {
		uid, gid := rec.IDs.Root()
		if err := os.Lchown(data, uid, gid); err != nil {
			return err
		}
		o.Owner = rec.IDs.Owner
	}
	return tree.Fill(ctx, data, layers, m.Target, o)
}

// fillEmpty fills a volume that is there and has nothing in it. Nobody runs in
// a volume for the first time meanwhile: it is locked, and it is empty.
func (e *Engine) fillEmpty(ctx context.Context, name string, fill func(string) error) error {
	lock, err := store.LockVolume(ctx, e.dirs, name)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	data := e.dirs.Volume(name).Data()
	if empty, err := tree.IsEmpty(data); err != nil || !empty {
		return err
	}
	return fill(data)
}

// volumesThere makes sure that no volume of a container was removed between
// its making and the lock on names, which who removes one holds.
func (e *Engine) volumesThere(rec *store.Record) error {
	for i, m := range rec.Mounts {
		if m.Type != api.MountVolume {
			continue
		}
		if _, err := os.Lstat(e.dirs.Volume(m.Source).Data()); err != nil {
			return api.AsError(errors.Join(store.NoVolume(m.Source))).WithField("mounts[%d].source", i).
				WithHint("It was removed a moment ago; try again.")
		}
	}
	return nil
}

// relabel gives what is mounted with z or Z the container's SELinux label.
func relabel(mounts []api.Mount, config *specs.Spec) error {
	if config.Linux.MountLabel == "" {
		return nil
	}
	for _, m := range mounts {
		if m.Relabel == "" || m.Type == api.MountTmpfs {
			continue
		}
		for _, c := range config.Mounts {
			if c.Destination != m.Target {
				continue
			}
			if err := label.Relabel(c.Source, config.Linux.MountLabel, m.Relabel == "z"); err != nil {
				return invalid(m.Source, "%s cannot be given the label of the container: %w", m.Source, err)
			}
		}
	}
	return nil
}
