package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/image/archive"
	"davit/backend/image/manifest"
)

// SavePlan checks what SaveTo is to do, and tells how many bytes it is about.
func (s *Store) SavePlan(spec api.SaveSpec) (int64, error) {
	switch spec.Format {
	case api.SaveOCI, api.SaveDocker, api.SaveOCIDir:
	default:
		return 0, noFormat(spec.Format)
	}
	if len(spec.Refs) == 0 || !filepath.IsAbs(spec.Path) {
		return 0, api.Errorf(api.KindInvalid, "to save takes images and an absolute path, not %q", spec.Path).WithRef(spec.Path)
	}
	images, err := s.chosen(spec.Refs)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, i := range images {
		for n, l := range i.Manifest.Layers {
			size := l.Size
			if tar := s.layers.Info(manifest.Hex(i.Parsed.RootFS.DiffIDs[n])).Tar; spec.Format == api.SaveDocker && tar > 0 {
				size = tar
			}
			sum += size
		}
	}
	return sum, nil
}

func noFormat(f api.SaveFormat) error {
	return api.Errorf(api.KindInvalid, "%q is not an archive format; there are %s, %s and %s", f, api.SaveDocker, api.SaveOCI, api.SaveOCIDir)
}

// SaveTo writes images to a path. A file is there whole, or as it was; so is
// a directory, which has to be empty or not there. count is told the bytes as
// they are written.
func (s *Store) SaveTo(ctx context.Context, spec api.SaveSpec, count func(int64)) error {
	if _, err := s.SavePlan(spec); err != nil {
		return err
	}
	if spec.Format == api.SaveOCIDir {
		return s.saveDir(ctx, spec, count)
	}
	f, err := os.CreateTemp(filepath.Dir(spec.Path), "."+filepath.Base(spec.Path)+".*")
	if err != nil {
		return savePath(spec.Path, err)
	}
	defer os.Remove(f.Name())
	err = s.Save(ctx, spec.Refs, spec.Format, &telling{f, count})
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), spec.Path)
	}
	return savePath(spec.Path, err)
}

// savePath tells what of a path's troubles is the person's to mend.
func savePath(path string, err error) error {
	switch {
	case err == nil || api.KindOf(err) != api.KindInternal:
		return err
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return api.Errorf(api.KindNoSpace, "the disk of %s is full", path).WithRef(path)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return api.Errorf(api.KindNotFound, "there is no directory %s", filepath.Dir(path)).WithRef(path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return api.Errorf(api.KindDenied, "%s may not be written", path).WithRef(path)
	case errors.Is(err, unix.ENOTEMPTY), errors.Is(err, fs.ErrExist), errors.Is(err, unix.EISDIR):
		return api.Errorf(api.KindConflict, "%s is there already", path).WithRef(path).WithHint("Choose another name, or remove it first.")
	}
	return fmt.Errorf("write %s: %w", path, err)
}

func (s *Store) saveDir(ctx context.Context, spec api.SaveSpec, count func(int64)) error {
	images, err := s.chosen(spec.Refs)
	if err == nil {
		images, err = s.portable(images)
	}
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(spec.Path), "."+filepath.Base(spec.Path)+".*")
	if err != nil {
		return savePath(spec.Path, err)
	}
	defer os.RemoveAll(tmp)
	err = archive.WriteOCIDir(tmp, images, told{saved{s, ctx}, count})
	if err == nil {
		err = os.Chmod(tmp, 0o755)
	}
	if err == nil {
		err = os.Rename(tmp, spec.Path)
	}
	return savePath(spec.Path, err)
}

// telling counts what is written.
type telling struct {
	w     io.Writer
	count func(int64)
}

func (t *telling) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.count(int64(n))
	return n, err
}

// told counts what is read of blobs, and ends with its context.
type told struct {
	saved
	count func(int64)
}

// Packed implements archive.Blobs.
func (t told) Packed(d manifest.Descriptor) (io.ReadCloser, error) {
	r, err := t.saved.Packed(d)
	if err != nil {
		return nil, err
	}
	return both{io.NopCloser(io.TeeReader(&reader{t.ctx, r}, &telling{io.Discard, t.count})), r}, nil
}
