package view

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// archiver writes entries into a tar, each hard-linked file once.
type archiver struct {
	w     *tar.Writer
	links map[inode]string
	buf   []byte
}

type inode struct {
	layer    int
	dev, ino uint64
}

func newArchiver(w io.Writer) *archiver {
	return &archiver{tar.NewWriter(w), map[inode]string{}, make([]byte, 256<<10)}
}

// Export writes all that the view shows as one tar.
func (t *Tree) Export(ctx context.Context, w io.Writer) error {
	a := newArchiver(w)
	err := t.Walk(ctx, func(n *Node) error {
		if n.Path == "/" {
			return nil
		}
		return a.node(ctx, n)
	})
	if err != nil {
		return err
	}
	return a.w.Close()
}

// Diff writes what the topmost directory changes as a layer's tar, with
// whiteouts as the OCI writes them. skip may leave things out; nil: nothing.
func (t *Tree) Diff(ctx context.Context, w io.Writer, skip func(func(Changed) error) func(Changed) error) error {
	a := newArchiver(w)
	write := func(c Changed) error {
		switch {
		case c.Kind == api.ChangeDeleted:
			return a.whiteout(c.Node.Path)
		case strings.HasPrefix(path.Base(c.Node.Path), ".wh."):
			return api.Errorf(api.KindConflict, "%s cannot be in an image: a name that begins with .wh. would delete another file", quote(c.Node.Path))
		}
		return a.node(ctx, c.Node)
	}
	if skip != nil {
		write = skip(write)
	}
	if err := t.Changes(ctx, write); err != nil {
		return err
	}
	return a.w.Close()
}

func (a *archiver) whiteout(p string) error {
	name := path.Join(path.Dir(p), ".wh."+path.Base(p))
	return a.w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(name, "/"), Typeflag: tar.TypeReg, Mode: 0o644, Format: tar.FormatPAX})
}

// node writes one entry. Sockets mean nothing in an archive.
func (a *archiver) node(ctx context.Context, n *Node) error {
	h, err := n.header()
	if h == nil || err != nil {
		return err
	}
	if n.Stat.Nlink > 1 && !n.IsDir() {
		at := inode{n.Layer, n.Stat.Dev, n.Stat.Ino}
		if first := a.links[at]; first != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			return a.w.WriteHeader(h)
		}
		a.links[at] = h.Name
	}
	if h.Typeflag != tar.TypeReg {
		return a.w.WriteHeader(h)
	}
	f, err := n.OpenFile()
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) || api.KindOf(err) == api.KindConflict {
		return nil // it went away, or became something else, while we looked
	}
	if err != nil {
		return err
	}
	defer f.Close()
	h.Size = n.Stat.Size
	xattrs(int(f.Fd()), h)
	if err := a.w.WriteHeader(h); err != nil {
		return err
	}
	return a.content(ctx, f, h)
}

// content writes as many bytes as the header says: a file that is written to
// meanwhile is cut, one that shrinks is filled with zeros.
func (a *archiver) content(ctx context.Context, f io.Reader, h *tar.Header) error {
	left := h.Size
	for left > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.Read(a.buf[:min(int64(len(a.buf)), left)])
		if n == 0 && err == io.EOF {
			n, err = int(min(int64(len(a.buf)), left)), nil
			clear(a.buf[:n])
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("read %s: %w", quote(h.Name), err)
		}
		if _, err := a.w.Write(a.buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// header makes the tar's header; nil for what cannot be in one.
func (n *Node) header() (*tar.Header, error) {
	h := &tar.Header{
		Name: strings.TrimPrefix(n.Path, "/"), Mode: int64(n.Stat.Mode & 0o7777), Uid: int(n.Stat.Uid), Gid: int(n.Stat.Gid),
		ModTime: time.Unix(n.Stat.Mtim.Unix()), Format: tar.FormatPAX,
	}
	switch n.Stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		h.Typeflag = tar.TypeReg
	case unix.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		if n.dir != nil {
			xattrs(n.dir.parts[0].fd, h)
		}
	case unix.S_IFLNK:
		h.Typeflag, h.Linkname = tar.TypeSymlink, n.Link
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if n.Stat.Mode&unix.S_IFMT == unix.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = int64(unix.Major(n.Stat.Rdev)), int64(unix.Minor(n.Stat.Rdev))
	default:
		return nil, nil
	}
	return h, nil
}

// xattrs takes along what belongs to the file: not the overlay's own marks,
// nor what the host's security modules put there.
func xattrs(fd int, h *tar.Header) {
	size, err := unix.Flistxattr(fd, nil)
	if err != nil || size == 0 || size > 64<<10 {
		return
	}
	list := make([]byte, size)
	if size, err = unix.Flistxattr(fd, list); err != nil {
		return
	}
	for _, name := range strings.Split(strings.TrimRight(string(list[:size]), "\x00"), "\x00") {
		if name != "security.capability" && !strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "user.overlay.") {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Fgetxattr(fd, name, value)
		if err != nil {
			continue
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+name] = string(value[:n])
	}
}
