package unpack

import (
	"archive/tar"
	"errors"
	"path"

	"golang.org/x/sys/unix"
)

// Link is a hard link to a file that this layer does not have: a lower one
// may. It is made by [Resolve] once those are there.
type Link struct {
	Name   string `json:"name"`   // clean, relative to the root
	Target string `json:"target"` // likewise
}

// maxLinks bounds the links that wait for a lower layer.
const maxLinks = 100000

func (w *writer) hardlink(parent int, p string, h *tar.Header) error {
	dir, base, ok, err := parts(h.Linkname)
	if err != nil {
		return err
	}
	if !ok || base == "." {
		return corrupt("the hard link %s has no possible target", quote(h.Name))
	}
	target := path.Join(dir, base)
	if w.skipped[target] {
		w.skipped[p] = true
		return nil
	}
	if target == p {
		return corrupt("%s is a hard link to itself", quote(h.Name))
	}
	err = w.linkTo(parent, path.Base(p), dir, base)
	if !errors.Is(err, unix.ENOENT) {
		return linkError(h, err)
	}
	if len(w.result.Links) == maxLinks {
		return corrupt("there are more than %d hard links to other layers", maxLinks)
	}
	w.result.Links = append(w.result.Links, Link{Name: p, Target: target})
	return nil
}

func linkError(h *tar.Header, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EISDIR) {
		return corrupt("%s is a hard link to the directory %s", quote(h.Name), quote(h.Linkname))
	}
	return err
}

// linkTo links parent/name to dir/base. A symlink at base is linked itself,
// never what it points to.
func (w *writer) linkTo(parent int, name, dir, base string) error {
	old := w.root
	if dir != "." {
		fd, err := w.lookup(dir, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		old = fd
	}
	var st unix.Stat_t
	if err := unix.Fstatat(old, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EISDIR
	}
	if isWhiteout(&st) {
		return unix.ENOENT
	}
	return w.again(parent, name, func() error { return unix.Linkat(old, base, parent, name, 0) })
}
