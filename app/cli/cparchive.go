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
	"slices"
	"strings"
	"syscall"
	"time"

	"davit/backend/api"
)

// localPacker makes archives of files here.
type localPacker struct {
	ctx    context.Context
	follow bool // the source itself is followed where it is a link
}

// pack writes what is at src as name; ".": the content of a directory.
func (p *localPacker) pack(w io.Writer, src, name string) error {
	if p.follow {
		real, err := filepath.EvalSymlinks(src)
		if err != nil {
			return err
		}
		src = real
	}
	t := tar.NewWriter(w)
	err := filepath.WalkDir(filepath.Clean(src), func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := p.ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(src, at)
		if err != nil {
			return err
		}
		return p.add(t, at, path.Join(name, rel), d)
	})
	if err != nil {
		return err
	}
	return t.Close()
}

func (p *localPacker) add(t *tar.Writer, at, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it went away meanwhile
	}
	if err != nil {
		return err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(at); err != nil {
			return err
		}
	}
	if info.Mode()&(fs.ModeSocket|fs.ModeDevice) != 0 {
		return nil
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name, h.Uname, h.Gname, h.Format = name, "", "", tar.FormatPAX
	if info.IsDir() {
		h.Name += "/"
	}
	// You are the container's root; other ids are numbers there as here.
	if h.Uid == os.Getuid() {
		h.Uid = 0
	}
	if h.Gid == os.Getgid() {
		h.Gid = 0
	}
	if !info.Mode().IsRegular() {
		return t.WriteHeader(h)
	}
	f, err := os.OpenFile(at, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	if n, err := io.Copy(t, io.LimitReader(f, h.Size)); err != nil || n < h.Size {
		return fmt.Errorf("%s changed while it was read: %w", at, errors.Join(err, io.ErrUnexpectedEOF))
	}
	return nil
}

// localUnpacker unpacks a container's archive into a directory here. The
// archive is foreign: nothing that it names or links to is reached outside.
type localUnpacker struct {
	root    *os.Root
	owners  bool // keep them where that can be
	dirs    []dirTime
	skipped int // devices and the like
	foreign int // files whose owner could not be kept
}

type dirTime struct {
	name string
	mode fs.FileMode
	time time.Time
}

func (u *localUnpacker) unpack(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := u.entry(h, t); err != nil {
			return fmt.Errorf("copy %q: %w", h.Name, err)
		}
	}
	// What is made in a directory changes its time, and one without w holds nothing new.
	for _, d := range slices.Backward(u.dirs) {
		if err := u.root.Chmod(d.name, d.mode); err != nil {
			return err
		}
		if err := u.root.Chtimes(d.name, d.time, d.time); err != nil {
			return err
		}
	}
	return nil
}

func (u *localUnpacker) entry(h *tar.Header, content io.Reader) error {
	name := path.Clean(h.Name)
	if !filepath.IsLocal(name) {
		return api.Errorf(api.KindInvalid, "the archive has a path that leads out of it")
	}
	mode := fs.FileMode(h.Mode).Perm()
	if u.owners {
		mode = h.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return u.directory(name, mode, h)
	case tar.TypeReg:
		return u.file(name, mode, h, content)
	case tar.TypeSymlink:
		return u.fresh(name, func() error { return u.root.Symlink(h.Linkname, name) })
	case tar.TypeLink:
		to := path.Clean(h.Linkname)
		if !filepath.IsLocal(to) {
			return api.Errorf(api.KindInvalid, "a link in the archive leads out of it")
		}
		return u.fresh(name, func() error { return u.root.Link(to, name) })
	}
	u.skipped++
	return nil
}

func (u *localUnpacker) directory(name string, mode fs.FileMode, h *tar.Header) error {
	if name == "." {
		return nil // it is the person's own
	}
	info, err := u.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := u.root.Mkdir(name, 0o700); err != nil {
			return err
		}
	case err != nil:
		return err
	case !info.IsDir():
		return api.Errorf(api.KindConflict, "cannot overwrite what is no directory with a directory")
	}
	u.dirs = append(u.dirs, dirTime{name, mode, h.ModTime})
	return u.owner(name, h)
}

// fresh makes something where nothing, or a file that it replaces, is.
func (u *localUnpacker) fresh(name string, create func() error) error {
	info, err := u.root.Lstat(name)
	switch {
	case err == nil && info.IsDir():
		return api.Errorf(api.KindConflict, "cannot overwrite a directory with what is none")
	case err == nil:
		if err := u.root.Remove(name); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return create()
}

func (u *localUnpacker) file(name string, mode fs.FileMode, h *tar.Header, content io.Reader) error {
	return u.fresh(name, func() error {
		f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		if err = errors.Join(err, f.Close(), u.owner(name, h)); err != nil {
			return err
		}
		if err := u.root.Chmod(name, mode); err != nil {
			return err
		}
		return u.root.Chtimes(name, h.ModTime, h.ModTime)
	})
}

// owner keeps it, where it is not root, which you are.
func (u *localUnpacker) owner(name string, h *tar.Header) error {
	if !u.owners || h.Uid == 0 && h.Gid == 0 {
		return nil
	}
	err := u.root.Lchown(name, h.Uid, h.Gid)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) {
		u.foreign++
		return nil
	}
	return err
}

// tell says what is not as in the container.
func (u *localUnpacker) tell(w io.Writer) {
	var notes []string
	if u.skipped > 0 {
		notes = append(notes, fmt.Sprintf("left out %d devices or pipes", u.skipped))
	}
	if u.foreign > 0 {
		notes = append(notes, fmt.Sprintf("%d files are yours, because you may not give files to other users", u.foreign))
	}
	if len(notes) > 0 {
		fmt.Fprintf(w, "davit: %s\n", strings.Join(notes, "; "))
	}
}
