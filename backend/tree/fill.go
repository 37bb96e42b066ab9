package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Fill puts into the directory dir what the layers of an image, bottom first,
// have at target, with modes and the owners that o gives. Layers are foreign.
func Fill(ctx context.Context, dir string, layers []string, target string, o Options) error {
	to, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer to.Close()
	for _, layer := range layers { // what lies above comes later
		if err := addLayer(ctx, to, layer, target, o); err != nil {
			return fmt.Errorf("layer %s: %w", path.Base(layer), err)
		}
	}
	return nil
}

// addLayer puts what one layer has at target over what is there.
func addLayer(ctx context.Context, to *os.Root, layer, target string, o Options) error {
	from, err := os.OpenRoot(layer)
	if err != nil {
		return err
	}
	defer from.Close()
	// A layer that hides target or a directory above it hides what was below.
	rel := strings.TrimPrefix(path.Clean(target), "/")
	for p := rel; p != "."; p = path.Dir(p) {
		info, err := from.Lstat(p)
		if err != nil {
			continue
		}
		if !info.IsDir() || opaque(from, p) {
			if err := empty(to); err != nil {
				return err
			}
			break
		}
	}
	info, err := from.Lstat(rel)
	if err != nil || !info.IsDir() {
		return nil // nothing there, or a link that the container follows itself
	}
	return newCopier(ctx, o, from, to).dir(rel, ".")
}

func empty(r *os.Root) error {
	names, err := fs.ReadDir(r.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range names {
		if err := r.RemoveAll(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// IsEmpty tells whether nothing is in a directory.
func IsEmpty(dir string) (bool, error) {
	d, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer d.Close()
	names, err := d.Readdirnames(1)
	if len(names) > 0 {
		return false, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return true, nil
}
