// Package layout keeps images as an OCI image layout (blobs by digest,
// index.json), which crane, skopeo and podman read too, and the locks that
// make several processes at once safe.
//
// It runs in the engine, inside the user namespace. Several engines may have
// the same directory open. The files beside the layout are in ".davit":
//
//	lock         held while index.json changes and while leases are made or counted
//	leases/      one file for each work in progress: the digests it needs; held
//	             locked by whom it belongs to, so that one nobody holds is dead
//	locks/       one file for each digest that is being fetched or unpacked
//	absent/      what is known of blobs that were let go, by digest
//	partial/     downloads that were not finished, by digest
//	tmp/         archives that are being read
//	trash.json   images that were removed and can be put back
//	local.json   registries on this machine that may be sent a password without
//	             TLS, and registries.json, how registries are searched: the store's
package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"davit/backend/api"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
	"davit/backend/store"
)

// Dir is an image layout.
type Dir struct{ path string }

const own = ".davit"

// Open makes the layout where it is missing.
func Open(path string) (*Dir, error) {
	d := &Dir{path}
	for _, p := range []string{"blobs/sha256", own + "/leases", own + "/locks", own + "/partial", own + "/tmp"} {
		if err := os.MkdirAll(filepath.Join(path, p), 0o700); err != nil {
			return nil, fmt.Errorf("make image store: %w", err)
		}
	}
	mark := filepath.Join(path, "oci-layout")
	if _, err := os.Stat(mark); errors.Is(err, fs.ErrNotExist) {
		return d, store.WriteJSON(mark, map[string]string{"imageLayoutVersion": "1.0.0"})
	}
	return d, nil
}

func (d *Dir) own(elem ...string) string {
	return filepath.Join(append([]string{d.path, own}, elem...)...)
}

// Blob gives where a blob is. The digest has been checked by package manifest.
func (d *Dir) Blob(digest string) string {
	return filepath.Join(d.path, "blobs", "sha256", manifest.Hex(digest))
}

// Partial gives where an unfinished download is kept.
func (d *Dir) Partial(digest string) string { return d.own("partial", manifest.Hex(digest)) }

// Temp makes a file without a name, for an archive that cannot be read twice.
func (d *Dir) Temp() (*os.File, error) {
	f, err := os.CreateTemp(d.own("tmp"), "")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// Has tells whether the blob is there with this size.
func (d *Dir) Has(digest string, size int64) bool {
	st, err := os.Lstat(d.Blob(digest))
	return err == nil && st.Mode().IsRegular() && st.Size() == size
}

// Read reads a small blob and verifies it.
func (d *Dir) Read(digest string, limit int64) ([]byte, error) {
	if !name.IsDigest(digest) {
		return nil, api.Errorf(api.KindCorrupt, "%q is not a digest", digest)
	}
	f, err := os.Open(d.Blob(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, api.Errorf(api.KindCorrupt, "blob %s is missing", digest)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", digest, err)
	}
	if int64(len(b)) > limit || manifest.Digest(b) != digest {
		return nil, api.Errorf(api.KindCorrupt, "blob %s is damaged", digest).WithHint("Pull the image again.")
	}
	return b, nil
}

// Write keeps a small blob.
func (d *Dir) Write(b []byte) (string, error) {
	digest := manifest.Digest(b)
	if d.Has(digest, int64(len(b))) {
		return digest, nil
	}
	f, err := os.CreateTemp(d.own("tmp"), "blob-")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", fmt.Errorf("write blob %s: %w", digest, err)
	}
	return digest, os.Rename(f.Name(), d.Blob(digest))
}

// Lock is the store's lock: index.json and leases change only under it.
func (d *Dir) Lock(ctx context.Context) (*store.Lock, error) {
	return store.LockFile(ctx, d.own("lock"))
}

// Blobs lists the digests of all blobs with their sizes.
func (d *Dir) Blobs() (map[string]int64, error) {
	all, err := os.ReadDir(filepath.Join(d.path, "blobs", "sha256"))
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, e := range all {
		digest := "sha256:" + e.Name()
		if st, err := e.Info(); err == nil && name.IsDigest(digest) {
			out[digest] = st.Size()
		}
	}
	return out, nil
}

// Partials lists the digests of unfinished downloads.
func (d *Dir) Partials() ([]string, error) {
	all, err := os.ReadDir(d.own("partial"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range all {
		if digest := "sha256:" + e.Name(); name.IsDigest(digest) {
			out = append(out, digest)
		}
	}
	return out, nil
}
