package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"

	"davit/backend/api"
	"davit/backend/image"
)

// Trash implements api.Service.
func (e *Engine) Trash(ctx context.Context) ([]api.TrashedImage, error) {
	return asked(ctx, e, func(i Images) ([]api.TrashedImage, error) { return i.Trash(ctx) })
}

// RestoreImage implements api.Service.
func (e *Engine) RestoreImage(ctx context.Context, ref string) (api.Image, error) {
	return e.made(ctx, "restore", func(i Images) (api.Image, error) { return i.Restore(ctx, ref) })
}

// EmptyTrash implements api.Service.
func (e *Engine) EmptyTrash(ctx context.Context, spec api.EmptyTrashSpec) (api.Pruned, error) {
	p, err := asked(ctx, e, func(i Images) (api.Pruned, error) { return i.EmptyTrash(ctx, spec) })
	if err == nil && !spec.DryRun {
		e.news.tell("trash", "empty", "", "")
	}
	return p, err
}

// SaveTo implements api.Service.
func (e *Engine) SaveTo(ctx context.Context, spec api.SaveSpec) (api.Operation, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.Operation{}, explain(err)
	}
	size, err := images.SavePlan(spec)
	if err != nil {
		return api.Operation{}, explain(err)
	}
	first := api.Operation{Kind: "save", Title: "Save " + filepath.Base(spec.Path), Subject: spec.Path, Total: size}
	return e.ops.start(job{key: "save " + spec.Path}, first, func(ctx context.Context, op *operation) error {
		return e.counted(op, func(count func(int64)) error { return images.SaveTo(ctx, spec, count) })
	}), nil
}

// counted does work that tells its bytes as they pass.
func (e *Engine) counted(op *operation, do func(count func(int64)) error) error {
	const step = 1 << 20 // between two words of it
	var n, told atomic.Int64
	err := do(func(k int64) {
		if now := n.Add(k); now-told.Load() >= step {
			told.Store(now)
			e.ops.change(op, func(o *api.Operation) { o.Done = min(now, o.Total) })
		}
	})
	if err == nil {
		e.ops.change(op, func(o *api.Operation) { o.Done = o.Total })
	}
	return err
}

// OtherStores implements api.Service.
func (e *Engine) OtherStores(ctx context.Context) ([]api.OtherStore, error) {
	return asked(ctx, e, func(i Images) ([]api.OtherStore, error) { return i.OtherStores(ctx) })
}

// ImportFrom implements api.Service.
func (e *Engine) ImportFrom(ctx context.Context, spec api.ImportFromSpec) (api.Operation, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.Operation{}, explain(err)
	}
	chosen, err := images.OtherImages(ctx, spec)
	if err != nil {
		return api.Operation{}, explain(err)
	}
	first := api.Operation{Kind: "import", Title: "Import from " + spec.Store, Subject: spec.Store}
	for _, i := range chosen {
		first.Total += i.Size
		first.Steps = append(first.Steps, api.Step{ID: i.ID, Title: firstOr(i.Names, i.ID[7:19]), State: "waiting", Total: i.Size})
	}
	return e.ops.start(job{key: "import " + spec.Store + fmt.Sprint(spec.Refs)}, first, func(ctx context.Context, op *operation) error {
		return e.importAll(ctx, images, spec.Store, chosen, op)
	}), nil
}

func firstOr(names []string, other string) string {
	if len(names) == 0 {
		return other
	}
	return names[0]
}

// importAll copies images one after the other: a step for each.
func (e *Engine) importAll(ctx context.Context, images Images, store string, chosen []api.OtherImage, op *operation) error {
	for n, i := range chosen {
		at := func(state string, done int64) {
			e.ops.change(op, func(now *api.Operation) {
				s := slices.Clone(now.Steps)
				s[n].State, s[n].Done = state, min(done, s[n].Total)
				now.Steps, now.Done = s, 0
				for _, one := range s {
					now.Done += one.Done
				}
			})
		}
		at("unpacking", 0)
		got, err := images.ImportOther(ctx, store, i, func(p image.Progress) { at("unpacking", p.Done) })
		if err != nil {
			return err
		}
		at("done", i.Size)
		e.ops.change(op, func(now *api.Operation) { now.ImageID, now.Image = got.ID, first(got.Names) })
		e.news.tell("image", "load", got.ID, first(got.Names))
	}
	return nil
}

// PreviewImage implements api.Service.
func (e *Engine) PreviewImage(ctx context.Context, spec api.PreviewSpec) (api.ImageDetail, error) {
	if err := validPlatform(spec.Platform); err != nil {
		return api.ImageDetail{}, explain(err)
	}
	return asked(ctx, e, func(i Images) (api.ImageDetail, error) { return i.Preview(ctx, spec) })
}

// FetchLayer implements api.Service.
func (e *Engine) FetchLayer(ctx context.Context, ref string, layer int) (api.Operation, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.Operation{}, explain(err)
	}
	if err := images.HasLayer(ctx, ref, layer); err != nil {
		return api.Operation{}, explain(err)
	}
	first := api.Operation{Kind: "layer", Title: fmt.Sprintf("Fetch layer %d of %s", layer, ref), Subject: ref}
	return e.ops.start(job{key: fmt.Sprint("layer ", ref, " ", layer)}, first, func(ctx context.Context, op *operation) error {
		return images.FetchLayer(ctx, ref, layer, func(p image.Progress) {
			e.ops.change(op, func(now *api.Operation) {
				now.Done, now.Total, now.Steps = p.Done, p.Total, slices.Clone(list(p.Steps))
			})
		})
	}), nil
}

// ImageTree implements api.Service.
func (e *Engine) ImageTree(ctx context.Context) ([]api.TreeNode, error) {
	return asked(ctx, e, func(i Images) ([]api.TreeNode, error) { return i.Tree(ctx) })
}

// ProbeRegistry implements api.Service.
func (e *Engine) ProbeRegistry(ctx context.Context, host string) (api.Registry, error) {
	return asked(ctx, e, func(i Images) (api.Registry, error) { return i.Probe(ctx, host) })
}

// RegistrySettings implements api.Service.
func (e *Engine) RegistrySettings(ctx context.Context) (api.RegistrySettings, error) {
	return asked(ctx, e, func(i Images) (api.RegistrySettings, error) { return i.RegistrySettings(ctx) })
}

// SetRegistrySettings implements api.Service.
func (e *Engine) SetRegistrySettings(ctx context.Context, s api.RegistrySettings) error {
	_, err := asked(ctx, e, func(i Images) (struct{}, error) { return struct{}{}, i.SetRegistrySettings(ctx, s) })
	if err == nil {
		e.news.tell("registry", "set", "", "")
	}
	return err
}

// ImageStores is what Images has for the verbs of api.Trash and api.Stores, and
// for images at their registries.
type ImageStores interface {
	Trash(ctx context.Context) ([]api.TrashedImage, error)
	Restore(ctx context.Context, ref string) (api.Image, error)
	EmptyTrash(ctx context.Context, spec api.EmptyTrashSpec) (api.Pruned, error)
	DropDownloads(digests []string) error
	SavePlan(spec api.SaveSpec) (int64, error)
	SaveTo(ctx context.Context, spec api.SaveSpec, count func(int64)) error
	OtherStores(ctx context.Context) ([]api.OtherStore, error)
	OtherImages(ctx context.Context, spec api.ImportFromSpec) ([]api.OtherImage, error)
	ImportOther(ctx context.Context, store string, i api.OtherImage, progress func(image.Progress)) (api.Image, error)
	Preview(ctx context.Context, spec api.PreviewSpec) (api.ImageDetail, error)
	HasLayer(ctx context.Context, ref string, layer int) error
	FetchLayer(ctx context.Context, ref string, layer int, progress func(image.Progress)) error
	Tree(ctx context.Context) ([]api.TreeNode, error)
	Probe(ctx context.Context, host string) (api.Registry, error)
	RegistrySettings(ctx context.Context) (api.RegistrySettings, error)
	SetRegistrySettings(ctx context.Context, s api.RegistrySettings) error
}
