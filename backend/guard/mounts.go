package guard

import (
	"context"
	"fmt"
	"os"
	"path"

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

// openSubpaths has mounts of a part of something show what that part is now. A
// container that writes there could put a link in its place: it is looked up
// inside, and held by its descriptor until it is mounted.
func (c *container) openSubpaths(spec *specs.Spec) (held []*os.File, err error) {
	for _, m := range c.rec.Mounts {
		if m.Subpath == "" {
			continue
		}
		f, err := openInside(c.source(m), m.Subpath)
		if err != nil {
			return held, api.Errorf(api.KindStart, "%s of what is to be mounted at %s: %w", m.Subpath, m.Target, err).
				WithHint("Make it first.").WithExit(125)
		}
		held = append(held, f)
		for i, s := range spec.Mounts {
			if s.Destination == m.Target {
				spec.Mounts[i].Source = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())
			}
		}
	}
	return held, nil
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
		if st.Uid == u.UID && st.Gid == u.GID {
			continue
		}
		err := tree.Chown(context.Background(), dir, func(int, int) (int, int) { return int(u.UID), int(u.GID) })
		if err != nil {
			return api.Errorf(api.KindStart, "%s cannot be given to the container's user: %w", dir, err).WithExit(125).
				WithHint("Files that belong to others on this computer cannot be given away; leave U out.")
		}
	}
	return nil
}
