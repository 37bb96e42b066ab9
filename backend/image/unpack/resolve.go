package unpack

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Resolve makes the links that [Layer] had to leave: dir is the layer, lowers
// are the directories of the layers below it, the nearest first. Overlayfs
// cannot link across layers, so the file is copied; docker and containerd
// have the same result.
func Resolve(dir string, links []Link, lowers []string) error {
	t, err := openTree(dir)
	if err != nil {
		return err
	}
	defer t.close()
	for _, l := range links {
		if err := t.resolve(l, lowers); err != nil {
			return entryError(l.Name, err)
		}
	}
	return nil
}

func (t *tree) resolve(l Link, lowers []string) error {
	parent, err := t.dir(path.Dir(l.Name))
	if err != nil {
		return err
	}
	base := path.Base(l.Name)
	var st unix.Stat_t
	if err := unix.Fstatat(parent, base, &st, unix.AT_SYMLINK_NOFOLLOW); err == nil {
		return nil // a later entry took the name
	}
	for _, lower := range lowers {
		found, err := copyFrom(lower, l.Target, parent, base)
		if found || err != nil {
			return err
		}
	}
	return corrupt("the hard link %s leads to %s, which is nowhere", quote(l.Name), quote(l.Target))
}

// copyFrom copies target of the layer lower, if that has it.
func copyFrom(lower, target string, parent int, base string) (found bool, err error) {
	root, err := unix.Open(lower, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, fmt.Errorf("open %s: %w", lower, err)
	}
	defer unix.Close(root)
	fd, err := below(root, target, unix.O_PATH|unix.O_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return true, copyFile(fd, &st, parent, base)
	case unix.S_IFLNK:
		return true, copyLink(fd, &st, parent, base)
	}
	return false, corrupt("the hard link leads to %s, which is no file", quote(target))
}

func copyFile(from int, st *unix.Stat_t, parent int, base string) error {
	src, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", from)) // O_PATH cannot be read
	if err != nil {
		return err
	}
	defer src.Close()
	fd, err := unix.Openat(parent, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	dst := os.NewFile(uintptr(fd), base)
	defer dst.Close()
	if _, err := dst.ReadFrom(src); err != nil { // copy_file_range: shares blocks where the file system can
		return err
	}
	if err := unix.Fchown(fd, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, st.Mode&0o7777); err != nil {
		return err
	}
	if err := copyXattrs(int(src.Fd()), fd); err != nil {
		return err
	}
	ts := []unix.Timespec{st.Mtim, st.Mtim}
	return unix.UtimesNanoAt(parent, base, ts, unix.AT_SYMLINK_NOFOLLOW)
}

func copyXattrs(from, to int) error {
	b := make([]byte, maxXattr)
	n, err := unix.Flistxattr(from, b)
	if err != nil {
		return nil // a file system without them
	}
	v := make([]byte, maxXattr)
	for _, k := range strings.Split(strings.TrimSuffix(string(b[:n]), "\x00"), "\x00") {
		if !kept(k) {
			continue
		}
		m, err := unix.Fgetxattr(from, k, v)
		if err == nil {
			err = unix.Fsetxattr(to, k, v[:m], 0)
		}
		if err != nil {
			return fmt.Errorf("copy %s: %w", k, err)
		}
	}
	return nil
}

func copyLink(from int, st *unix.Stat_t, parent int, base string) error {
	to, err := readlink(from, "")
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(to, parent, base); err != nil {
		return err
	}
	return unix.Fchownat(parent, base, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
}
