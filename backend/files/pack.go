package files

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/userns/idmap"
)

// Pack writes a file or directory to w as a tar.
func (r *Root) Pack(ctx context.Context, q api.ArchiveQuery, w io.Writer) error {
	flags := unix.O_NOFOLLOW
	if q.Follow {
		flags = 0
	}
	fd, err := r.resolve(q.At.Path, flags)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	st, err := stat(fd)
	if err != nil {
		return told(q.At.Path, err)
	}
	name := q.Name
	if name == "" {
		name = path.Base(path.Join("/", q.At.Path))
	}
	if name == "/" || name == "." {
		name = ""
		if !isDir(&st) {
			return told(q.At.Path, unix.ENOTDIR)
		}
	}
	if strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../") {
		return api.Errorf(api.KindInvalid, "%q cannot be a name in an archive", name)
	}
	if err := q.CheckOnly(); err != nil {
		return err
	}
	a := &packer{ctx: ctx, w: tar.NewWriter(w), links: map[[2]uint64]string{}, buf: make([]byte, 256<<10), ids: r.ids}
	whole := entry{fd, "", name, path.Join("/", q.At.Path), 0}
	if len(q.Only) == 0 {
		err = a.add(whole, &st)
	} else {
		err = a.only(whole, q.Only)
	}
	if err != nil {
		return err
	}
	return a.w.Close()
}

// only packs a few of what is in a directory, without itself. All have to be
// there before the first byte, for then an error can still be told.
func (a *packer) only(in entry, names []string) error {
	each := func(do func(entry, *unix.Stat_t) error) error {
		for _, name := range names {
			child, st := entry{in.dir, name, name, path.Join(in.at, name), 1}, unix.Stat_t{}
			if err := unix.Fstatat(in.dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				return told(child.at, err)
			}
			if err := do(child, &st); err != nil {
				return err
			}
		}
		return nil
	}
	if err := each(func(entry, *unix.Stat_t) error { return nil }); err != nil {
		return err
	}
	return each(a.add)
}

type packer struct {
	ctx   context.Context
	w     *tar.Writer
	links map[[2]uint64]string // device and inode of files with several names
	buf   []byte
	ids   idmap.Maps
}

// entry is what to pack: a name in a directory, or what dir itself has where
// the name is empty.
type entry struct {
	dir   int
	name  string
	as    string // in the archive; "": the archive's root
	at    string // for people
	depth int
}

func (a *packer) add(e entry, st *unix.Stat_t) error {
	if err := a.ctx.Err(); err != nil {
		return err
	}
	h := header(e, st)
	if h != nil {
		h.Uid, h.Gid = a.ids.Inside(h.Uid, h.Gid)
	}
	switch {
	case h == nil: // a socket means nothing in an archive
		return nil
	case isDir(st):
		return a.directory(e, h)
	}
	if st.Nlink > 1 {
		at := [2]uint64{st.Dev, st.Ino}
		if first := a.links[at]; first != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			return a.w.WriteHeader(h)
		}
		a.links[at] = h.Name
	}
	if !isFile(st) {
		return a.w.WriteHeader(h)
	}
	return a.file(e, st, h)
}

func header(e entry, st *unix.Stat_t) *tar.Header {
	h := &tar.Header{
		Name: e.as, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid),
		ModTime: time.Unix(st.Mtim.Unix()), Format: tar.FormatPAX,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, st.Size
	case unix.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		if e.as == "" {
			h.Name = "./"
		}
	case unix.S_IFLNK:
		h.Typeflag, h.Linkname = tar.TypeSymlink, readlink(e.dir, e.name)
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if st.Mode&unix.S_IFMT == unix.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
	default:
		return nil
	}
	return h
}

// hold opens an entry without acting on it.
func (e entry) hold() (int, error) {
	if e.name == "" {
		return unix.FcntlInt(uintptr(e.dir), unix.F_DUPFD_CLOEXEC, 0)
	}
	return unix.Openat(e.dir, e.name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

func gone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESTALE) }

func (a *packer) file(e entry, was *unix.Stat_t, h *tar.Header) error {
	fd, err := e.hold()
	if gone(err) {
		return nil
	}
	if err != nil {
		return failed("pack", e.at, err)
	}
	defer unix.Close(fd)
	// It may have become something else since it was looked at.
	if st, err := stat(fd); err != nil || !isFile(&st) || st.Ino != was.Ino {
		return err
	}
	f, err := reopen(fd, unix.O_RDONLY)
	if err != nil {
		return failed("pack", e.at, err)
	}
	defer f.Close()
	attributes(int(f.Fd()), h)
	if err := a.w.WriteHeader(h); err != nil {
		return err
	}
	return a.content(f, h)
}

// content writes as many bytes as the header says: a file that is written to
// meanwhile is cut, one that shrinks is filled with zeros.
func (a *packer) content(f *os.File, h *tar.Header) error {
	for left := h.Size; left > 0; {
		if err := a.ctx.Err(); err != nil {
			return err
		}
		n, err := f.Read(a.buf[:min(int64(len(a.buf)), left)])
		if n == 0 && err == io.EOF {
			n = int(min(int64(len(a.buf)), left))
			clear(a.buf[:n])
		} else if err != nil && err != io.EOF {
			return fmt.Errorf("read %q: %w", h.Name, err)
		}
		if _, err := a.w.Write(a.buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

func (a *packer) directory(e entry, h *tar.Header) error {
	if e.depth > deepest {
		return api.Errorf(api.KindInvalid, "%q: directories are more than %d deep", e.at, deepest)
	}
	fd, err := e.hold()
	if gone(err) {
		return nil
	}
	if err != nil {
		return failed("pack", e.at, err)
	}
	defer unix.Close(fd)
	if st, err := stat(fd); err != nil || !isDir(&st) {
		return err
	}
	f, err := reopen(fd, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return failed("pack", e.at, err)
	}
	defer f.Close()
	attributes(int(f.Fd()), h)
	if err := a.w.WriteHeader(h); err != nil || kernels(fd) {
		return err
	}
	names, err := f.Readdirnames(-1)
	if err != nil {
		return failed("pack", e.at, err)
	}
	for _, name := range names {
		child := entry{int(f.Fd()), name, path.Join(e.as, name), path.Join(e.at, name), e.depth + 1}
		var st unix.Stat_t
		err := unix.Fstatat(child.dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if gone(err) {
			continue
		}
		if err == nil {
			err = a.add(child, &st)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// kernels tells a file system that the kernel makes up, which belongs to no
// archive: its files have no size, and some never end.
func kernels(fd int) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return false
	}
	switch st.Type {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEVPTS_SUPER_MAGIC,
		unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC, mqueue:
		return true
	}
	return false
}

// mqueue is MQUEUE_MAGIC of the kernel's ipc/mqueue.c.
const mqueue = 0x19800202

const (
	userAttribute = "user."
	overlays      = "user.overlay."
	paxAttribute  = "SCHILY.xattr."
	maxAttributes = 64 << 10 // bytes of one file's
)

// attributes takes along those that belong to the file: not the overlay's own
// marks, nor what the host's security modules put there.
func attributes(fd int, h *tar.Header) {
	list := make([]byte, maxAttributes)
	n, err := unix.Flistxattr(fd, list)
	if err != nil || n == 0 {
		return
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list[:n]), "\x00"), "\x00") {
		if !strings.HasPrefix(name, userAttribute) || strings.HasPrefix(name, overlays) {
			continue
		}
		value := make([]byte, maxAttributes)
		n, err := unix.Fgetxattr(fd, name, value)
		if err != nil {
			continue
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[paxAttribute+name] = string(value[:n])
	}
}
