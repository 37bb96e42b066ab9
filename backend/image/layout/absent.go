package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"davit/backend/image/manifest"
	"davit/backend/image/name"
	"davit/backend/store"
)

// Absent is what is known of a blob that was let go, because its layer is
// there unpacked and a registry has it. An OCI layout may lack blobs that are
// kept somewhere else (image-layout.md, "Blobs").
type Absent struct {
	Size int64    `json:"size"`
	Diff string   `json:"diff"` // digest of its tar
	From []string `json:"from"` // repositories that have it, complete names, the last one seen last
}

func (d *Dir) absent(digest string) string {
	return d.own("absent", manifest.Hex(digest)+".json")
}

// Absent tells about a blob that was let go; false where it was not.
func (d *Dir) Absent(digest string) (Absent, bool) {
	var a Absent
	err := store.ReadJSON(d.absent(digest), &a)
	return a, err == nil && name.IsDigest(a.Diff)
}

// LetGo notes that a blob is not kept, and who has it. The caller holds the
// digest's lock.
func (d *Dir) LetGo(digest string, a Absent) error {
	if old, ok := d.Absent(digest); ok && old.Diff == a.Diff {
		for _, from := range a.From {
			old.From = append(slices.DeleteFunc(old.From, func(f string) bool { return f == from }), from)
		}
		a.From = old.From[max(0, len(old.From)-maxFrom):]
	}
	if err := os.MkdirAll(d.own("absent"), 0o700); err != nil {
		return fmt.Errorf("note a blob: %w", err)
	}
	return store.WriteJSONVolatile(d.absent(digest), a)
}

// maxFrom bounds the repositories that are remembered for a blob.
const maxFrom = 8

// AllAbsent lists the digests of the blobs that were let go.
func (d *Dir) AllAbsent() ([]string, error) {
	all, err := os.ReadDir(d.own("absent"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []string
	for _, e := range all {
		hex, ok := strings.CutSuffix(e.Name(), ".json")
		if digest := "sha256:" + hex; ok && name.IsDigest(digest) {
			out = append(out, digest)
		}
	}
	return out, nil
}

// Forget drops the note on a blob.
func (d *Dir) Forget(digest string) error {
	if err := os.Remove(d.absent(digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget a blob: %w", err)
	}
	return nil
}
