package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
	"davit/backend/image/manifest"
	"davit/backend/image/view"
	"davit/backend/userns/idmap"
)

// Rootfs is a container's file system.
type Rootfs struct {
	Upper  string   // its writable layer
	Layers []string // keys of the image's layers, bottom first
	// Mounts are paths at which something was made only for a mount to cover
	// it: an empty file or directory there is none of the container's doing.
	Mounts []string
	IDs    idmap.Maps // the container's own, which files in Upper belong to
}

func (s *Store) view(r Rootfs) (*view.Tree, error) {
	dirs := []string{r.Upper}
	for _, k := range slices.Backward(r.Layers) {
		dirs = append(dirs, s.layers.Path(k))
	}
	t, err := view.Open(dirs)
	if err == nil {
		t.Own(r.IDs)
	}
	return t, err
}

// Export writes a container's file system as one tar.
func (s *Store) Export(ctx context.Context, r Rootfs, w io.Writer) error {
	t, err := s.view(r)
	if err != nil {
		return err
	}
	defer t.Close()
	return t.Export(ctx, w)
}

// Changes lists what a container has changed.
func (s *Store) Changes(ctx context.Context, r Rootfs) ([]api.Change, error) {
	t, err := s.view(r)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	out := []api.Change{}
	err = t.Changes(ctx, r.skip(func(c view.Changed) error {
		if len(out) == maxChanges {
			return api.Errorf(api.KindConflict, "it has changed more than %d files", maxChanges).WithHint("davit export shows them all.")
		}
		n := api.Change{Kind: c.Kind, Path: c.Node.Path}
		if c.Node.Regular() {
			n.Size = c.Node.Stat.Size
		}
		out = append(out, n)
		return nil
	}))
	return r.tidied(out), err
}

// maxChanges bounds a list that is kept in memory.
const maxChanges = 300_000

// skip leaves out what only mounts wanted: what they cover, nobody can write to.
func (r Rootfs) skip(fn func(view.Changed) error) func(view.Changed) error {
	return func(c view.Changed) error {
		n := c.Node
		if c.Kind == api.ChangeAdded && slices.Contains(r.Mounts, n.Path) && (n.IsDir() || n.Regular() && n.Stat.Size == 0) {
			return view.ErrSkipDir
		}
		return fn(c)
	}
}

// tidied drops directories that changed only because a mount's place was made
// in them.
func (r Rootfs) tidied(all []api.Change) []api.Change {
	out := []api.Change{}
	for i, c := range all {
		inside := i+1 < len(all) && strings.HasPrefix(all[i+1].Path, c.Path+"/")
		if !inside && c.Kind == api.ChangeModified && c.Size == 0 && r.above(c.Path) {
			continue
		}
		out = append(out, c)
	}
	return out
}

func (r Rootfs) above(dir string) bool {
	return slices.ContainsFunc(r.Mounts, func(m string) bool { return strings.HasPrefix(m, dir+"/") })
}

// Committed is how the new image is to be run, where it differs from the
// container's image. Nil leaves a list as it is.
type Committed struct {
	Env, Entrypoint, Cmd []string
	User, WorkingDir     string
	Labels               map[string]string
}

// Commit makes an image of a container of the image with that id.
func (s *Store) Commit(ctx context.Context, id string, r Rootfs, c Committed, spec api.CommitSpec) (api.Image, error) {
	names, err := named(spec.Name)
	if err != nil {
		return api.Image{}, err
	}
	g, _, err := s.find(id)
	if err != nil {
		return api.Image{}, err
	}
	b, err := s.layout.Read(g.doc.id, manifest.MaxConfig)
	if err != nil {
		return api.Image{}, err
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(b))
	if err != nil {
		return api.Image{}, api.Errorf(api.KindCorrupt, "the config of %s: %w", id, err)
	}
	c.apply(&config.Config)
	if err := change(&config.Config, spec.Changes); err != nil {
		return api.Image{}, err
	}
	t, err := s.view(r)
	if err != nil {
		return api.Image{}, err
	}
	defer t.Close()
	top, err := s.packLayer(func(w io.Writer) error { return t.Diff(ctx, w, r.skip) })
	if err != nil {
		return api.Image{}, fmt.Errorf("commit: %w", err)
	}
	defer top.Close()
	config.Created, config.Container = v1.Time{Time: time.Now().UTC()}, ""
	if spec.Author != "" {
		config.Author = spec.Author
	}
	row := v1.History{Created: config.Created, Author: spec.Author, Comment: spec.Message, CreatedBy: "commit of a container", EmptyLayer: top.emptied}
	config.History = append(config.History, row)
	if top.emptied {
		return s.build(ctx, *config, g.doc.manifest.Layers, nil, names, "committed from a container")
	}
	config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, top.diff)
	return s.build(ctx, *config, g.doc.manifest.Layers, top, names, "committed from a container")
}

func (c Committed) apply(to *v1.Config) {
	for _, e := range c.Env {
		if k, v, ok := strings.Cut(e, "="); ok && k != "" {
			to.Env = setEnv(to.Env, k, v)
		}
	}
	if c.Entrypoint != nil {
		to.Entrypoint = c.Entrypoint
	}
	if c.Cmd != nil {
		to.Cmd = c.Cmd
	}
	if c.User != "" {
		to.User = c.User
	}
	if c.WorkingDir != "" {
		to.WorkingDir = c.WorkingDir
	}
	if len(c.Labels) > 0 {
		labels := map[string]string{}
		for _, m := range []map[string]string{to.Labels, c.Labels} {
			for k, v := range m {
				labels[k] = v
			}
		}
		to.Labels = labels
	}
}
