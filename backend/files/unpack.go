package files

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// Unpack puts what a tar has into a directory. Paths in it are the tree's:
// links that are there, or that the archive itself makes, lead nowhere else.
// Directories are merged with those that are there; a file replaces a file.
func (r *Root) Unpack(ctx context.Context, s api.ArchiveSpec, from io.Reader) (api.Unpacked, error) {
	u := &unpacker{root: r, spec: s, done: api.Unpacked{Skipped: []string{}}}
	fd, err := r.resolve(s.At.Path, unix.O_DIRECTORY)
	if err != nil {
		return u.done, err
	}
	u.base, err = r.real(fd)
	_ = unix.Close(fd)
	if err != nil {
		return u.done, err
	}
	t := tar.NewReader(&stoppable{ctx, from})
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return u.done, api.Errorf(api.KindCorrupt, "the archive cannot be read: %w", err)
		}
		if err := u.entry(h, t); err != nil {
			return u.done, err
		}
	}
	return u.done, u.times()
}

type unpacker struct {
	root *Root
	spec api.ArchiveSpec
	base string // where to, from the tree's root
	done api.Unpacked
	dirs []stamp // directories' times are set last: what is made in them changes them
}

type stamp struct {
	path string
	time time.Time
}

// maxSkipped bounds how many are named.
const maxSkipped = 100

func (u *unpacker) skip(name string) error {
	if len(u.done.Skipped) < maxSkipped {
		u.done.Skipped = append(u.done.Skipped, name)
	}
	return nil
}

// within is the path of a name in the archive; "" for the directory itself.
func (u *unpacker) within(name string) (string, error) {
	clean := path.Clean("/" + name)
	if slices.Contains(strings.Split(name, "/"), "..") || strings.ContainsRune(name, 0) {
		return "", api.Errorf(api.KindInvalid, "the archive has a path that leads out of it: %q", name)
	}
	if clean == "/" {
		return "", nil
	}
	return path.Join(u.base, clean), nil
}

func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	at, err := u.within(h.Name)
	if err != nil || at == "" {
		return err
	}
	dir, name, err := u.parent(at)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	switch h.Typeflag {
	case tar.TypeDir:
		err = u.directory(dir, name, at, h)
	case tar.TypeReg:
		err = u.file(dir, name, h, content)
	case tar.TypeSymlink:
		err = u.make(dir, name, func() error { return unix.Symlinkat(h.Linkname, dir, name) })
	case tar.TypeLink:
		err = u.link(dir, name, h)
	case tar.TypeFifo:
		err = u.make(dir, name, func() error { return unix.Mknodat(dir, name, unix.S_IFIFO|0o600, 0) })
	default: // devices cannot be made without root; the rest is no file
		return u.skip(h.Name)
	}
	if err != nil {
		return failed("unpack", at, err)
	}
	u.done.Files++
	if h.Typeflag == tar.TypeLink {
		return nil // it is another name of a file that has its owner and times
	}
	return u.finish(dir, name, at, h)
}

// parent gives the directory of a path. Those that the archive leaves out are made.
func (u *unpacker) parent(at string) (int, string, error) {
	dir, name, err := u.root.parent(at)
	if api.KindOf(err) != api.KindNotFound {
		return dir, name, err
	}
	missing := []string{}
	for p := path.Dir(at); p != u.base && p != "/"; p = path.Dir(p) {
		missing = append(missing, p)
	}
	for _, p := range slices.Backward(missing) {
		if _, err := u.root.MakeDir(p); err != nil && api.KindOf(err) != api.KindConflict {
			return -1, "", err
		}
	}
	return u.root.parent(at)
}

// makeRoom takes away what is in the way; a directory stays.
func makeRoom(dir int, name string) error {
	err := unix.Unlinkat(dir, name, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if errors.Is(err, unix.EISDIR) {
		return fmt.Errorf("a directory is in the way: %w", unix.EEXIST)
	}
	return err
}

func (u *unpacker) make(dir int, name string, make func() error) error {
	if err := makeRoom(dir, name); err != nil {
		return err
	}
	return make()
}

func (u *unpacker) directory(dir int, name, at string, h *tar.Header) error {
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case err == nil && !isDir(&st):
		// A link to a directory is one; anything else is in the way.
		if fd, err := u.root.resolve(at, unix.O_DIRECTORY); err == nil {
			_ = unix.Close(fd)
			return nil
		}
		return unix.ENOTDIR
	case errors.Is(err, unix.ENOENT):
		if err := unix.Mkdirat(dir, name, 0o700); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	u.dirs = append(u.dirs, stamp{at, h.ModTime})
	return nil
}

// file makes a new file in the place of the old. One over which something is
// mounted, as over the container's /etc/hosts, is written to instead.
func (u *unpacker) file(dir int, name string, h *tar.Header, content io.Reader) error {
	err := makeRoom(dir, name)
	flags := unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL
	if errors.Is(err, unix.EBUSY) {
		flags, err = unix.O_WRONLY|unix.O_TRUNC|unix.O_NONBLOCK, nil
	}
	if err != nil {
		return err
	}
	fd, err := unix.Openat(dir, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	n, err := io.Copy(f, content)
	u.done.Bytes += n
	for key, value := range h.PAXRecords {
		attr, ok := strings.CutPrefix(key, paxAttribute)
		if err == nil && ok && strings.HasPrefix(attr, userAttribute) && !strings.HasPrefix(attr, overlays) {
			_ = unix.Fsetxattr(fd, attr, []byte(value), 0) // not every file system has them
		}
	}
	return errors.Join(err, f.Close())
}

func (u *unpacker) link(dir int, name string, h *tar.Header) error {
	to, err := u.within(h.Linkname)
	if err != nil {
		return err
	}
	old, oldName, err := u.root.parent(to)
	if err != nil {
		return err
	}
	defer unix.Close(old)
	return u.make(dir, name, func() error { return unix.Linkat(old, oldName, dir, name, 0) })
}

// finish gives a file its owner, mode and time, on the descriptor of what was
// just made.
func (u *unpacker) finish(dir int, name, at string, h *tar.Header) error {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return failed("unpack", at, err)
	}
	defer unix.Close(fd)
	uid, gid := 0, 0
	if u.spec.Owner {
		uid, gid = h.Uid, h.Gid
	}
	perm := uint32(h.Mode) & 0o7777
	if err := u.root.change(fd, api.FileChange{UID: &uid, GID: &gid, Perm: &perm}, at); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeSymlink {
		return nil
	}
	return orNil(at, setTime(fd, h.ModTime))
}

func setTime(fd int, t time.Time) error {
	if t.IsZero() || t.Unix() < 0 {
		return nil
	}
	ts := []unix.Timespec{unix.NsecToTimespec(t.UnixNano()), unix.NsecToTimespec(t.UnixNano())}
	return unix.UtimesNanoAt(unix.AT_FDCWD, self(fd), ts, 0)
}

func (u *unpacker) times() error {
	for _, d := range slices.Backward(u.dirs) {
		fd, err := u.root.resolve(d.path, unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if err != nil {
			continue // a process of the container took it away
		}
		err = setTime(fd, d.time)
		_ = unix.Close(fd)
		if err != nil {
			return told(d.path, err)
		}
	}
	return nil
}
