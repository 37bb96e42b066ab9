package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// What is copied out for the file manager is bounded: it is there to be looked
// at, and goes with the window.
const (
	mostTaken      = 1 << 30 // bytes
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
	out, err := unpackInto(ctx, folder, func(ctx context.Context, w io.Writer) error { return service.GetArchive(ctx, q, w) })
	if err != nil {
		return Shown{}, errors.Join(err, os.RemoveAll(dir))
	}
	return Shown{Folder: folder, Copied: true, Files: out.files, Left: out.left}, nil
}

// unpackInto makes folder of the archive that pack writes.
func unpackInto(ctx context.Context, folder string, pack func(context.Context, io.Writer) error) (*unpacked, error) {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		_ = w.CloseWithError(pack(ctx, w))
	}()
	out := &unpacked{root: root}
	err = out.all(tar.NewReader(r))
	_ = r.CloseWithError(err)
	<-packed
	return out, err
}

// unpacked is a folder being made of an archive.
type unpacked struct {
	root  *os.Root
	files int
	left  int
	bytes int64
}

func (u *unpacked) all(t *tar.Reader) error {
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := u.entry(h, t); err != nil {
			return err
		}
	}
}

func (u *unpacked) entry(h *tar.Header, content io.Reader) error {
	name := path.Clean(strings.TrimLeft(h.Name, "/"))
	if u.files++; u.files > mostTakenFiles {
		return tooMuch("more than %d files", mostTakenFiles)
	}
	if name == "." {
		u.files--
		return nil
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return ignoreExisting(u.root.Mkdir(name, 0o700))
	case tar.TypeReg:
		return u.file(name, h, content)
	case tar.TypeLink:
		return u.root.Link(path.Clean(strings.TrimLeft(h.Linkname, "/")), name)
	case tar.TypeSymlink:
		if staysIn(name, h.Linkname) {
			return u.root.Symlink(h.Linkname, name)
		}
	}
	u.files--
	u.left++
	return nil
}

// file keeps the time. Nobody may write to it, nor run it: what a double click
// starts is not for an image to say.
func (u *unpacked) file(name string, h *tar.Header, content io.Reader) error {
	if u.bytes += h.Size; u.bytes > mostTaken {
		return tooMuch("more than %d GB", mostTaken>>30)
	}
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	return u.root.Chtimes(name, h.ModTime, h.ModTime)
}

func ignoreExisting(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// staysIn tells a link that cannot lead out of the folder, wherever its way
// goes: up only as far as the folders that it stands in, and then only down.
func staysIn(name, target string) bool {
	if target == "" || path.IsAbs(target) {
		return false
	}
	up, down := 0, false
	for _, part := range strings.Split(target, "/") {
		switch {
		case part == "..":
			up++
			if down {
				return false
			}
		case part != "" && part != ".":
			down = true
		}
	}
	return up <= strings.Count(name, "/")
}

func tooMuch(format string, args ...any) error {
	return api.Errorf(api.KindInvalid, "too much to copy out: "+format, args...).
		WithHint("Open a folder further down, download what you need, or use davit cp.")
}
