package image

import (
	"context"
	"fmt"
	"io"
	"os"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
)

// The blob of a layer is kept packed only where nothing else could give it
// back: one that is a plain tar is made again from the unpacked files, and one
// that a registry has can be fetched (build/decisions/0008). Both need the
// layer's recipe, without which the tar could not be made either.

// kept is a layer's blob with what is needed to find it.
type kept struct {
	d    manifest.Descriptor
	diff string
	key  string // of the layer
}

// blobs gives those of an image, bottom first.
func (s *Store) blobs(d *document) []kept {
	keys, _ := s.keys(d.config)
	out := make([]kept, len(keys))
	for i, l := range d.manifest.Layers {
		out[i] = kept{l, d.config.RootFS.DiffIDs[i], keys[i]}
	}
	return out
}

// plain tells a blob that is the tar itself.
func (k kept) plain() bool { return k.d.Digest == k.diff }

// packed tells whether the blob lies here as it is.
func (s *Store) packed(k kept) bool { return s.layout.Has(k.d.Digest, k.d.Size) }

// letGo tells whether the blob is not here, as it should be: the layer can be
// made into its tar, and that is the blob, or somebody is known to have it.
func (s *Store) letGo(k kept) bool {
	return s.layers.Whole(k.key) && s.noted(k)
}

// noted tells whether the blob could be had again.
func (s *Store) noted(k kept) bool {
	if k.plain() {
		return true
	}
	a, ok := s.layout.Absent(k.d.Digest)
	return ok && a.Diff == k.diff
}

// has tells whether the blob is here, or was let go.
func (s *Store) has(k kept) bool { return s.packed(k) || s.letGo(k) }

// hasAll tells it of all blobs of an image.
func (s *Store) hasAll(d *document) bool {
	for _, k := range s.blobs(d) {
		if !s.has(k) {
			return false
		}
	}
	return s.layout.Has(d.manifest.Config.Digest, d.manifest.Config.Size)
}

// tar gives a layer's tar: of the blob where it is here, else of the files. Its
// end is an error where the digest is another.
func (s *Store) tar(ctx context.Context, k kept) (io.ReadCloser, error) {
	if s.packed(k) {
		f, err := s.stored(ctx, k.d, 0)
		if err != nil {
			return nil, err
		}
		return plainOf(f)
	}
	if !s.layers.Whole(k.key) {
		return nil, api.Errorf(api.KindCorrupt, "layer %s is missing", k.diff).WithHint("davit image check --repair")
	}
	r, w := io.Pipe()
	go func() {
		sum := newDigester()
		err := s.layers.Tar(ctx, k.key, io.MultiWriter(sum, w))
		if err == nil && sum.hash().String() != k.diff {
			err = api.Errorf(api.KindCorrupt, "its files make another tar")
		}
		if err != nil {
			err = fmt.Errorf("layer %s: %w", k.diff, err)
		}
		w.CloseWithError(err)
	}()
	return r, nil
}

// keeperOf gives the repositories that are known to have a blob that was let go, the likeliest first.
func (s *Store) keeperOf(ctx context.Context, digest string) ([]*fetch.Repository, error) {
	a, ok := s.layout.Absent(digest)
	if !ok || len(a.From) == 0 {
		return nil, api.Errorf(api.KindUnavailable, "no registry is known to have %s", digest)
	}
	var out []*fetch.Repository
	for i := len(a.From) - 1; i >= 0; i-- {
		n, err := name.Parse(a.From[i])
		if err != nil {
			continue
		}
		sources, err := s.c.Registries.Sources(n)
		if err != nil {
			continue
		}
		for _, src := range sources {
			if repo, err := s.client.Repository(fetch.HostFor(ctx, src.Host, src.Insecure), src.Repository); err == nil {
				out = append(out, repo)
			}
		}
	}
	if len(out) == 0 {
		return nil, api.Errorf(api.KindUnavailable, "no registry that had %s can be asked", digest)
	}
	return out, nil
}

// fetchBlob gives a blob that was let go, from a registry; its digest is
// verified as it passes.
func (s *Store) fetchBlob(ctx context.Context, d manifest.Descriptor, at int64) (io.ReadCloser, error) {
	repos, err := s.keeperOf(ctx, d.Digest)
	if err != nil {
		return nil, err
	}
	for _, repo := range repos {
		r := repo.Blob(ctx, d, at)
		first := make([]byte, 1)
		var n int
		if n, err = io.ReadFull(r, first); err == nil || n > 0 {
			return &begun{first: first[:n], ReadCloser: r}, nil
		}
		r.Close()
	}
	return nil, err
}

// begun is a stream whose first byte was read, to see that there is one.
type begun struct {
	first []byte
	io.ReadCloser
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	return b.ReadCloser.Read(p)
}

// openBlob gives a blob that is here or can be made of the files, byte by byte.
func (s *Store) openBlob(ctx context.Context, k kept) (io.ReadCloser, error) {
	switch {
	case s.packed(k):
		return os.Open(s.layout.Blob(k.d.Digest))
	case k.plain():
		return s.tar(ctx, k)
	}
	return nil, api.Errorf(api.KindCorrupt, "blob %s is not kept", k.d.Digest)
}
