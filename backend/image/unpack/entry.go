package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// writer writes the entries of one tar into a tree.
type writer struct {
	*tree
	ids     IDs
	limits  Limits
	umask   uint32
	buf     []byte
	result  *Result
	skipped map[string]bool // device nodes, which hard links may name
	room    func(int64) error
	rec     *recorder
}

// parts cleans an entry's name and splits it; ok is false for what is to be
// skipped.
func parts(name string) (dir, base string, ok bool, err error) {
	if strings.IndexByte(name, 0) >= 0 {
		return "", "", false, corrupt("the entry %s has a zero byte in its name", quote(name))
	}
	for _, p := range strings.Split(name, "/") {
		if p == ".." {
			return "", "", false, corrupt("the entry %s points out of the image", quote(name))
		}
		if len(p) > 255 {
			return "", "", false, corrupt("the entry %s has a name longer than 255 bytes", quote(name))
		}
	}
	p := strings.TrimPrefix(path.Clean("/"+name), "/")
	if p == "" {
		return ".", ".", name != "", nil
	}
	return path.Dir(p), path.Base(p), true, nil
}

// entry writes one entry.
func (w *writer) entry(h *tar.Header, r io.Reader) error {
	dir, base, ok, err := parts(h.Name)
	if err != nil || !ok {
		return err
	}
	if base == "." {
		return w.rootEntry(h)
	}
	if strings.HasPrefix(base, whiteoutPrefix) || inWhiteoutMeta(dir) {
		return w.whiteout(dir, base)
	}
	uid, gid, err := w.ids.owner(h.Name, h.Uid, h.Gid)
	if err != nil {
		return err
	}
	parent, err := w.dir(dir)
	if err != nil {
		return err
	}
	w.result.Entries++
	switch h.Typeflag {
	case tar.TypeReg, '\x00', tar.TypeCont, tar.TypeGNUSparse:
		err = w.file(parent, path.Join(dir, base), h, r, uid, gid)
	case tar.TypeDir:
		err = w.directory(parent, path.Join(dir, base), h, uid, gid)
	case tar.TypeSymlink:
		err = w.symlink(parent, base, h, uid, gid)
	case tar.TypeLink:
		err = w.hardlink(parent, path.Join(dir, base), h)
	case tar.TypeFifo:
		err = w.fifo(parent, base, h, uid, gid)
	case tar.TypeChar, tar.TypeBlock:
		w.skipped[path.Join(dir, base)] = true // no user may make them; a container's /dev is its own
	}
	return entryError(h.Name, err)
}

// rootEntry is "./": the directory that holds the layer is ours, and what a
// container sees as / is its own upper directory.
func (w *writer) rootEntry(h *tar.Header) error {
	w.result.Entries++
	return nil
}

// entryError names the entry, and tells what is the archive's fault.
func entryError(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENAMETOOLONG):
		return corrupt("the entry %s has too long a name", quote(name))
	case errors.Is(err, unix.ELOOP):
		return corrupt("the entry %s goes round in symbolic links", quote(name))
	case errors.Is(err, unix.ENOTDIR):
		return corrupt("the entry %s is below something that is no directory", quote(name))
	}
	return fmt.Errorf("entry %s: %w", quote(name), err)
}

// again tries make, and once more after taking away what is in the way.
func (w *writer) again(parent int, base string, make func() error) error {
	err := make()
	if errors.Is(err, unix.EEXIST) {
		if err := w.remove(parent, base); err != nil {
			return err
		}
		err = make()
	}
	return err
}

func (w *writer) file(parent int, at string, h *tar.Header, r io.Reader, uid, gid int) error {
	if err := w.room(h.Size); err != nil {
		return err
	}
	mode, base := uint32(h.Mode)&0o7777, path.Base(at)
	var fd int
	err := w.again(parent, base, func() (err error) {
		fd, err = unix.Openat(parent, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		return err
	})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := w.content(fd, at, h, r); err != nil {
		return err
	}
	return w.attributes(fd, h, uid, gid, mode&(w.umask|0o6000) != 0) // write(2) takes setuid away
}

// attributes sets owner, then mode (chown takes setuid away too), then the
// rest; what is already as it should be costs no call.
func (w *writer) attributes(fd int, h *tar.Header, uid, gid int, chmod bool) error {
	if uid != 0 || gid != 0 {
		if err := unix.Fchown(fd, uid, gid); err != nil {
			return err
		}
	}
	if chmod {
		if err := unix.Fchmod(fd, uint32(h.Mode)&0o7777); err != nil {
			return err
		}
	}
	if hasXattrs(h) {
		if err := setXattrs(fd, h); err != nil {
			return err
		}
	}
	return setTimes(fd, h.ModTime)
}

func (w *writer) content(fd int, at string, h *tar.Header, r io.Reader) error {
	sparse := h.Typeflag == tar.TypeGNUSparse || h.PAXRecords["GNU.sparse.major"] != "" || h.PAXRecords["GNU.sparse.map"] != ""
	if sparse {
		return w.sparse(fd, h, r)
	}
	w.rec.begin()
	var total int64
	for total < h.Size {
		n, err := io.ReadFull(r, w.buf[:min(int64(len(w.buf)), h.Size-total)])
		if err != nil && n == 0 {
			return short(err)
		}
		if err := writeAll(fd, w.buf[:n]); err != nil {
			return err
		}
		total += int64(n)
	}
	w.rec.end(at, h.Size)
	w.result.Bytes += h.Size
	return nil
}

// sparse leaves holes where the file has zeros, so that a small archive
// cannot fill the disk with them.
func (w *writer) sparse(fd int, h *tar.Header, r io.Reader) error {
	if h.Size > w.limits.Sparse {
		return corrupt("a sparse file of %d bytes is more than the %d that are allowed", h.Size, w.limits.Sparse)
	}
	var at int64
	for at < h.Size {
		n, err := io.ReadFull(r, w.buf[:min(int64(len(w.buf)), h.Size-at)])
		if err != nil && n == 0 {
			return short(err)
		}
		if !zero(w.buf[:n]) {
			if _, err := unix.Pwrite(fd, w.buf[:n], at); err != nil {
				return err
			}
			w.result.Bytes += int64(n)
		}
		at += int64(n)
	}
	return unix.Ftruncate(fd, h.Size)
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func short(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		b = b[max(n, 0):]
	}
	return nil
}

func (w *writer) directory(parent int, p string, h *tar.Header, uid, gid int) error {
	base := path.Base(p)
	mode := uint32(h.Mode) & 0o7777
	err := unix.Mkdirat(parent, base, mode)
	made := err == nil
	if errors.Is(err, unix.EEXIST) {
		made, err = w.overDirectory(parent, base, mode)
	}
	if err != nil {
		return err
	}
	fd, err := unix.Openat(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	w.times[p] = h.ModTime
	return w.attributes(fd, h, uid, gid, !made || mode&(w.umask|0o7000) != 0)
}

// overDirectory makes a directory where something is: a directory stays, a
// whiteout becomes an opaque one, all else goes.
func (w *writer) overDirectory(parent int, base string, mode uint32) (made bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstatat(parent, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return false, err
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return false, nil
	case isWhiteout(&st):
		fd, err := w.replaceWhiteout(parent, base)
		if err == nil {
			unix.Close(fd)
		}
		return false, err
	}
	if err := w.remove(parent, base); err != nil {
		return false, err
	}
	w.forgetBut(parent) // a symlink that led somewhere is gone
	return true, unix.Mkdirat(parent, base, mode)
}

func (w *writer) symlink(parent int, base string, h *tar.Header, uid, gid int) error {
	if h.Linkname == "" || len(h.Linkname) >= unix.PathMax || strings.IndexByte(h.Linkname, 0) >= 0 {
		return corrupt("the symbolic link %s has no possible target", quote(h.Name))
	}
	err := w.again(parent, base, func() error { return unix.Symlinkat(h.Linkname, parent, base) })
	if err != nil {
		return err
	}
	if uid != 0 || gid != 0 {
		if err := unix.Fchownat(parent, base, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	return setLinkTimes(parent, base, h.ModTime)
}

func (w *writer) fifo(parent int, base string, h *tar.Header, uid, gid int) error {
	err := w.again(parent, base, func() error {
		return unix.Mknodat(parent, base, unix.S_IFIFO|uint32(h.Mode)&0o777, 0)
	})
	if err != nil {
		return err
	}
	if uid != 0 || gid != 0 {
		if err := unix.Fchownat(parent, base, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	if err := unix.Fchmodat(parent, base, uint32(h.Mode)&0o7777, 0); err != nil {
		return err
	}
	return setLinkTimes(parent, base, h.ModTime)
}
