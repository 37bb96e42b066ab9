package engine

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"

	"davit/backend/api"
	"davit/backend/image"
	"davit/backend/store"
)

// Push implements api.Service.
func (e *Engine) Push(ctx context.Context, spec api.PushSpec) (api.Operation, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.Operation{}, explain(err)
	}
	to, err := images.PushName(spec)
	if err != nil {
		return api.Operation{}, explain(err)
	}
	first := api.Operation{Kind: "push", Title: "Push " + to, Subject: to}
	return e.ops.start(job{fmt.Sprintf("push %s %s %q", spec.Ref, to, spec.With), spec.Access}, first, func(ctx context.Context, op *operation) error {
		return e.push(ctx, images, spec, op)
	}), nil
}

func (e *Engine) push(ctx context.Context, images Images, spec api.PushSpec, op *operation) error {
	got, err := images.Push(ctx, spec, func(p image.Progress) {
		e.ops.change(op, func(now *api.Operation) {
			now.Done, now.Total, now.Steps = p.Done, p.Total, slices.Clone(list(p.Steps))
		})
	})
	if err != nil {
		return err
	}
	e.ops.change(op, func(now *api.Operation) {
		now.Image, now.Result = got.Name, fmt.Sprintf("digest: %s size: %d", got.Digest, got.Size)
		if got.Converted {
			now.Result += " (in the OCI's types, because the registry does not take docker's: the digest is a new one)"
		}
		if got.Repacked > 0 {
			now.Result += fmt.Sprintf(" (%d layers were packed again, because no registry that had them answers: the digest is a new one)", got.Repacked)
		}
	})
	e.news.tell("image", "push", got.Digest, got.Name)
	return nil
}

// Import implements api.Service.
func (e *Engine) Import(ctx context.Context, spec api.ImportSpec, r io.Reader) (api.Image, error) {
	return e.made(ctx, "import", func(images Images) (api.Image, error) { return images.Import(ctx, spec, r) })
}

// made is for verbs that make one image.
func (e *Engine) made(ctx context.Context, action string, do func(Images) (api.Image, error)) (api.Image, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.Image{}, explain(err)
	}
	i, err := do(images)
	if err != nil {
		return i, explain(err)
	}
	e.news.tell("image", action, i.ID, first(i.Names))
	return i, nil
}

// Commit implements api.Service.
func (e *Engine) Commit(ctx context.Context, spec api.CommitSpec) (api.Image, error) {
	entry, err := e.sound(ctx, spec.Container)
	if err != nil {
		return api.Image{}, explain(err)
	}
	if !spec.NoPause && entry.State.State == api.StateRunning {
		if err := e.guard.Pause(ctx, entry.Record.ID); err != nil {
			return api.Image{}, explain(fmt.Errorf("hold %s while its files are read: %w", entry.Record.Name, err))
		}
		defer func() {
			if err := e.guard.Unpause(context.WithoutCancel(ctx), entry.Record.ID); err != nil {
				e.log.Warn("unpause after commit", "container", entry.Record.ID, "err", err)
			}
		}()
	}
	s := entry.Record.Spec
	c := image.Committed{Env: s.Env, User: s.User, WorkingDir: s.WorkingDir, Labels: s.Labels}
	if len(s.Entrypoint) > 0 || s.ClearEntrypoint {
		c.Entrypoint, c.Cmd = list(s.Entrypoint), list(s.Command)
	} else if len(s.Command) > 0 {
		c.Cmd = s.Command
	}
	return e.made(ctx, "commit", func(images Images) (api.Image, error) {
		return images.Commit(ctx, entry.Record.ImageID, e.rootfs(entry.Record), c, spec)
	})
}

// rootfs is the container's file system as its files have it, mounted or not.
func (e *Engine) rootfs(rec store.Record) image.Rootfs {
	r := image.Rootfs{
		Upper: e.dirs.Container(rec.ID).Upper(), Layers: rec.Layers, IDs: rec.IDs,
		Mounts: []string{"/proc", "/sys", "/dev", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv", "/.dockerenv"},
	}
	for _, m := range rec.Mounts {
		r.Mounts = append(r.Mounts, filepath.Clean(m.Target))
	}
	return r
}

// Export implements api.Service.
func (e *Engine) Export(ctx context.Context, ref string, w io.Writer) error {
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return explain(err)
	}
	images, err := e.images.get(ctx)
	if err != nil {
		return explain(err)
	}
	return explain(images.Export(ctx, e.rootfs(entry.Record), w))
}

// Changes implements api.Service.
func (e *Engine) Changes(ctx context.Context, ref string) ([]api.Change, error) {
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return nil, explain(err)
	}
	images, err := e.images.get(ctx)
	if err != nil {
		return nil, explain(err)
	}
	all, err := images.Changes(ctx, e.rootfs(entry.Record))
	return list(all), explain(err)
}

// PruneImages implements api.Service.
func (e *Engine) PruneImages(ctx context.Context, spec api.PruneSpec) (api.Pruned, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.Pruned{}, explain(err)
	}
	users, err := e.imageUsers()
	if err != nil {
		return api.Pruned{}, explain(err)
	}
	p, err := images.Prune(ctx, spec, users)
	if err == nil && !spec.DryRun {
		for _, i := range p.Images {
			e.news.tell("image", "delete", i.ID, first(i.Names))
		}
		if p.Trashed > 0 {
			e.news.tell("trash", "add", "", "")
		}
	}
	return p, explain(err)
}

// DiskUsage implements api.Service.
func (e *Engine) DiskUsage(ctx context.Context) (api.DiskUsage, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.DiskUsage{}, explain(err)
	}
	users, err := e.imageUsers()
	if err != nil {
		return api.DiskUsage{}, explain(err)
	}
	u, err := images.Usage(ctx, users)
	if err != nil {
		return u, explain(err)
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return u, explain(err)
	}
	for _, c := range entries {
		dir := e.dirs.Container(c.Record.ID)
		u.Containers = append(u.Containers, api.ContainerUsage{
			ID: c.Record.ID, Name: c.Record.Name, Image: c.Record.Image, State: c.State.State,
			Size: bytesBelow(dir.Upper()), Log: bytesBelow(dir.Log()),
		})
	}
	u.Shifted = takenBelow(e.dirs.Shifted())
	return u, explain(ctx.Err())
}

// takenBelow adds up what files and directories at and below a path take of
// the disk, whatever their sizes: a husk has the size of what it stands for.
func takenBelow(path string) (sum int64) {
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				sum += st.Blocks * 512
			}
		}
		return nil
	})
	return sum
}

// bytesBelow adds up the files at and below a path. What cannot be read, or
// goes away meanwhile, does not count.
func bytesBelow(path string) (sum int64) {
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// CheckImages implements api.Service.
func (e *Engine) CheckImages(ctx context.Context, spec api.CheckSpec, sink func(api.CheckedImage) error) error {
	images, err := e.images.get(ctx)
	if err != nil {
		return explain(err)
	}
	users, err := e.imageUsers()
	if err != nil {
		return explain(err)
	}
	return explain(images.Check(ctx, spec, users, sink))
}

// ImageLibrary is what Images has for the verbs of api.Library, api.Inside and
// api.Catalogue.
type ImageLibrary interface {
	PushName(spec api.PushSpec) (string, error)
	Push(ctx context.Context, spec api.PushSpec, progress func(image.Progress)) (image.Pushed, error)
	Import(ctx context.Context, spec api.ImportSpec, r io.Reader) (api.Image, error)
	Commit(ctx context.Context, id string, r image.Rootfs, c image.Committed, spec api.CommitSpec) (api.Image, error)
	Export(ctx context.Context, r image.Rootfs, w io.Writer) error
	Changes(ctx context.Context, r image.Rootfs) ([]api.Change, error)
	Prune(ctx context.Context, spec api.PruneSpec, users map[string][]string) (api.Pruned, error)
	Usage(ctx context.Context, users map[string][]string) (api.DiskUsage, error)
	Check(ctx context.Context, spec api.CheckSpec, users map[string][]string, sink func(api.CheckedImage) error) error

	Files(ctx context.Context, q api.FileQuery) (api.FileList, error)
	File(ctx context.Context, f api.FileRef, w io.Writer) error
	LayerChanges(ctx context.Context, ref string, layer int) ([]api.Change, error)
	Waste(ctx context.Context, ref string) (api.Waste, error)
	Compare(ctx context.Context, a, b string) (api.Comparison, error)

	Page(ctx context.Context, ref string) (api.Repository, error)
	RemoteManifest(ctx context.Context, ref string, a api.RegistryAccess) (api.Manifest, error)
	Quota(ctx context.Context) (api.PullQuota, error)
	SetRegistry(ctx context.Context, spec api.RegistrySpec) error
	RemoveRegistry(ctx context.Context, host string) error
}
