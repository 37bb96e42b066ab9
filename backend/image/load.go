package image

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/image/archive"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
	"davit/backend/image/sample"
	"davit/backend/image/unpack"
)

// Load adds the images of the archive that r gives: docker or OCI, plain or
// compressed. origin is where it comes from, for people ("app.tar"); "" is an
// archive.
func (s *Store) Load(ctx context.Context, r io.Reader, origin string) ([]api.Image, error) {
	f, err := s.spool(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	files, err := archive.OpenTar(f)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	return s.load(ctx, files, origin, "")
}

// LoadPath does the same for a file, or an OCI directory.
func (s *Store) LoadPath(ctx context.Context, path string) ([]api.Image, error) {
	st, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil, api.Errorf(api.KindNotFound, "there is no file %s", path).WithRef(path)
	}
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	files, err := s.files(ctx, path, st)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	defer files.Close()
	return s.load(ctx, files, filepath.Base(path), path)
}

func (s *Store) files(ctx context.Context, path string, st os.FileInfo) (archive.Files, error) {
	if st.IsDir() {
		return archive.OpenDir(path)
	}
	if !st.Mode().IsRegular() {
		return nil, api.Errorf(api.KindInvalid, "it is neither a file nor a directory")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 6)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		f.Close()
		return nil, err
	}
	if kind, err := unpack.Sniff(head[:n]); kind == unpack.Plain && err == nil {
		return archive.OpenTar(f) // as it lies there: no copy
	}
	defer f.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	plain, err := s.spool(ctx, f)
	if err != nil {
		return nil, err
	}
	return archive.OpenTar(plain)
}

// spool keeps a stream, unpacked, in a file without a name, because archives
// have to be read from the end to the beginning.
func (s *Store) spool(ctx context.Context, r io.Reader) (*os.File, error) {
	z, _, err := unpack.Decompress(r)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	f, err := s.layout.Temp()
	if err != nil {
		return nil, err
	}
	if err := archive.CopyTar(f, &reader{ctx, z}, s.roomLeft); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// roomLeft refuses to go on when the disk is nearly full.
func (s *Store) roomLeft() error {
	var st unix.Statfs_t
	if err := unix.Statfs(s.c.ImagesDir, &st); err != nil {
		return os.NewSyscallError("statfs", err)
	}
	if int64(st.Bavail)*st.Bsize < 256<<20 {
		return api.Errorf(api.KindNoSpace, "the disk is nearly full")
	}
	return nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func (s *Store) load(ctx context.Context, files archive.Files, origin, path string) ([]api.Image, error) {
	if origin == "" {
		origin = "an archive"
	}
	found, err := archive.Images(files, archive.Options{Platform: s.platform, Path: path})
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", origin, err)
	}
	var out []api.Image
	for _, a := range found {
		in := incoming{raw: a.Raw, config: a.Config, doc: &document{a.Manifest, a.Parsed, a.Manifest.Config.Digest}}
		in.open = func(_ context.Context, d manifest.Descriptor, at int64) (io.ReadCloser, error) {
			return a.Open(files, d) // at is 0: what broke off is not kept
		}
		i, err := s.add(ctx, in, a.Names, "loaded from "+origin)
		if err != nil {
			return out, fmt.Errorf("load %s: %w", origin, err)
		}
		out = append(out, i)
	}
	return out, nil
}

// add brings an image in under its names. A name that another image had moves;
// the origin tells, so that it does not happen unseen.
func (s *Store) add(ctx context.Context, in incoming, names []string, origin string) (api.Image, error) {
	return s.addTracked(ctx, in, names, origin, nil)
}

// addTracked is add with progress.
func (s *Store) addTracked(ctx context.Context, in incoming, names []string, origin string, progress func(Progress)) (api.Image, error) {
	if moved := s.moves(in.doc.id, names); moved != "" {
		origin += "; took the name " + moved
	}
	entries := []layout.Entry{}
	for _, n := range names {
		entries = append(entries, entry(in, layout.Entry{Name: n, Origin: origin}))
	}
	if len(entries) == 0 {
		entries = append(entries, entry(in, layout.Entry{Origin: origin}))
	}
	t := newTracker(origin, in.doc.manifest.Layers, progress)
	defer t.close()
	if err := s.ingest(ctx, in, t, entries); err != nil {
		return api.Image{}, err
	}
	i, err := s.Get(ctx, in.doc.id)
	return i.Image, err
}

// moves gives the first of names that another image has, and that image's id.
func (s *Store) moves(id string, names []string) string {
	entries, err := s.layout.Entries()
	if err != nil {
		return "" // the update will meet the same error
	}
	for _, e := range entries {
		for _, n := range names {
			if e.Name == n && e.Config != id {
				return n + " from " + e.Config
			}
		}
	}
	return ""
}

// LoadSample adds the image that is built into Davit.
func (s *Store) LoadSample(ctx context.Context) (api.Image, error) {
	i, err := sample.Make()
	if err != nil {
		return api.Image{}, err
	}
	m, err := manifest.Parse(i.Manifest, manifest.TypeManifest)
	if err != nil {
		return api.Image{}, err
	}
	c, err := manifest.ParseConfig(i.Config, m)
	if err != nil {
		return api.Image{}, err
	}
	in := incoming{raw: i.Manifest, config: i.Config, doc: &document{m, c, m.Config.Digest}}
	in.open = func(context.Context, manifest.Descriptor, int64) (io.ReadCloser, error) { return i.Open(), nil }
	return s.add(ctx, in, []string{sample.Name}, sample.Origin)
}
