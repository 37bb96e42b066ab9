package layout

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"davit/backend/image/manifest"
	"davit/backend/store"
)

// The annotations of an entry in index.json. The first is the OCI's own.
const (
	annotationName   = "org.opencontainers.image.ref.name"
	annotationOrigin = "dev.davit.origin"
	annotationSource = "dev.davit.source"
	annotationConfig = "dev.davit.config"
)

// Entry is one name of one image, or an image without a name.
type Entry struct {
	Descriptor manifest.Descriptor // of the manifest
	Name       string              // complete, with tag; "": none
	Origin     string              // a sentence
	Source     string              // name@digest that the registry knows it by; "": none
	Config     string              // digest of the config: the image's id
}

type index struct {
	SchemaVersion int                   `json:"schemaVersion"`
	MediaType     string                `json:"mediaType"`
	Manifests     []manifest.Descriptor `json:"manifests"`
}

func (d *Dir) indexPath() string { return filepath.Join(d.path, "index.json") }

// Entries reads index.json. No lock is needed: it is replaced, never changed.
func (d *Dir) Entries() ([]Entry, error) {
	var x index
	err := store.ReadJSON(d.indexPath(), &x)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(x.Manifests))
	for _, m := range x.Manifests {
		a := m.Annotations
		m.Annotations = nil
		out = append(out, Entry{m, a[annotationName], a[annotationOrigin], a[annotationSource], a[annotationConfig]})
	}
	return out, nil
}

// Update changes the entries under the store's lock.
func (d *Dir) Update(ctx context.Context, change func([]Entry) ([]Entry, error)) error {
	l, err := d.Lock(ctx)
	if err != nil {
		return err
	}
	defer l.Unlock()
	return d.UpdateLocked(change)
}

// UpdateLocked is Update for who holds the lock already.
func (d *Dir) UpdateLocked(change func([]Entry) ([]Entry, error)) error {
	entries, err := d.Entries()
	if err != nil {
		return err
	}
	if entries, err = change(entries); err != nil {
		return err
	}
	x := index{SchemaVersion: 2, MediaType: manifest.TypeIndex, Manifests: []manifest.Descriptor{}}
	for _, e := range entries {
		m := e.Descriptor
		m.Annotations = map[string]string{}
		for k, v := range map[string]string{annotationName: e.Name, annotationOrigin: e.Origin, annotationSource: e.Source, annotationConfig: e.Config} {
			if v != "" {
				m.Annotations[k] = v
			}
		}
		x.Manifests = append(x.Manifests, m)
	}
	return store.WriteJSON(d.indexPath(), x)
}
