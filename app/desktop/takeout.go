package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"davit/app/front/takeout"
	"davit/backend/api"
)

// What is copied out for the file manager is bounded: it is there to be looked
// at, and goes with the window.
const (
	mostTaken      = 1e9 // bytes
	mostTakenFiles = 50_000
)

// Shown tells what the file manager was given.
type Shown struct {
	Folder string `json:"folder"` // of this computer
	Copied bool   `json:"copied"` // it is a copy, which goes when Davit is closed
	Files  int    `json:"files"`  // copied
	Left   int    `json:"left"`   // links that lead elsewhere, devices and the like, which are not in the copy
}

// takeouts are the copies of this window: a directory each, in one that this
// process has locked. What windows left that ended otherwise has no lock.
type takeouts struct {
	home string // $XDG_CACHE_HOME/davit/shown

	mu  sync.Mutex
	own *os.File // the directory of this process, locked; nil: none yet
}

// shownPath is where copies are kept: they may go at any time.
func shownPath(getenv func(string) string) string {
	dir := getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(getenv("HOME"), ".cache")
	}
	return filepath.Join(dir, "davit", "shown")
}

// dir makes a new directory for a copy.
func (t *takeouts) dir() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.own == nil {
		if err := os.MkdirAll(t.home, 0o700); err != nil {
			return "", err
		}
		home, err := locked(t.home, unix.LOCK_EX) // nobody sweeps meanwhile
		if err != nil {
			return "", err
		}
		defer home.Close()
		own, err := os.MkdirTemp(t.home, "")
		if err != nil {
			return "", err
		}
		if t.own, err = locked(own, unix.LOCK_EX); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(t.own.Name(), "")
}

// close removes this window's copies.
func (t *takeouts) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.own == nil {
		return nil
	}
	err := os.RemoveAll(t.own.Name())
	err = errors.Join(err, t.own.Close())
	t.own = nil
	return err
}

// sweep removes what windows left that were killed: their locks went with them.
func (t *takeouts) sweep() {
	home, err := locked(t.home, unix.LOCK_EX)
	if err != nil {
		return // nothing was ever copied
	}
	defer home.Close()
	entries, err := home.ReadDir(-1)
	if err != nil {
		return
	}
	for _, e := range entries {
		if f, err := locked(filepath.Join(t.home, e.Name()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			_ = os.RemoveAll(f.Name()) // what cannot be removed now is tried again
			_ = f.Close()
		}
	}
}

// locked opens a directory and locks it until it is closed.
func locked(dir string, how int) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}

// takeOut copies what q asks for into a folder called name: files and folders
// that are the person's own, and cannot be mistaken for those in the container,
// because they cannot be written to.
func (t *takeouts) takeOut(ctx context.Context, service api.Service, q api.ArchiveQuery, name string) (Shown, error) {
	dir, err := t.dir()
	if err != nil {
		return Shown{}, err
	}
	folder := filepath.Join(dir, name)
	taken, err := takeInto(ctx, folder, func(ctx context.Context, w io.Writer) error { return service.GetArchive(ctx, q, w) })
	if errors.Is(err, takeout.ErrTooMuch) {
		err = api.Errorf(api.KindInvalid, "%w", err).
			WithHint("Open a folder further down, download what you need, or use davit cp.")
	}
	if err != nil {
		return Shown{}, errors.Join(err, os.RemoveAll(dir))
	}
	return Shown{Folder: folder, Copied: true, Files: taken.Files, Left: taken.Left}, nil
}

// takeInto makes folder of the archive that pack writes.
func takeInto(ctx context.Context, folder string, pack func(context.Context, io.Writer) error) (takeout.Taken, error) {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return takeout.Taken{}, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return takeout.Taken{}, err
	}
	defer root.Close()
	return takeout.Receive(ctx, root, takeout.Options{ToLook: true, MostFiles: mostTakenFiles, MostBytes: mostTaken}, pack)
}
