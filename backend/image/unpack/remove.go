package unpack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Remove deletes a tree that a layer made: also directories of mode 0000 and
// paths longer than PATH_MAX. What is missing is no error.
func Remove(dir string) error {
	parent, err := unix.Open(filepath.Dir(dir), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	defer unix.Close(parent)
	if err := removeAt(parent, filepath.Base(dir)); err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	return nil
}

func removeAt(parent int, base string) error {
	err := unix.Unlinkat(parent, base, 0)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EPERM) {
		err = removeDir(parent, base)
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// removeDir empties and removes a directory. os.RemoveAll does the walk; it
// is kept from failing on directories that their owner may not enter, which
// happens where we are not root in a user namespace.
func removeDir(parent int, base string) error {
	fd, err := unix.Openat(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) {
		if err := unix.Fchmodat(parent, base, 0o700, 0); err != nil {
			return err
		}
		fd, err = unix.Openat(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	err = empty(f)
	f.Close()
	if err != nil {
		return err
	}
	return unix.Unlinkat(parent, base, unix.AT_REMOVEDIR)
}

// empty removes what is in the directory f. Removing entries while reading a
// directory may hide others, so it reads until one whole pass finds nothing.
func empty(f *os.File) error {
	for found := true; found; {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		found = false
		for {
			names, err := f.Readdirnames(512)
			if len(names) == 0 && err == io.EOF {
				break
			}
			if err != nil && err != io.EOF {
				return err
			}
			found = true
			if err := removeAll(f, names); err != nil {
				return err
			}
		}
	}
	return nil
}

func removeAll(dir *os.File, names []string) error {
	for _, n := range names {
		err := removeAt(int(dir.Fd()), n)
		if errors.Is(err, unix.EACCES) { // the directory itself is not writable
			if err = dir.Chmod(0o700); err == nil {
				err = removeAt(int(dir.Fd()), n)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
