package engine

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/files"
	"davit/backend/image/view"
	"davit/backend/store"
)

// layered is what a tree's files were laid over.
type layered struct {
	upper string
	rec   store.Record
}

// tree opens the file system that a path is in. over is nil where it is a volume.
func (e *Engine) tree(ctx context.Context, at api.FilePath) (root *files.Root, over *layered, err error) {
	switch {
	case at.Snapshot != "" && at.Container != "" && at.Volume == "":
		return e.snapshotTree(ctx, at)
	case at.Container != "" && at.Volume == "" && at.Snapshot == "":
		entry, err := e.sound(ctx, at.Container)
		if err != nil {
			return nil, nil, err
		}
		root, err := e.containerTree(ctx, entry)
		if err == nil {
			root.Own(entry.Record.IDs)
		}
		return root, &layered{e.dirs.Container(entry.Record.ID).Upper(), entry.Record}, err
	case at.Volume != "" && at.Container == "" && at.Snapshot == "":
		if _, err := store.ReadVolume(e.dirs, at.Volume); err != nil {
			return nil, nil, err
		}
		root, err := files.OpenDir(e.dirs.Volume(at.Volume).Data())
		return root, nil, err
	}
	return nil, nil, invalid(at.Path, "a path is either in a container or in a volume")
}

// containerTree is what a running container sees, and what one that does not
// run would: its file system with its volumes.
func (e *Engine) containerTree(ctx context.Context, entry store.Entry) (*files.Root, error) {
	if hasProcess(entry.State.State) {
		root, err := files.OpenProcess(entry.State.PID, entry.State.PIDStart)
		if err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
			return root, err
		}
		// It has ended a moment ago.
	}
	hold, err := e.guard.Hold(ctx, entry.Record.ID)
	if err != nil {
		return nil, err
	}
	dir := e.dirs.Container(entry.Record.ID)
	mounts, err := volumes(dir)
	if err != nil {
		hold.Close()
		return nil, err
	}
	return files.OpenMounted(dir.Rootfs(), mounts, func() { hold.Close() })
}

// volumes are the bind mounts that a container is started with.
func volumes(dir store.ContainerDir) ([]files.Mount, error) {
	var spec specs.Spec
	if err := store.ReadJSON(dir.Config(), &spec); err != nil {
		return nil, err
	}
	var all []files.Mount
	for _, m := range spec.Mounts {
		if slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind") {
			all = append(all, files.Mount{Source: m.Source, Target: m.Destination, ReadOnly: slices.Contains(m.Options, "ro")})
		}
	}
	return all, nil
}

// inTree does something in the tree that a path is in.
func inTree[R any](e *Engine, ctx context.Context, at api.FilePath, do func(*files.Root) (R, error)) (R, error) {
	var zero R
	root, _, err := e.tree(ctx, at)
	if err != nil {
		return zero, explain(err)
	}
	defer root.Close()
	got, err := do(root)
	return got, explain(err)
}

// changeTree is inTree for what changes files.
func changeTree[R any](e *Engine, ctx context.Context, at api.FilePath, do func(*files.Root) (R, error)) (R, error) {
	if at.Snapshot != "" {
		var zero R
		return zero, invalid(at.Path, "a snapshot is what was, and stays so").WithHint("Save the file and put it into the container, or restore the snapshot.")
	}
	return inTree(e, ctx, at, do)
}

// Files implements api.Service.
func (e *Engine) Files(ctx context.Context, q api.DirQuery) (api.DirPage, error) {
	root, over, err := e.tree(ctx, q.At)
	if err != nil {
		return api.DirPage{}, explain(err)
	}
	defer root.Close()
	l, err := root.List(ctx, q.At.Path, q.Offset, q.Limit)
	if err != nil {
		return api.DirPage{}, explain(err)
	}
	l.Page.Deleted = []string{}
	if over == nil || !l.Own {
		return l.Page, nil
	}
	l.Page.Marked = true
	return l.Page, explain(e.mark(ctx, *over, &l.Page))
}

// mark tells what became of a directory's entries since the image.
func (e *Engine) mark(ctx context.Context, over layered, page *api.DirPage) error {
	r := e.rootfs(over.rec)
	dirs := []string{over.upper}
	for _, layer := range slices.Backward(over.rec.Layers) {
		dirs = append(dirs, path.Join(e.dirs.Layers(), layer))
	}
	tree, err := view.Open(dirs)
	if errors.Is(err, fs.ErrNotExist) { // never started, or a layer is missing: the list says so
		return nil
	}
	if err != nil {
		return err
	}
	defer tree.Close()
	tree.Own(over.rec.IDs)
	all, err := tree.Differences(ctx, page.Path)
	if err != nil {
		return err
	}
	marks := map[string]string{}
	for _, d := range all {
		switch {
		case d.Kind == api.ChangeDeleted:
			page.Deleted = append(page.Deleted, d.Name)
		case d.Alike:
			marks[d.Name] = api.ChangeModified // something in it
		case !slices.Contains(r.Mounts, path.Join(page.Path, d.Name)):
			marks[d.Name] = d.Kind
		}
	}
	for n, f := range page.Entries {
		page.Entries[n].Mark = marks[f.Name]
	}
	return nil
}

// FileInfo implements api.Service.
func (e *Engine) FileInfo(ctx context.Context, q api.InfoQuery) (api.FileInfo, error) {
	return inTree(e, ctx, q.At, func(r *files.Root) (api.FileInfo, error) { return r.Info(q.At.Path, q.Follow) })
}

// ReadFile implements api.Service.
func (e *Engine) ReadFile(ctx context.Context, q api.ReadQuery, w io.Writer) error {
	_, err := inTree(e, ctx, q.At, func(r *files.Root) (any, error) { return nil, r.Read(ctx, q, w) })
	return err
}

// WriteFile implements api.Service.
func (e *Engine) WriteFile(ctx context.Context, s api.WriteSpec, from io.Reader) (api.FileInfo, error) {
	return changeTree(e, ctx, s.At, func(r *files.Root) (api.FileInfo, error) { return r.Write(ctx, s, from) })
}

// MakeDir implements api.Service.
func (e *Engine) MakeDir(ctx context.Context, at api.FilePath) (api.FileInfo, error) {
	return changeTree(e, ctx, at, func(r *files.Root) (api.FileInfo, error) { return r.MakeDir(at.Path) })
}

// MoveFile implements api.Service.
func (e *Engine) MoveFile(ctx context.Context, at api.FilePath, to string) error {
	_, err := changeTree(e, ctx, at, func(r *files.Root) (any, error) { return nil, r.Move(at.Path, to) })
	return err
}

// DeleteFile implements api.Service.
func (e *Engine) DeleteFile(ctx context.Context, at api.FilePath) error {
	_, err := changeTree(e, ctx, at, func(r *files.Root) (any, error) { return nil, r.Delete(ctx, at.Path) })
	return err
}

// ChangeFile implements api.Service.
func (e *Engine) ChangeFile(ctx context.Context, s api.FileChange) error {
	_, err := changeTree(e, ctx, s.At, func(r *files.Root) (any, error) { return nil, r.Change(ctx, s) })
	return err
}

// GetArchive implements api.Service.
func (e *Engine) GetArchive(ctx context.Context, q api.ArchiveQuery, w io.Writer) error {
	_, err := inTree(e, ctx, q.At, func(r *files.Root) (any, error) { return nil, r.Pack(ctx, q, w) })
	return err
}

// PutArchive implements api.Service.
func (e *Engine) PutArchive(ctx context.Context, s api.ArchiveSpec, from io.Reader) (api.Unpacked, error) {
	return changeTree(e, ctx, s.At, func(r *files.Root) (api.Unpacked, error) { return r.Unpack(ctx, s, from) })
}

// Shells implements api.Service.
func (e *Engine) Shells(ctx context.Context, ref string) (api.Shells, error) {
	return inTree(e, ctx, api.FilePath{Container: ref}, func(r *files.Root) (api.Shells, error) { return r.Shells(), nil })
}
