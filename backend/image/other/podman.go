// Package other reads the image stores of other engines on this machine:
// podman's files (containers/storage with its overlay or vfs driver) and docker's
// socket. It only reads, and trusts nothing: who takes an image from here
// verifies each layer by its digest.
//
// It runs in the engine, as root of the user namespace, which has the same
// subordinate ids as podman's, so that all files of a rootless store can be read.
package other

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"davit/backend/form"
	"davit/backend/store"
)

// Image is an image of another store.
type Image struct {
	ID      string // sha256:…, digest of the config
	Names   []string
	Size    int64
	Created time.Time
	layer   string // podman's id of the top layer
}

// Podman is a store of containers/storage.
type Podman struct {
	Root   string
	Driver string // "overlay", "vfs"
}

// drivers are those whose files can be read as they lie there, with where they
// have a layer's.
var drivers = map[string]string{"overlay": "overlay/%s/diff", "vfs": "vfs/dir/%s"}

// records gives the directory of the driver's records.
func (p Podman) records(kind string) string { return filepath.Join(p.Root, p.Driver+"-"+kind) }

// files gives the directory with a layer's files.
func (p Podman) files(id string) string {
	return filepath.Join(p.Root, filepath.FromSlash(fmt.Sprintf(drivers[p.Driver], id)))
}

// FindPodman gives the person's store, whether it is there or not. Of a store
// with images of several drivers it is the one of overlay, which podman prefers.
func FindPodman(getenv func(string) string) Podman {
	home, data, config := getenv("HOME"), getenv("XDG_DATA_HOME"), getenv("XDG_CONFIG_HOME")
	if data == "" {
		data = filepath.Join(home, ".local/share")
	}
	if config == "" {
		config = filepath.Join(home, ".config")
	}
	var c struct {
		Storage struct {
			GraphRoot string `toml:"graphroot"`
		} `toml:"storage"`
	}
	if b, err := os.ReadFile(filepath.Join(config, "containers/storage.conf")); err == nil {
		if toml.Unmarshal(b, &c) == nil && filepath.IsAbs(c.Storage.GraphRoot) {
			return withDriver(c.Storage.GraphRoot)
		}
	}
	return withDriver(filepath.Join(data, "containers/storage"))
}

func withDriver(root string) Podman {
	for _, driver := range []string{"overlay", "vfs"} {
		if _, err := os.Stat(filepath.Join(root, driver+"-images", "images.json")); err == nil {
			return Podman{root, driver}
		}
	}
	return Podman{root, "overlay"}
}

// maxRecord bounds a file of records.
const maxRecord = 256 << 20

func readJSON(path string, v any) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if st.Size() > maxRecord {
		return fmt.Errorf("%s has %d bytes", path, st.Size())
	}
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// layer is a record of overlay-layers/layers.json.
type layer struct {
	ID     string `json:"id"`
	Parent string `json:"parent"`
	Diff   string `json:"diff-digest"`
	Size   int64  `json:"diff-size"` // of the tar
}

var digest = form.Of(`^sha256:[0-9a-f]{64}$`)

// layers reads all records of layers, those that podman forgets at a reboot included.
func (p Podman) layers() (map[string]layer, error) {
	out := map[string]layer{}
	for _, name := range []string{"layers.json", "volatile-layers.json"} {
		var all []layer
		err := readJSON(filepath.Join(p.records("layers"), name), &all)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, l := range all {
			if store.IsID(l.ID) {
				out[l.ID] = l
			}
		}
	}
	return out, nil
}

// chain gives an image's layers, bottom first.
func chain(all map[string]layer, top string) ([]layer, error) {
	var out []layer
	for id := top; id != ""; id = all[id].Parent {
		l, ok := all[id]
		if !ok || len(out) > 1000 || !digest().MatchString(l.Diff) {
			return nil, fmt.Errorf("podman's record of layer %.12s is missing or not whole", id)
		}
		out = append([]layer{l}, out...)
	}
	return out, nil
}

// Images lists the store's images. None where there is no store.
func (p Podman) Images() ([]Image, error) {
	var all []struct {
		ID      string    `json:"id"`
		Names   []string  `json:"names"`
		Layer   string    `json:"layer"`
		Created time.Time `json:"created"`
	}
	err := readJSON(filepath.Join(p.records("images"), "images.json"), &all)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	layers, err := p.layers()
	if err != nil {
		return nil, err
	}
	var out []Image
	for _, i := range all {
		if !store.IsID(i.ID) {
			continue
		}
		ls, err := chain(layers, i.Layer)
		if err != nil {
			continue // an image that is just being pulled
		}
		one := Image{ID: "sha256:" + i.ID, Names: tagged(i.Names), Created: i.Created, layer: i.Layer}
		for _, l := range ls {
			one.Size += l.Size
		}
		out = append(out, one)
	}
	return out, nil
}

// tagged keeps the names with a tag: those by digest are podman's notes.
func tagged(names []string) []string {
	out := []string{}
	for _, n := range names {
		if !strings.Contains(n, "@") {
			out = append(out, n)
		}
	}
	return out
}

// Config reads an image's config.
func (p Podman) Config(i Image, limit int64) ([]byte, error) {
	// A name with other signs than small letters, digits and dots is filed in base64.
	name := "=" + base64.StdEncoding.EncodeToString([]byte(i.ID))
	path := filepath.Join(p.records("images"), strings.TrimPrefix(i.ID, "sha256:"), name)
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes", path, st.Size())
	}
	return os.ReadFile(path)
}

// Layer is one layer of an image: Open gives the tar that it was made of.
type Layer struct {
	DiffID string
	Size   int64 // of the tar
	store  Podman
	id     string
}

// Layers gives an image's layers, bottom first.
func (p Podman) Layers(i Image) ([]Layer, error) {
	all, err := p.layers()
	if err != nil {
		return nil, err
	}
	ls, err := chain(all, i.layer)
	if err != nil {
		return nil, err
	}
	out := make([]Layer, len(ls))
	for n, l := range ls {
		out[n] = Layer{l.Diff, l.Size, p, l.ID}
	}
	return out, nil
}
