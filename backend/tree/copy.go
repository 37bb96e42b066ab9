package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Options are how to copy.
type Options struct {
	// Owner gives a copy's owner for that of the original; nil: the same.
	Owner func(uid, gid int) (int, int)
	// Overlay also copies what only overlayfs understands: whiteouts, opaque
	// directories. Without it, neither is in the copy.
	Overlay bool
	// Husks makes of each file one without content, which overlayfs shows with
	// that of the file at the same path of a data-only layer (lowerdir=a::data).
	Husks bool
}

// Copied is what a copy took.
type Copied struct {
	Files  int   // entries
	Bytes  int64 // of files
	Shared bool  // all files' blocks are shared with the originals
}

// Copy copies what is in the directory from into the directory to, which is
// there; what stands in the way there is replaced, directories are joined.
// Blocks are shared where the file system can, holes stay holes, hard links
// hard links.
func Copy(ctx context.Context, from, to string, o Options) (Copied, error) {
	src, err := os.OpenRoot(from)
	if err != nil {
		return Copied{}, err
	}
	defer src.Close()
	dst, err := os.OpenRoot(to)
	if err != nil {
		return Copied{}, err
	}
	defer dst.Close()
	c := newCopier(ctx, o, src, dst)
	err = c.dir(".", ".")
	return c.done, err
}

type copier struct {
	ctx      context.Context
	o        Options
	src, dst *os.Root
	done     Copied
	links    map[inode]string // originals with several names, to the first copy
	noClone  bool             // the file system cannot
}

type inode struct{ dev, ino uint64 }

func newCopier(ctx context.Context, o Options, src, dst *os.Root) *copier {
	return &copier{ctx: ctx, o: o, src: src, dst: dst, done: Copied{Shared: true}, links: map[inode]string{}}
}

// dir copies a directory over another; what it hides goes.
func (c *copier) dir(src, dst string) error {
	d, err := c.src.Open(src)
	if err != nil {
		return err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		err := c.entry(path.Join(src, e.Name()), path.Join(dst, e.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return err
		}
	}
	info, err := d.Stat()
	if err != nil {
		return err
	}
	to, err := c.dst.Open(dst)
	if err != nil {
		return err
	}
	defer to.Close()
	if err := c.xattrs(d, to); err != nil {
		return err
	}
	return c.attributes(to, info)
}

func (c *copier) entry(src, dst string) error {
	info, err := c.src.Lstat(src)
	if err != nil {
		return err
	}
	if err := c.makeRoom(src, dst, info); err != nil {
		return err
	}
	c.done.Files++
	st, _ := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() && st != nil && st.Nlink > 1 {
		key := inode{st.Dev, st.Ino}
		if first, ok := c.links[key]; ok {
			return c.dst.Link(first, dst)
		}
		defer func() { c.links[key] = dst }()
	}
	switch mode := info.Mode(); {
	case info.IsDir():
		if err := c.dst.Mkdir(dst, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return c.dir(src, dst)
	case mode&fs.ModeSymlink != 0:
		return c.symlink(src, dst, info)
	case mode.IsRegular():
		return c.file(src, dst, info)
	case mode&fs.ModeNamedPipe != 0, c.o.Overlay && whiteout(st):
		return c.node(dst, info, st)
	}
	return nil // a socket is nothing without who listens; devices belong to no tree of ours
}

// makeRoom removes what stands in the way.
func (c *copier) makeRoom(src, dst string, info fs.FileInfo) error {
	old, err := c.dst.Lstat(dst)
	if err != nil || old.IsDir() && info.IsDir() && (c.o.Overlay || !opaque(c.src, src)) {
		return nil
	}
	return c.dst.RemoveAll(dst)
}

func whiteout(st *syscall.Stat_t) bool {
	return st != nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

func (c *copier) symlink(src, dst string, info fs.FileInfo) error {
	link, err := c.src.Readlink(src)
	if err != nil {
		return err
	}
	if err := c.dst.Symlink(link, dst); err != nil {
		return err
	}
	return c.lchown(dst, info)
}

// node makes a pipe or a whiteout in the directory that dst is in.
func (c *copier) node(dst string, info fs.FileInfo, st *syscall.Stat_t) error {
	dir, err := c.dst.Open(path.Dir(dst))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Mknodat(int(dir.Fd()), path.Base(dst), st.Mode&unix.S_IFMT|0o600, 0); err != nil {
		return &os.PathError{Op: "mknod", Path: dst, Err: err}
	}
	if err := c.lchown(dst, info); err != nil || whiteout(st) {
		return err
	}
	return c.dst.Chmod(dst, info.Mode())
}

func (c *copier) file(src, dst string, info fs.FileInfo) error {
	in, err := c.src.OpenFile(src, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	if now, err := in.Stat(); err != nil || !now.Mode().IsRegular() {
		return errors.Join(err, fs.ErrNotExist) // it has become something else
	}
	out, err := c.dst.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := c.fill(out, in, src, info.Size()); err != nil {
		return fmt.Errorf("copy %s: %w", src, err)
	}
	c.done.Bytes += info.Size()
	if err := c.xattrs(in, out); err != nil {
		return err
	}
	if err := c.attributes(out, info); err != nil {
		return err
	}
	return out.Close()
}

// fill gives a copy its content, or makes a husk of it.
func (c *copier) fill(out, in *os.File, src string, size int64) error {
	if !c.o.Husks || size == 0 {
		return c.content(out, in, size)
	}
	for name, value := range map[string]string{"user.overlay.metacopy": "", "user.overlay.redirect": path.Join("/", src)} {
		if err := unix.Fsetxattr(int(out.Fd()), name, []byte(value), 0); err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
	}
	return out.Truncate(size)
}

func (c *copier) content(out, in *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	if !c.noClone {
		err := unix.IoctlFileClone(int(out.Fd()), int(in.Fd()))
		if err == nil {
			return nil
		}
		c.noClone = true
	}
	c.done.Shared = false
	return copyData(out, in, size)
}

// copyData copies what is data between the holes.
func copyData(out, in *os.File, size int64) error {
	for at := int64(0); at < size; {
		start, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // a hole up to the end
		}
		end := size
		if err != nil { // the file system does not tell
			start = at
		} else if end, err = unix.Seek(int(in.Fd()), start, unix.SEEK_HOLE); err != nil {
			end = size
		}
		end = min(end, size)
		if start >= end {
			break
		}
		if _, err := in.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := out.Seek(start, io.SeekStart); err != nil {
			return err
		}
		// copy_file_range, where it can be had.
		n, err := io.CopyN(out, in, end-start)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 {
			break // it was cut off meanwhile
		}
		at = start + n
	}
	return out.Truncate(size)
}

// attributes gives a copy the owner, mode and time of what was copied; the
// owner first, for changing it clears setuid.
func (c *copier) attributes(f *os.File, info fs.FileInfo) error {
	if uid, gid, change := c.owner(info); change {
		if err := f.Chown(uid, gid); err != nil {
			return err
		}
	}
	if err := f.Chmod(info.Mode()); err != nil {
		return err
	}
	t := unix.NsecToTimespec(info.ModTime().UnixNano())
	err := unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), []unix.Timespec{t, t}, 0)
	return os.NewSyscallError("utimensat", err)
}

func (c *copier) owner(info fs.FileInfo) (uid, gid int, change bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	uid, gid = int(st.Uid), int(st.Gid)
	if c.o.Owner != nil {
		uid, gid = c.o.Owner(uid, gid)
	}
	return uid, gid, uid != os.Getuid() || gid != os.Getgid()
}

func (c *copier) lchown(dst string, info fs.FileInfo) error {
	if uid, gid, change := c.owner(info); change {
		return c.dst.Lchown(dst, uid, gid)
	}
	return nil
}

// xattrs copies extended attributes. Those that this process may not set, or
// the file system does not take, are left out, as cp does.
func (c *copier) xattrs(in, out *os.File) error {
	names, err := xattrNames(in)
	if err != nil {
		return nil
	}
	for _, n := range names {
		if strings.HasPrefix(n, "user.overlay.") && !c.o.Overlay || n == "security.selinux" {
			continue
		}
		v, err := xattr(in, n)
		if err != nil {
			continue
		}
		err = unix.Fsetxattr(int(out.Fd()), n, v, 0)
		if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EACCES) {
			return fmt.Errorf("attribute %s: %w", n, err)
		}
	}
	return nil
}

func xattrNames(f *os.File) ([]string, error) {
	n, err := unix.Flistxattr(int(f.Fd()), nil)
	if err != nil || n == 0 {
		return nil, err
	}
	b := make([]byte, n)
	if n, err = unix.Flistxattr(int(f.Fd()), b); err != nil {
		return nil, err
	}
	return strings.FieldsFunc(string(b[:n]), func(r rune) bool { return r == 0 }), nil
}

func xattr(f *os.File, name string) ([]byte, error) {
	n, err := unix.Fgetxattr(int(f.Fd()), name, nil)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	n, err = unix.Fgetxattr(int(f.Fd()), name, b)
	return b[:max(n, 0)], err
}

// opaque tells whether overlayfs ignores what lower layers have in a directory.
func opaque(r *os.Root, name string) bool {
	d, err := r.Open(name)
	if err != nil {
		return false
	}
	defer d.Close()
	v, err := xattr(d, "user.overlay.opaque")
	return err == nil && string(v) == "y"
}
