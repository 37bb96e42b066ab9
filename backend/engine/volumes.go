package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// fillVolume makes dir the volume that an image declares at target: with what
// the image's layers have there, its owners and modes, as docker does. Layers
// are foreign; all reading goes through an os.Root, so that no link leads out.
func fillVolume(dir, layersDir string, layers []string, target string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // whatever the umask
		return err
	}
	to, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer to.Close()
	for _, layer := range layers { // bottom first: what lies above comes later
		if err := addLayer(to, filepath.Join(layersDir, layer), target); err != nil {
			return fmt.Errorf("layer %s: %w", layer, err)
		}
	}
	return nil
}

// addLayer puts what one layer has at target over what is there.
func addLayer(to *os.Root, layer, target string) error {
	from, err := os.OpenRoot(layer)
	if err != nil {
		return err
	}
	defer from.Close()
	// A layer that hides target or a directory above it hides what was below.
	rel := strings.TrimPrefix(target, "/")
	for p := rel; p != "."; p = path.Dir(p) {
		info, err := from.Lstat(p)
		if err != nil {
			continue
		}
		if !info.IsDir() || opaque(from, p) {
			if err := empty(to); err != nil {
				return err
			}
			break
		}
	}
	info, err := from.Lstat(rel)
	if err != nil || !info.IsDir() {
		return nil // nothing there, or a link that the container follows itself
	}
	return copyDir(from, rel, to, ".")
}

// opaque tells whether overlayfs ignores what lower layers have in a directory.
func opaque(r *os.Root, name string) bool {
	d, err := r.Open(name)
	if err != nil {
		return false
	}
	defer d.Close()
	var v [1]byte
	n, err := unix.Fgetxattr(int(d.Fd()), "user.overlay.opaque", v[:])
	return err == nil && n == 1 && v[0] == 'y'
}

func empty(r *os.Root) error {
	names, err := fs.ReadDir(r.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range names {
		if err := r.RemoveAll(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// copyDir copies a directory over another; what it hides goes.
func copyDir(from *os.Root, src string, to *os.Root, dst string) error {
	d, err := from.Open(src)
	if err != nil {
		return err
	}
	entries, err := d.ReadDir(-1)
	d.Close()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := copyEntry(from, path.Join(src, e.Name()), to, path.Join(dst, e.Name())); err != nil {
			return err
		}
	}
	info, err := from.Lstat(src)
	if err != nil {
		return err
	}
	return keepAttributes(to, dst, info)
}

func copyEntry(from *os.Root, src string, to *os.Root, dst string) error {
	info, err := from.Lstat(src)
	if err != nil {
		return err
	}
	old, err := to.Lstat(dst)
	if err == nil && !(old.IsDir() && info.IsDir() && !opaque(from, src)) {
		if err := to.RemoveAll(dst); err != nil {
			return err
		}
	}
	switch {
	case info.IsDir():
		if err := to.Mkdir(dst, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return copyDir(from, src, to, dst)
	case info.Mode()&fs.ModeSymlink != 0:
		link, err := from.Readlink(src)
		if err != nil {
			return err
		}
		if err := to.Symlink(link, dst); err != nil {
			return err
		}
		return lchown(to, dst, info)
	case info.Mode().IsRegular():
		return copyFile(from, src, to, dst, info)
	}
	return nil // a whiteout has done its work; devices and sockets belong to no volume
}

func copyFile(from *os.Root, src string, to *os.Root, dst string, info fs.FileInfo) error {
	in, err := from.OpenFile(src, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := to.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in) // copy_file_range: shared blocks where the file system can
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return keepAttributes(to, dst, info)
}

// keepAttributes gives a copy the owner, mode and time of what was copied;
// the owner first, for changing it clears setuid.
func keepAttributes(to *os.Root, dst string, info fs.FileInfo) error {
	if err := lchown(to, dst, info); err != nil {
		return err
	}
	if err := to.Chmod(dst, info.Mode()); err != nil {
		return err
	}
	return to.Chtimes(dst, info.ModTime(), info.ModTime())
}

func lchown(to *os.Root, dst string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Getuid() && int(st.Gid) == os.Getgid() {
		return nil
	}
	return to.Lchown(dst, int(st.Uid), int(st.Gid))
}
