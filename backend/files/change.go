package files

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// Write replaces a file's content, or makes the file, and tells of it.
func (r *Root) Write(ctx context.Context, s api.WriteSpec, from io.Reader) (api.FileInfo, error) {
	p, old, err := r.target(s.At.Path)
	if err != nil {
		return api.FileInfo{}, err
	}
	if s.Version != "" && (old == nil || version(old) != s.Version) {
		return api.FileInfo{}, api.Errorf(api.KindConflict, "%q was changed by somebody else meanwhile", s.At.Path).
			WithRef(s.At.Path).WithHint("Read it again, or keep your text under another name.")
	}
	dir, name, err := r.parent(p)
	if err != nil {
		return api.FileInfo{}, err
	}
	defer unix.Close(dir)
	if err := r.replace(ctx, dir, name, old, from); err != nil {
		return api.FileInfo{}, told(p, err)
	}
	return r.Info(p, false)
}

// target follows the links of a path that need not exist: where it leads, and
// what is there.
func (r *Root) target(p string) (string, *unix.Stat_t, error) {
	fd, err := r.resolve(p, 0)
	if api.KindOf(err) == api.KindNotFound {
		return r.newFile(p, err)
	}
	if err != nil {
		return "", nil, err
	}
	defer unix.Close(fd)
	st, err := stat(fd)
	switch {
	case err != nil:
		return "", nil, told(p, err)
	case isDir(&st):
		return "", nil, told(p, unix.EISDIR)
	case !isFile(&st):
		return "", nil, api.Errorf(api.KindInvalid, "%q is a pipe, socket or device: it has no content to replace", p).WithRef(p)
	}
	real, err := r.real(fd)
	return real, &st, err
}

// newFile is for a path with nothing behind it; a link into nothing stays.
func (r *Root) newFile(p string, missing error) (string, *unix.Stat_t, error) {
	fd, err := r.resolve(p, unix.O_NOFOLLOW)
	if err == nil {
		_ = unix.Close(fd)
		return "", nil, missing
	}
	return p, nil, nil
}

// replace writes a file beside the old one and renames it over it, so that
// nobody ever sees half of it. Where something is mounted over the file itself,
// as the container's /etc/hosts is, it is written in place.
func (r *Root) replace(ctx context.Context, dir int, name string, old *unix.Stat_t, from io.Reader) error {
	temp := ".davit-" + rand.Text()[:12]
	fd, err := unix.Openat(dir, temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), temp)
	defer f.Close()
	defer func() { _ = unix.Unlinkat(dir, temp, 0) }() // gone already where all went well
	if _, err := io.Copy(f, &stoppable{ctx, from}); err != nil {
		return err
	}
	perm := uint32(0o644)
	uid, gid := r.ids.Root()
	if old != nil {
		perm, uid, gid = old.Mode&0o7777, int(old.Uid), int(old.Gid)
	}
	if err := unix.Fchown(fd, uid, gid); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, perm); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	err = unix.Renameat2(dir, temp, dir, name, renameFlags(old))
	if errors.Is(err, unix.EBUSY) && old != nil {
		return inPlace(dir, name, temp)
	}
	return err
}

// renameFlags: what was not there when it was looked at is not replaced.
func renameFlags(old *unix.Stat_t) uint {
	if old == nil {
		return unix.RENAME_NOREPLACE
	}
	return 0
}

func inPlace(dir int, name, temp string) error {
	in, err := unix.Openat(dir, temp, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	from := os.NewFile(uintptr(in), temp)
	defer from.Close()
	at, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	if st, err := stat(at); err != nil || !isFile(&st) {
		return errors.Join(err, unix.EBUSY)
	}
	to, err := reopen(at, unix.O_WRONLY|unix.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// stoppable is a reader that ends with its context.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// MakeDir makes a directory.
func (r *Root) MakeDir(p string) (api.FileInfo, error) {
	dir, name, err := r.parent(p)
	if err != nil {
		return api.FileInfo{}, err
	}
	defer unix.Close(dir)
	if err := unix.Mkdirat(dir, name, 0o755); err != nil {
		return api.FileInfo{}, told(p, err)
	}
	if err := unix.Fchmodat(dir, name, 0o755, 0); err != nil { // whatever the umask
		return api.FileInfo{}, told(p, err)
	}
	uid, gid := r.ids.Root()
	if err := unix.Fchownat(dir, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return api.FileInfo{}, told(p, err)
	}
	return r.Info(p, false)
}

// Move gives a file another path; what is there is not replaced.
func (r *Root) Move(p, to string) error {
	from, name, err := r.parent(p)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	dest, newName, err := r.parent(to)
	if err != nil {
		return err
	}
	defer unix.Close(dest)
	err = unix.Renameat2(from, name, dest, newName, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.EEXIST):
		return told(to, err)
	case errors.Is(err, unix.EXDEV):
		return api.Errorf(api.KindConflict, "%q cannot be moved to %q: a directory of the image, or another file system, is between them", p, to).
			WithHint("Copy it and delete the old one.")
	}
	return orNil(p, err)
}

func orNil(p string, err error) error {
	if err == nil {
		return nil
	}
	return told(p, err)
}

// Delete removes a file, or a directory with what is in it.
func (r *Root) Delete(ctx context.Context, p string) error {
	dir, name, err := r.parent(p)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return remove(ctx, dir, name, p)
}

// deepest bounds how deep trees may be, for each level holds a descriptor.
const deepest = 200

func remove(ctx context.Context, dir int, name, p string) error {
	err := unix.Unlinkat(dir, name, 0)
	if !errors.Is(err, unix.EISDIR) {
		return orNil(p, err)
	}
	err = below(ctx, dir, name, p, 0, func(at int, child, path string, isDirectory bool) error {
		flags := 0
		if isDirectory {
			flags = unix.AT_REMOVEDIR
		}
		return orNil(path, unix.Unlinkat(at, child, flags))
	})
	if err != nil {
		return err
	}
	return orNil(p, unix.Unlinkat(dir, name, unix.AT_REMOVEDIR))
}

// below calls fn for all that is in a directory, what is in a directory before
// itself. Mounts are not entered; what goes away meanwhile is passed over.
func below(ctx context.Context, dir int, name, p string, depth int, fn func(dir int, name, p string, isDirectory bool) error) error {
	if depth > deepest {
		return api.Errorf(api.KindInvalid, "%q: directories are more than %d deep", p, deepest)
	}
	how := &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_BENEATH,
	}
	fd, err := unix.Openat2(dir, name, how)
	if errors.Is(err, unix.EXDEV) {
		return told(p, unix.EBUSY)
	}
	if err != nil {
		return told(p, err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return told(p, err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := path.Join(p, e.Name())
		if e.IsDir() {
			err = below(ctx, fd, e.Name(), at, depth+1, fn)
		}
		if err == nil {
			err = fn(fd, e.Name(), at, e.IsDir())
		}
		if err != nil && api.KindOf(err) != api.KindNotFound {
			return err
		}
		err = nil
	}
	return nil
}

// Change sets permissions and owner.
func (r *Root) Change(ctx context.Context, c api.FileChange) error {
	if c.Perm != nil && *c.Perm > 0o7777 {
		return api.Errorf(api.KindInvalid, "%o is no permission of a file", *c.Perm)
	}
	p := c.At.Path
	dir, name, err := r.parent(p)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return told(p, err)
	}
	defer unix.Close(fd)
	st, err := stat(fd)
	if err != nil {
		return told(p, err)
	}
	if c.Deep && isDir(&st) {
		err := below(ctx, dir, name, p, 0, func(at int, child, where string, _ bool) error {
			fd, err := unix.Openat(at, child, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
			if err != nil {
				return told(where, err)
			}
			defer unix.Close(fd)
			return r.change(fd, c, where)
		})
		if err != nil {
			return err
		}
	}
	return r.change(fd, c, p)
}

// change does it to exactly the file that the descriptor has. The owner comes
// first: changing it clears setuid. Links have no permissions.
func (r *Root) change(fd int, c api.FileChange, p string) error {
	st, err := stat(fd)
	if err != nil {
		return told(p, err)
	}
	uid, gid := -1, -1
	if c.UID != nil {
		uid = *c.UID
	}
	if c.GID != nil {
		gid = *c.GID
	}
	if uid >= 0 || gid >= 0 {
		var err error
		if uid, gid, err = r.owner(uid, gid, p); err != nil {
			return err
		}
		err = unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOVERFLOW) {
			return api.Errorf(api.KindInvalid, "%q: user %d or group %d does not exist for containers here", p, uid, gid)
		}
		if err != nil {
			return told(p, err)
		}
	}
	if c.Perm == nil || isLink(&st) {
		return nil
	}
	return orNil(p, unix.Chmod(self(fd), *c.Perm))
}

// owner gives what owners of a file in the tree are to the kernel; -1 stays.
func (r *Root) owner(uid, gid int, p string) (int, int, error) {
	u, g, ok := r.ids.Outside(max(uid, 0), max(gid, 0))
	if !ok {
		return 0, 0, api.Errorf(api.KindInvalid, "%q: user %d or group %d is mapped to nobody in the container", p, uid, gid)
	}
	if uid < 0 {
		u = -1
	}
	if gid < 0 {
		g = -1
	}
	return u, g, nil
}

// failed names what was being done.
func failed(what, p string, err error) error {
	e := told(p, err)
	if k := api.KindOf(e); k != api.KindInternal {
		return e
	}
	return fmt.Errorf("%s: %w", what, e)
}
