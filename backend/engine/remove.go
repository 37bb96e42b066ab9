package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/store"
)

// Remove implements api.Service.
func (e *Engine) Remove(ctx context.Context, ref string, o api.RemoveOptions) error {
	entry, err := e.find(ctx, ref)
	if err != nil {
		return explain(err)
	}
	return explain(e.remove(ctx, entry, o))
}

func (e *Engine) remove(ctx context.Context, entry store.Entry, o api.RemoveOptions) error {
	id, name := entry.Record.ID, entry.Record.Name
	if entry.State.Active() {
		if !o.Force {
			return api.Errorf(api.KindConflict, "container %s is %s", name, entry.State.State).WithRef(name).
				WithHint("Stop it first, or remove it by force: davit rm -f %s", name)
		}
		if err := e.kill(ctx, id); err != nil {
			return err
		}
	}
	release := e.release
	if entry.Err != nil {
		release = e.releaseBroken
	}
	if err := release(ctx, id, o); err != nil {
		return err
	}
	e.sweep()
	removed, err := store.RemoveContainer(e.dirs, id)
	if removed { // else its guard did, or another command
		e.note("destroy", entry.Record)
	}
	if err == nil {
		if before := entry.Record.Replaces; before != "" {
			e.forgetKept(ctx, before)
		}
		if o.Volumes || entry.Record.AutoRemove {
			err = store.RemoveAnonymous(ctx, e.dirs, entry.Record)
		}
	}
	e.news.look(id)
	return err
}

// kill returns when the container does not run; with its directory, if it is
// removed when it ends.
func (e *Engine) kill(ctx context.Context, id string) error {
	err := e.guard.Stop(ctx, id, api.StopOptions{Timeout: new(int)})
	if api.KindOf(err) == api.KindNotFound {
		return nil
	}
	return err
}

// release has the guard let go of a container. It knows none that was never
// started nor looked into, and need not be woken for it.
func (e *Engine) release(ctx context.Context, id string, o api.RemoveOptions) error {
	dir := e.dirs.Container(id)
	if _, err := os.Lstat(dir.State()); errors.Is(err, fs.ErrNotExist) && !mounted(dir) {
		return nil
	}
	err := e.guard.Release(ctx, id)
	if api.KindOf(err) == api.KindConflict && o.Force { // started, or not recorded as running, since we looked
		if err = e.kill(ctx, id); err == nil {
			err = e.guard.Release(ctx, id)
		}
	}
	if api.KindOf(err) == api.KindNotFound {
		return nil
	}
	return err
}

// mounted tells that a container's file system is there, though it may never
// have run: it stays a moment longer than somebody looks into it.
func mounted(dir store.ContainerDir) bool {
	var here, rootfs unix.Stat_t
	return unix.Lstat(string(dir), &here) == nil && unix.Lstat(dir.Rootfs(), &rootfs) == nil && here.Dev != rootfs.Dev
}

// releaseBroken does so for a container whose files cannot be read, by a guard
// that started it before, perhaps, or by none.
func (e *Engine) releaseBroken(ctx context.Context, id string, o api.RemoveOptions) error {
	err := e.guard.Release(ctx, id)
	if api.KindOf(err) == api.KindConflict { // it runs
		if !o.Force {
			return err
		}
		if err := e.kill(ctx, id); err != nil {
			return err
		}
		err = e.guard.Release(ctx, id)
	}
	if err == nil {
		return nil
	}
	e.log.Info("unmount a broken container", "container", id, "guard", err)
	err = unix.Unmount(e.dirs.Container(id).Rootfs(), unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EPERM) {
		return nil // EINVAL: nothing is mounted there, EPERM: nothing of ours can be
	}
	return fmt.Errorf("unmount the container: %w", err)
}
