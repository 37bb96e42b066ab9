// Package layers keeps unpacked layers: LayersDir/<64 hex of the diff id>/,
// each complete, because it gets its name only when its digest is verified.
//
// It runs in the engine, inside the user namespace. Who makes a layer holds
// the lock for its digest (package layout); who removes one holds that and the
// store's lock.
package layers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"davit/backend/image/unpack"
	"davit/backend/store"
)

// Dir is the directory of all layers.
type Dir struct {
	path  string
	mu    sync.Mutex
	infos map[string]Info // layers never change
}

// Info is what is known of a layer; it is written beside it, before it gets
// its name.
type Info struct {
	Tar     int64         `json:"tar"`   // bytes of the tar
	Bytes   int64         `json:"bytes"` // bytes of its files
	Entries int           `json:"entries"`
	Links   []unpack.Link `json:"links,omitempty"` // see Chained
	// Recipe is the size of what Tar makes the tar from, with the layer's
	// files; 0: its blob is needed for that.
	Recipe int64 `json:"recipe,omitempty"`
}

// Disk is what the layer takes.
func (i Info) Disk() int64 { return i.Bytes + i.Recipe }

const (
	infoDir  = ".info"
	trashDir = ".trash"
)

// Open makes the directory where it is missing. Only its owner may enter:
// images bring setuid files, which nobody else on the host is to reach
// (CVE-2021-41103).
func Open(path string) (*Dir, error) {
	for _, p := range []string{path, filepath.Join(path, infoDir), filepath.Join(path, trashDir)} {
		if err := os.MkdirAll(p, 0o700); err != nil {
			return nil, fmt.Errorf("make layer store: %w", err)
		}
	}
	return &Dir{path: path, infos: map[string]Info{}}, nil
}

// Path gives where the layer with this key is, or would be.
func (d *Dir) Path(key string) string { return filepath.Join(d.path, key) }

// Has tells whether the layer is there.
func (d *Dir) Has(key string) bool {
	st, err := os.Lstat(d.Path(key))
	return err == nil && st.IsDir()
}

// Info tells about a layer that is there; zero where nothing is known.
func (d *Dir) Info(key string) Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i, ok := d.infos[key]; ok {
		return i
	}
	var i Info
	if err := store.ReadJSON(d.info(key), &i); err != nil {
		return Info{}
	}
	d.infos[key] = i
	return i
}

func (d *Dir) info(key string) string { return filepath.Join(d.path, infoDir, key+".json") }

func (d *Dir) recipe(key string) string { return filepath.Join(d.path, infoDir, key+".recipe") }

// Recipe gives a file to write the recipe of a layer that was begun to.
func (d *Dir) Recipe(key string) (*os.File, error) {
	return os.OpenFile(d.recipe(key)+".tmp", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
}

// Whole tells whether the layer is there and can be made into its tar again.
func (d *Dir) Whole(key string) bool { return d.Has(key) && d.Info(key).Recipe > 0 }

// Tar writes the tar of a layer. The caller verifies its digest.
func (d *Dir) Tar(ctx context.Context, key string, w io.Writer) error {
	f, err := os.Open(d.recipe(key))
	if err != nil {
		return err
	}
	defer f.Close()
	return unpack.Tar(ctx, w, f, d.Path(key))
}

// Begin gives an empty directory to unpack into. What an earlier try left
// there is removed: the caller holds the layer's lock, so nobody writes it.
func (d *Dir) Begin(key string) (string, error) {
	p := d.Path(key) + ".tmp"
	if err := unpack.Remove(p); err != nil {
		return "", err
	}
	return p, os.Mkdir(p, 0o755)
}

// Abort removes what Begin and Recipe gave.
func (d *Dir) Abort(key string) error {
	if err := os.Remove(d.recipe(key) + ".tmp"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return unpack.Remove(d.Path(key) + ".tmp")
}

// Commit gives what Begin gave its name. The recipe is there before it, and
// where there is none, so is the note that there is none.
func (d *Dir) Commit(tmp, key string, i Info) error {
	var err error
	if i.Recipe > 0 {
		err = os.Rename(d.recipe(tmp)+".tmp", d.recipe(key))
	} else if err = os.Remove(d.recipe(tmp) + ".tmp"); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("keep recipe: %w", err)
	}
	if err := store.WriteJSONVolatile(d.info(key), i); err != nil {
		return err
	}
	return os.Rename(d.Path(tmp)+".tmp", d.Path(key))
}

// AddRecipe gives a layer that is there the recipe that was made beside it.
func (d *Dir) AddRecipe(key string, size int64) error {
	i := d.Info(key)
	i.Recipe = size
	if err := os.Rename(d.recipe(key)+".tmp", d.recipe(key)); err != nil {
		return fmt.Errorf("keep recipe: %w", err)
	}
	d.mu.Lock()
	delete(d.infos, key)
	d.mu.Unlock()
	return store.WriteJSONVolatile(d.info(key), i)
}

// Trash takes a layer, and what was begun of it, away at once; Sweep deletes
// it. It tells how many bytes its files had.
func (d *Dir) Trash(key string) (int64, error) {
	n := d.Info(key).Disk()
	for _, p := range []string{d.Path(key), d.Path(key) + ".tmp"} {
		bin, err := os.MkdirTemp(filepath.Join(d.path, trashDir), "")
		if err != nil {
			return 0, err
		}
		err = os.Rename(p, filepath.Join(bin, "layer"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, fmt.Errorf("remove layer: %w", err)
		}
	}
	d.mu.Lock()
	delete(d.infos, key)
	d.mu.Unlock()
	for _, p := range []string{d.info(key), d.recipe(key), d.recipe(key) + ".tmp"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, err
		}
	}
	return n, nil
}

// forget deletes what is known of layers that are not there: a process that
// was killed while it took a layer away, or wrote what is known, leaves that.
// As long as anybody unpacks it waits: Commit writes what is known of a layer
// before the layer has its name. What is known is listed first, so that a
// layer which gets its name meanwhile is seen.
func (d *Dir) forget() error {
	known, err := os.ReadDir(filepath.Join(d.path, infoDir))
	if err != nil {
		return err
	}
	_, begun, err := d.List()
	if err != nil || len(begun) > 0 {
		return err
	}
	for _, e := range known {
		key, _, _ := strings.Cut(strings.TrimPrefix(e.Name(), "."), ".")
		if d.Has(key) {
			continue
		}
		if err := os.Remove(filepath.Join(d.path, infoDir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Sweep deletes what is in the trash, and what else a killed process left.
func (d *Dir) Sweep() error {
	bin := filepath.Join(d.path, trashDir)
	all, err := os.ReadDir(bin)
	if err != nil {
		return err
	}
	for _, e := range all {
		if err := unpack.Remove(filepath.Join(bin, e.Name())); err != nil {
			return err
		}
	}
	return d.forget()
}

// List gives the keys of all layers, and of those that were begun and not finished.
func (d *Dir) List() (done, begun []string, err error) {
	all, err := os.ReadDir(d.path)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range all {
		k, tmp := strings.CutSuffix(e.Name(), ".tmp")
		switch {
		case !store.IsID(k):
		case tmp:
			begun = append(begun, k)
		default:
			done = append(done, k)
		}
	}
	return done, begun, nil
}

// Chained gives the key of a layer whose hard links reach into the layers
// below it: its content depends on those, so it is not shared between images
// that have it on top of others.
func Chained(diff string, lowers []string) string {
	h := sha256.New()
	for _, l := range lowers {
		fmt.Fprintln(h, l)
	}
	fmt.Fprintln(h, diff)
	return hex.EncodeToString(h.Sum(nil))
}
