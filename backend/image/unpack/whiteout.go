package unpack

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// How a layer says that something of the layers below is gone (image-spec,
// layer.md): a file ".wh.NAME" for NAME, ".wh..wh..opq" for all of a
// directory. Other names that begin with ".wh..wh." are aufs' own and mean
// nothing.
const (
	whiteoutPrefix = ".wh."
	metaPrefix     = ".wh..wh."
	opaqueMarker   = ".wh..wh..opq"
)

func inWhiteoutMeta(dir string) bool {
	for dir != "." && dir != "/" {
		if strings.HasPrefix(path.Base(dir), whiteoutPrefix) {
			return true
		}
		dir = path.Dir(dir)
	}
	return false
}

func (w *writer) whiteout(dir, base string) error {
	if inWhiteoutMeta(dir) || base != opaqueMarker && strings.HasPrefix(base, metaPrefix) {
		return nil
	}
	target := strings.TrimPrefix(base, whiteoutPrefix)
	if target == "" || target == "." || target == ".." {
		return corrupt("the whiteout %s names nothing that can be removed", quote(path.Join(dir, base)))
	}
	parent, err := w.dir(dir)
	if err != nil {
		return err
	}
	w.result.Entries++
	if base == opaqueMarker {
		return entryError(path.Join(dir, base), w.opaque(parent))
	}
	return entryError(path.Join(dir, base), w.hide(parent, target))
}

// opaque marks a directory; the layer's own root hides all below it, which
// overlayfs reads from the root of a layer as well.
func (w *writer) opaque(dir int) error { return setOpaque(dir) }

// hide puts overlayfs' whiteout at name. What this layer itself has there
// stays: a whiteout speaks of the layers below, wherever in the tar it stands.
func (w *writer) hide(parent int, name string) error {
	err := unix.Mknodat(parent, name, unix.S_IFCHR, 0)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	fd, err := unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil // a file hides what is below it anyway
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return setOpaque(fd)
}
