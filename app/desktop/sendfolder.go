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

	"davit/backend/api"
)

// mostSent is how many files and folders are sent at once, as for those that
// are dropped.
const mostSent = 50_000

// SendFolder sends a folder of this computer, as PickFolder returned it, into a
// folder of a container or volume.
func (v *Verbs) SendFolder(at api.FilePath, folder string) (api.Unpacked, error) {
	return v.sendFolder(context.Background(), at, folder)
}

func (v *Verbs) sendFolder(ctx context.Context, at api.FilePath, folder string) (api.Unpacked, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return api.Unpacked{}, api.Errorf(api.KindInvalid, "read %s: %w", folder, err)
	}
	defer root.Close()
	r, w := io.Pipe()
	done := make(chan struct{})
	s := &sender{ctx: ctx, root: root, name: filepath.Base(folder), w: tar.NewWriter(w)}
	go func() {
		defer close(done)
		_ = w.CloseWithError(s.pack())
	}()
	got, err := v.service.PutArchive(ctx, api.ArchiveSpec{At: at}, r)
	_ = r.Close()
	<-done
	if s.failed != nil {
		err = s.failed
	}
	got.Skipped = append(got.Skipped, s.skipped...)
	return got, err
}

// sender packs a folder. Links are left out, as for what is dropped: they mean
// something else in there.
type sender struct {
	ctx     context.Context
	root    *os.Root
	name    string
	w       *tar.Writer
	files   int
	skipped []string
	failed  error // what is wrong here, rather than at the other end
}

func (s *sender) pack() error {
	err := fs.WalkDir(s.root.FS(), ".", s.entry)
	if err == nil {
		err = s.w.Close()
	}
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		s.failed = err
	}
	return err
}

func (s *sender) entry(p string, d fs.DirEntry, err error) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if err != nil || !d.IsDir() && !d.Type().IsRegular() {
		s.skip(p)
		return nil
	}
	if s.files++; s.files > mostSent {
		return api.Errorf(api.KindInvalid, "%s has more than %d files and folders", s.root.Name(), mostSent).WithHint("Copy it with davit cp.")
	}
	info, err := d.Info()
	if err != nil {
		s.skip(p)
		return nil
	}
	h := &tar.Header{Name: path.Join(s.name, p), Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(), Format: tar.FormatPAX}
	if d.IsDir() {
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		return s.w.WriteHeader(h)
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	return s.file(p, h)
}

func (s *sender) file(p string, h *tar.Header) error {
	f, err := s.root.Open(p)
	if err != nil {
		s.skip(p)
		return nil
	}
	defer f.Close()
	if err := s.w.WriteHeader(h); err != nil {
		return err
	}
	if _, err := io.CopyN(s.w, f, h.Size); err != nil {
		return fmt.Errorf("send %s: %w", p, err)
	}
	return nil
}

// skip names what stays here, of the first of them.
func (s *sender) skip(p string) {
	if len(s.skipped) < 100 {
		s.skipped = append(s.skipped, path.Join(s.name, p))
	}
}
