package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/tree"
)

// source is the directory that a mount shows; "" for one that has none.
func (c *container) source(m api.Mount) string {
	switch m.Type {
	case api.MountBind:
		return m.Source
	case api.MountVolume:
		return c.g.Dirs.Volume(m.Source).Data()
	}
	return ""
}

// showSubpaths has mounts of a part of something show what that part is now. A
// container that writes there could put a link in its place: it is looked up
// inside and bound, by its descriptor, to a place that only we write to, in
// the mount namespace that the container's is a copy of. done takes that back.
func (c *container) showSubpaths(spec *specs.Spec) (done func(), err error) {
	var bound []string
	done = func() {
		for _, at := range bound {
			if err := errors.Join(unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW), os.Remove(at)); err != nil {
				c.log.Warn("subpath", "err", err)
			}
		}
	}
	for i, m := range c.rec.Mounts {
		if m.Subpath == "" {
			continue
		}
		at := filepath.Join(string(c.dir), "part-"+strconv.Itoa(i))
		if err := bindInside(c.source(m), m.Subpath, at); err != nil {
			return done, api.Errorf(api.KindStart, "%s of what is to be mounted at %s: %w", m.Subpath, m.Target, err).
				WithHint("Make it first.").WithExit(125)
		}
		bound = append(bound, at)
		for k, s := range spec.Mounts {
			if s.Destination == m.Target {
				spec.Mounts[k].Source = at
			}
		}
	}
	return done, nil
}

// bindInside binds what is at sub below dir to the place at, which it makes.
func bindInside(dir, sub, at string) error {
	f, err := openInside(dir, sub)
	if err != nil {
		return err
	}
	defer closeFiles(f)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// One may be there, left by a guard that was killed.
	_ = unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	_ = os.Remove(at)
	if info.IsDir() {
		err = os.Mkdir(at, 0o700)
	} else {
		err = os.WriteFile(at, nil, 0o600)
	}
	if err != nil {
		return err
	}
	return os.NewSyscallError("mount", unix.Mount(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), at, "", unix.MS_BIND|unix.MS_REC, ""))
}

// openInside opens a path below dir, and nothing that a link there leads to
// outside of it.
func openInside(dir, sub string) (*os.File, error) {
	at, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(at) }()
	fd, err := unix.Openat2(at, path.Clean(sub), &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), sub), nil
}

// giveMounts gives what is mounted with U to the container's user. What has
// that owner at its top is taken to have it below: it would take long.
func (c *container) giveMounts(u specs.User) error {
	for _, m := range c.rec.Mounts {
		dir := c.source(m)
		if !m.Chown || dir == "" {
			continue
		}
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		uid, gid := c.rec.IDs.Owner(int(u.UID), int(u.GID))
		if int(st.Uid) == uid && int(st.Gid) == gid {
			continue
		}
		err := tree.Chown(context.Background(), dir, func(int, int) (int, int) { return uid, gid })
		if err != nil {
			return api.Errorf(api.KindStart, "%s cannot be given to the container's user: %w", dir, err).WithExit(125).
				WithHint("Files that belong to others on this computer cannot be given away; leave U out.")
		}
	}
	return nil
}
