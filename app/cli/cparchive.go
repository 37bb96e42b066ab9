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
	"syscall"

	"davit/app/front/takeout"
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

// tellTaken says what is not as in the container.
func tellTaken(w io.Writer, t takeout.Taken) {
	var notes []string
	if t.Left > 0 {
		notes = append(notes, fmt.Sprintf("left out %d devices or pipes", t.Left))
	}
	if t.Foreign > 0 {
		notes = append(notes, fmt.Sprintf("%d files are yours, because you may not give files to other users", t.Foreign))
	}
	if len(notes) > 0 {
		fmt.Fprintf(w, "davit: %s\n", strings.Join(notes, "; "))
	}
}
