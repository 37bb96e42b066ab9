package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"davit/backend/api"
	"davit/backend/files"
	"davit/backend/guard"
	"davit/backend/store"
	"davit/backend/tree"
)

// Snapshots implements api.Service.
func (e *Engine) Snapshots(ctx context.Context, ref string) ([]api.Snapshot, error) {
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return nil, explain(err)
	}
	all, err := store.ListSnapshots(e.dirs.Container(entry.Record.ID))
	out := []api.Snapshot{}
	for _, s := range all {
		out = append(out, s.Snapshot)
	}
	return out, explain(err)
}

// TakeSnapshot implements api.Service.
func (e *Engine) TakeSnapshot(ctx context.Context, spec api.SnapshotSpec) (api.Snapshot, error) {
	entry, lock, err := e.alone(ctx, spec.Ref)
	if err != nil {
		return api.Snapshot{}, explain(err)
	}
	defer func() { _ = lock.Unlock() }()
	if entry.State.State == api.StateRunning {
		if err := e.guard.Pause(ctx, entry.Record.ID); err != nil {
			return api.Snapshot{}, explain(fmt.Errorf("hold %s while its files are copied: %w", entry.Record.Name, err))
		}
		defer func() {
			if err := e.guard.Unpause(context.WithoutCancel(ctx), entry.Record.ID); err != nil {
				e.log.Warn("unpause after a snapshot", "container", entry.Record.ID, "err", err)
			}
		}()
	}
	dir := e.dirs.Container(entry.Record.ID)
	s, err := e.keepLayer(entry.Record, spec.Name, func(layer string) (tree.Copied, error) {
		if err := os.Mkdir(layer, 0o755); err != nil {
			return tree.Copied{}, err
		}
		return tree.Copy(ctx, dir.Upper(), layer, tree.Options{Overlay: true})
	})
	if err != nil {
		return api.Snapshot{}, explain(err)
	}
	e.note("snapshot", entry.Record)
	return s, nil
}

// alone finds a container and locks it against edits and other snapshots.
func (e *Engine) alone(ctx context.Context, ref string) (store.Entry, *store.Lock, error) {
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return entry, nil, err
	}
	lock, err := store.AwaitDir(ctx, string(e.dirs.Container(entry.Record.ID)))
	if err != nil {
		return entry, nil, err
	}
	if entry, err = e.sound(ctx, entry.Record.ID); err != nil {
		_ = lock.Unlock()
	}
	return entry, lock, err
}

// keepLayer makes a snapshot; fill puts the layer where it is told. It appears
// whole, by one rename.
func (e *Engine) keepLayer(rec store.Record, name string, fill func(layer string) (tree.Copied, error)) (api.Snapshot, error) {
	now := time.Now().UTC()
	s := store.Snapshot{Layers: rec.Layers, IDs: rec.IDs}
	s.ID, s.Created, s.Name = snapshotID(), now, cmp.Or(name, now.Local().Format("2006-01-02 15:04:05"))
	dir := e.dirs.Container(rec.ID)
	if err := os.MkdirAll(dir.Snapshots(), 0o700); err != nil {
		return api.Snapshot{}, err
	}
	making := store.SnapshotDir(filepath.Join(dir.Snapshots(), ".new-"+s.ID))
	if err := os.Mkdir(string(making), 0o700); err != nil {
		return api.Snapshot{}, err
	}
	got, err := fill(making.Layer())
	if err == nil {
		s.Files, s.Size, s.Shared = got.Files, got.Bytes, got.Shared
		err = store.WriteJSON(making.Record(), s)
	}
	if err == nil {
		err = os.Rename(string(making), string(dir.Snapshot(s.ID)))
	}
	if err != nil {
		return api.Snapshot{}, errors.Join(err, os.RemoveAll(string(making)))
	}
	return s.Snapshot, store.SyncDir(dir.Snapshots())
}

func snapshotID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	return hex.EncodeToString(b[:])
}

// snapshot finds one by id or name.
func (e *Engine) snapshot(rec store.Record, ref string) (store.Snapshot, error) {
	all, err := store.ListSnapshots(e.dirs.Container(rec.ID))
	if err != nil {
		return store.Snapshot{}, err
	}
	i := slices.IndexFunc(all, func(s store.Snapshot) bool { return s.ID == ref || s.Name == ref })
	if i < 0 {
		return store.Snapshot{}, api.Errorf(api.KindNotFound, "container %s has no snapshot %q", rec.Name, ref).WithRef(ref)
	}
	return all[i], nil
}

// RestoreSnapshot implements api.Service.
func (e *Engine) RestoreSnapshot(ctx context.Context, ref, snapshot string) (api.Snapshot, error) {
	before, err := e.restoreSnapshot(ctx, ref, snapshot)
	return before, explain(err)
}

func (e *Engine) restoreSnapshot(ctx context.Context, ref, snapshot string) (api.Snapshot, error) {
	entry, lock, err := e.alone(ctx, ref)
	if err != nil {
		return api.Snapshot{}, err
	}
	defer func() { _ = lock.Unlock() }()
	rec := entry.Record
	s, err := e.snapshot(rec, snapshot)
	switch {
	case err != nil:
		return api.Snapshot{}, err
	case !slices.Equal(s.Layers, rec.Layers):
		return api.Snapshot{}, api.Errorf(api.KindConflict, "the snapshot %s is of another image than %s has now", s.Name, rec.Name).WithRef(snapshot).
			WithHint("Edit the container to have that image first.")
	case rec.AutoRemove && entry.State.Active():
		return api.Snapshot{}, api.Errorf(api.KindConflict, "container %s is removed when it stops, so nothing can be restored in it", rec.Name).WithRef(rec.Name)
	}
	next, err := e.copyOf(ctx, rec, s)
	if err != nil {
		return api.Snapshot{}, err
	}
	defer func() { _ = os.RemoveAll(next) }() // nothing is there any more where all went well
	ran := entry.State.Active()
	if ran {
		if err := e.stop(ctx, entry, api.StopOptions{}); err != nil {
			return api.Snapshot{}, err
		}
	}
	before, err := e.swapLayer(ctx, rec, next, "before "+s.Name+" was restored")
	if err := errors.Join(err, e.goOn(ctx, rec.ID, ran)); err != nil {
		return before, err
	}
	e.note("restore", rec)
	e.news.look(rec.ID)
	return before, nil
}

// copyOf copies a snapshot's layer beside the container's.
func (e *Engine) copyOf(ctx context.Context, rec store.Record, s store.Snapshot) (string, error) {
	dir := e.dirs.Container(rec.ID)
	next := dir.Upper() + ".next"
	if err := os.RemoveAll(next); err != nil { // left by one that was killed
		return "", err
	}
	if err := os.Mkdir(next, 0o755); err != nil {
		return "", err
	}
	_, err := tree.Copy(ctx, dir.Snapshot(s.ID).Layer(), next, tree.Options{Overlay: true, Owner: exchangeIDs(s.IDs, rec.IDs)})
	if err != nil {
		return "", errors.Join(fmt.Errorf("restore %s: %w", s.Name, err), os.RemoveAll(next))
	}
	return next, nil
}

// swapLayer puts a layer in the place of the container's, which becomes a
// snapshot by being moved.
func (e *Engine) swapLayer(ctx context.Context, rec store.Record, next, name string) (api.Snapshot, error) {
	dir := e.dirs.Container(rec.ID)
	if err := e.release(ctx, rec.ID, api.RemoveOptions{}); err != nil {
		return api.Snapshot{}, err
	}
	before, err := e.keepLayer(rec, name, func(layer string) (tree.Copied, error) {
		files, bytes, err := tree.Size(ctx, dir.Upper())
		if err != nil {
			return tree.Copied{}, err
		}
		return tree.Copied{Files: files, Bytes: bytes}, os.Rename(dir.Upper(), layer)
	})
	if err != nil {
		return before, err
	}
	// overlayfs wants a work directory that belongs to this layer alone.
	return before, errors.Join(os.Rename(next, dir.Upper()), os.RemoveAll(dir.Work()), os.Mkdir(dir.Work(), 0o700))
}

// snapshotTree is what a container's file system was as a snapshot was taken.
func (e *Engine) snapshotTree(ctx context.Context, at api.FilePath) (*files.Root, *layered, error) {
	entry, err := e.sound(ctx, at.Container)
	if err != nil {
		return nil, nil, err
	}
	rec := entry.Record
	s, err := e.snapshot(rec, at.Snapshot)
	if err != nil {
		return nil, nil, err
	}
	layer := e.dirs.Container(rec.ID).Snapshot(s.ID).Layer()
	root, err := files.OpenApart(layer, func() error { return guard.MountSnapshot(ctx, e.dirs, rec, s, layer) })
	if err != nil {
		return nil, nil, fmt.Errorf("files of the snapshot %s: %w", s.Name, err)
	}
	root.Own(s.IDs)
	rec.Layers, rec.IDs = s.Layers, s.IDs
	return root, &layered{layer, rec}, nil
}

// RemoveSnapshot implements api.Service.
func (e *Engine) RemoveSnapshot(ctx context.Context, ref, snapshot string) error {
	entry, lock, err := e.alone(ctx, ref)
	if err != nil {
		return explain(err)
	}
	defer func() { _ = lock.Unlock() }()
	s, err := e.snapshot(entry.Record, snapshot)
	if err != nil {
		return explain(err)
	}
	return explain(store.RemoveSnapshot(e.dirs.Container(entry.Record.ID), s.ID))
}
