// Package archive reads images from docker archives, OCI archives and OCI
// directories, and writes the first two. What it reads may be hostile: names
// are looked up inside the archive only, sizes are bounded, and nothing of it
// is ever written to a path that it names.
//
// It runs in the engine. It hands out documents that were checked, and layers
// as streams that who unpacks them has to verify.
package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// Files are the files of an archive by their names in it.
type Files interface {
	// Open opens a regular file; fs.ErrNotExist where there is none.
	Open(name string) (io.ReadCloser, int64, error)
	Close() error
}

// directory is an archive that was unpacked.
type directory struct{ fd int }

// OpenDir opens a directory. Symlinks are followed while they stay in it:
// some layouts have them.
func OpenDir(dir string) (Files, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	return directory{fd}, nil
}

func (d directory) Close() error { return unix.Close(d.fd) }

func (d directory) Open(name string) (io.ReadCloser, int64, error) {
	fd, err := unix.Openat2(d.fd, name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY, // a fifo must not hold us up
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	})
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return nil, 0, fs.ErrNotExist
	case errors.Is(err, unix.EXDEV), errors.Is(err, unix.ELOOP):
		return nil, 0, corrupt("%s leads out of the directory", quote(name))
	case err != nil:
		return nil, 0, fmt.Errorf("open %s: %w", quote(name), err)
	}
	f := os.NewFile(uintptr(fd), name)
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = corrupt("%s is no regular file", quote(name))
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

// maxFiles bounds how many files an archive may have.
const maxFiles = 100_000

// tarFile is a tar on disk, of which we know where each file begins.
type tarFile struct {
	f     *os.File
	files map[string]span
	links map[string]string // symlinks and hard links, which old docker save wrote
}

type span struct{ at, size int64 }

// OpenTar reads where the files of a plain tar are. It owns f from now on. Of
// two files with one name the last counts, as when it is unpacked.
func OpenTar(f *os.File) (Files, error) {
	t := &tarFile{f: f, files: map[string]span{}, links: map[string]string{}}
	if err := t.index(); err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

func (t *tarFile) index() error {
	if _, err := t.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := tar.NewReader(t.f)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return corrupt("it is not a tar archive: %w", err)
		}
		if len(t.files)+len(t.links) >= maxFiles {
			return corrupt("it has more than %d files", maxFiles)
		}
		name := path.Clean(h.Name)
		delete(t.files, name)
		delete(t.links, name)
		switch h.Typeflag {
		case tar.TypeReg:
			at, err := t.f.Seek(0, io.SeekCurrent) // archive/tar reads no further than the header
			if err != nil {
				return err
			}
			t.files[name] = span{at, h.Size}
		case tar.TypeSymlink:
			t.links[name] = path.Join(path.Dir(name), h.Linkname)
		case tar.TypeLink:
			t.links[name] = path.Clean(h.Linkname)
		}
	}
}

func (t *tarFile) Close() error { return t.f.Close() }

func (t *tarFile) Open(name string) (io.ReadCloser, int64, error) {
	name = path.Clean(name)
	for range 8 {
		if s, ok := t.files[name]; ok {
			return io.NopCloser(io.NewSectionReader(t.f, s.at, s.size)), s.size, nil
		}
		to, ok := t.links[name]
		if !ok {
			break
		}
		name = to
	}
	return nil, 0, fs.ErrNotExist
}

// read reads a small file whole.
func read(f Files, name string, limit int64) ([]byte, error) {
	r, size, err := f.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > limit {
		return nil, corrupt("%s has %d bytes, more than the %d that are allowed", quote(name), size, limit)
	}
	b, err := io.ReadAll(io.LimitReader(r, limit))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", quote(name), err)
	}
	return b, nil
}

func quote(s string) string {
	if len(s) > 120 {
		s = s[:120] + "…"
	}
	return strconv.Quote(s)
}

func corrupt(format string, args ...any) *api.Error {
	return api.Errorf(api.KindCorrupt, format, args...)
}

// base gives the name of an archive without its endings, for images in it
// that have a tag and no name.
func base(p string) string {
	b := filepath.Base(p)
	for _, e := range []string{".gz", ".zst", ".bz2", ".tar", ".tgz", ".oci"} {
		if s := len(b) - len(e); s > 0 && b[s:] == e {
			b = b[:s]
		}
	}
	return b
}
