package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	makingPrefix   = ".new-"
	removingPrefix = ".del-"

	// abandonedAfter is how old what is being made has to be before it counts
	// as left behind: its maker locks it a moment after making it.
	abandonedAfter = 10 * time.Second
)

// Draft is a container's directory that nobody lists yet.
type Draft struct {
	ContainerDir
	id   string
	dirs Dirs
	lock *Lock
}

// NewDraft begins the container with that complete id. Commit lists it, Drop
// takes it back; one that is left behind by a kill is swept away.
func NewDraft(d Dirs, id string) (*Draft, error) {
	path := filepath.Join(d.Containers(), makingPrefix+id)
	if err := os.MkdirAll(d.Containers(), 0o700); err != nil {
		return nil, fmt.Errorf("make container: %w", err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, fmt.Errorf("make container: %w", err)
	}
	lock, _, err := LockDir(path)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return &Draft{ContainerDir: ContainerDir(path), id: id, dirs: d, lock: lock}, nil
}

// Commit gives the directory its name. With durable the files in it are on
// the disk before that; the name itself is after SyncDir of the directory above,
// which need not be waited for with a lock held.
func (r *Draft) Commit(durable bool) error {
	if durable {
		if err := syncFiles(string(r.ContainerDir)); err != nil {
			return fmt.Errorf("make container: %w", err)
		}
	}
	if err := os.Rename(string(r.ContainerDir), string(r.dirs.Container(r.id))); err != nil {
		return fmt.Errorf("make container: %w", err)
	}
	err := r.lock.Unlock()
	r.lock = nil
	return err
}

// syncFiles writes dir and the files in it to the disk, all at once: file
// systems with a journal then commit it once.
func syncFiles(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	paths := []string{dir}
	for _, e := range entries {
		if e.Type().IsRegular() {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	var all sync.WaitGroup
	errs := make([]error, len(paths))
	for i, p := range paths {
		all.Go(func() { errs[i] = syncPath(p) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// Drop removes what was not committed; after Commit it does nothing.
func (r *Draft) Drop() error {
	if r.lock == nil {
		return nil
	}
	defer r.lock.Unlock()
	return removeAll(string(r.ContainerDir))
}

// RemoveContainer takes the container out of the list by one rename and then
// deletes its files. Its rootfs has to be unmounted. Removing what is not
// there is no error; of several at once, one is told that it took it out.
func RemoveContainer(d Dirs, id string) (removed bool, err error) {
	gone := filepath.Join(d.Containers(), removingPrefix+id)
	err = os.Rename(string(d.Container(id)), gone)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("remove container: %w", err)
	}
	return err == nil, removeAll(gone)
}

// removeAll also removes directories without permissions, as the kernel makes
// for overlay's work directory, where this process may not override them.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	for n := 0; n < 10 && errors.Is(err, unix.ENOTEMPTY); n++ { // somebody was just writing into it
		err = os.RemoveAll(path)
	}
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() {
			_ = os.Chmod(p, 0o700) // before it is read: WalkDir comes here first
		}
		return nil
	})
	return os.RemoveAll(path)
}

// Sweep deletes what killed processes left half made or half removed.
func Sweep(d Dirs) error {
	entries, err := os.ReadDir(d.Containers())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for _, e := range entries {
		path := filepath.Join(d.Containers(), e.Name())
		switch {
		case !strings.HasPrefix(e.Name(), "."): // a container, or nothing of ours
		case strings.HasPrefix(e.Name(), makingPrefix) && !abandoned(e, path):
		default:
			errs = append(errs, removeAll(path))
		}
	}
	return errors.Join(append(errs, err)...)
}

func abandoned(e fs.DirEntry, path string) bool {
	info, err := e.Info()
	if err != nil || time.Since(info.ModTime()) < abandonedAfter {
		return false
	}
	lock, free, err := LockDir(path)
	if err != nil || !free {
		return false
	}
	return lock.Unlock() == nil
}
