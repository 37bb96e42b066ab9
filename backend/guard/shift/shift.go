package shift

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/store"
	"davit/backend/tree"
	"davit/backend/userns/idmap"
)

// Layer is a layer as a container with maps has it.
type Layer struct {
	Path string // what overlayfs shows
	Data string // where the content of its husks is; "": it has none
}

const (
	lockName  = "lock"
	huskMark  = ".husk"
	usedMark  = ".used"
	newPrefix = ".new-"
)

// Layers gives layers, in the order of their names, with the owners that maps
// say. Those that are missing are made. One that is not in the store answers
// fs.ErrNotExist.
func Layers(ctx context.Context, d store.Dirs, names []string, ids idmap.Maps) ([]Layer, error) {
	dir := filepath.Join(d.Shifted(), ids.Key())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := store.LockFile(ctx, filepath.Join(d.Shifted(), lockName))
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Unlock() }()
	s := shifter{dirs: d, dir: dir, ids: ids}
	if s.husks, err = husksWork(d.Shifted()); err != nil {
		return nil, err
	}
	all := make([]Layer, 0, len(names))
	for _, n := range names {
		l, err := s.layer(ctx, n)
		if err != nil {
			return nil, errors.Join(err, s.drop())
		}
		all = append(all, l)
	}
	return all, s.settle()
}

// shifter makes layers; the lock is held.
type shifter struct {
	dirs  store.Dirs
	dir   string
	ids   idmap.Maps
	husks bool
	made  []string // final names of what stands under another until it is on the disk
}

func (s *shifter) layer(ctx context.Context, name string) (Layer, error) {
	from := filepath.Join(s.dirs.Layers(), name)
	husk, whole := Layer{filepath.Join(s.dir, name+huskMark), from}, Layer{filepath.Join(s.dir, name), ""}
	l, used := whole, filepath.Join(s.dir, name+usedMark)
	if s.husks {
		l = husk
	}
	if err := os.WriteFile(used, nil, 0o600); err != nil {
		return l, err
	}
	if there(l.Path) {
		return l, nil
	}
	return l, s.make(ctx, from, l)
}

func (s *shifter) make(ctx context.Context, from string, l Layer) error {
	if _, err := os.Lstat(from); err != nil {
		return err
	}
	tmp := s.unsettled(l.Path)
	if err := os.RemoveAll(tmp); err != nil { // of a process that was killed
		return err
	}
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	s.made = append(s.made, l.Path)
	o := tree.Options{Overlay: true, Husks: l.Data != "", Owner: s.ids.Owner}
	if _, err := tree.Copy(ctx, from, tmp, o); err != nil {
		return fmt.Errorf("give layer %s to the container's ids: %w", filepath.Base(from), err)
	}
	return nil
}

func (s *shifter) unsettled(final string) string {
	return filepath.Join(s.dir, newPrefix+filepath.Base(final))
}

// settle gives what was made its name, once it is on the disk: half a layer
// after a power cut would be taken for a whole one.
func (s *shifter) settle() error {
	if len(s.made) == 0 {
		return nil
	}
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return os.NewSyscallError("syncfs", err)
	}
	for _, final := range s.made {
		if err := os.Rename(s.unsettled(final), final); err != nil {
			return err
		}
	}
	return nil
}

func (s *shifter) drop() error {
	var errs []error
	for _, final := range s.made {
		errs = append(errs, os.RemoveAll(s.unsettled(final)))
	}
	return errors.Join(errs...)
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// keepUnused is how long a layer that no container has is kept: who runs
// something again tomorrow does not wait for it again.
const keepUnused = 7 * 24 * time.Hour

// Sweep removes what no container will want: layers that the store has no
// more, and those that none of the containers has and none had for a week.
// used has a container's maps and layer, as Use gives them.
func Sweep(ctx context.Context, d store.Dirs, used map[string]bool) error {
	maps, err := os.ReadDir(d.Shifted())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	lock, err := store.LockFile(ctx, filepath.Join(d.Shifted(), lockName))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	for _, m := range maps {
		if !m.IsDir() {
			continue
		}
		if err := sweepMaps(d, m.Name(), used); err != nil {
			return err
		}
	}
	return nil
}

// Use names a layer of a container.
func Use(ids idmap.Maps, layer string) string { return ids.Key() + "/" + layer }

func sweepMaps(d store.Dirs, maps string, used map[string]bool) error {
	dir := filepath.Join(d.Shifted(), maps)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	left := 0
	for _, e := range entries {
		if wanted(d, maps, e, used) {
			left++
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	if left > 0 {
		return nil
	}
	return os.Remove(dir)
}

func wanted(d store.Dirs, maps string, e fs.DirEntry, used map[string]bool) bool {
	name := e.Name()
	if ext := filepath.Ext(name); ext == huskMark || ext == usedMark {
		name = name[:len(name)-len(ext)]
	}
	if !there(filepath.Join(d.Layers(), name)) { // or not settled by a process that was killed
		return false
	}
	if used[maps+"/"+name] {
		return true
	}
	info, err := os.Lstat(filepath.Join(d.Shifted(), maps, name+usedMark))
	return err == nil && time.Since(info.ModTime()) < keepUnused
}
