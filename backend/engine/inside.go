package engine

import (
	"context"
	"io"

	"davit/backend/api"
)

// asked opens the images and asks them one thing.
func asked[T any](ctx context.Context, e *Engine, do func(Images) (T, error)) (T, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		var zero T
		return zero, explain(err)
	}
	v, err := do(images)
	return v, explain(err)
}

// ImageFiles implements api.Service.
func (e *Engine) ImageFiles(ctx context.Context, q api.FileQuery) (api.FileList, error) {
	return asked(ctx, e, func(i Images) (api.FileList, error) { return i.Files(ctx, q) })
}

// ImageFile implements api.Service.
func (e *Engine) ImageFile(ctx context.Context, f api.FileRef, w io.Writer) error {
	_, err := asked(ctx, e, func(i Images) (any, error) { return nil, i.File(ctx, f, w) })
	return err
}

// LayerChanges implements api.Service.
func (e *Engine) LayerChanges(ctx context.Context, ref string, layer int) ([]api.Change, error) {
	return asked(ctx, e, func(i Images) ([]api.Change, error) { return i.LayerChanges(ctx, ref, layer) })
}

// Waste implements api.Service.
func (e *Engine) Waste(ctx context.Context, ref string) (api.Waste, error) {
	return asked(ctx, e, func(i Images) (api.Waste, error) { return i.Waste(ctx, ref) })
}

// CompareImages implements api.Service.
func (e *Engine) CompareImages(ctx context.Context, a, b string) (api.Comparison, error) {
	return asked(ctx, e, func(i Images) (api.Comparison, error) { return i.Compare(ctx, a, b) })
}

// Repository implements api.Service.
func (e *Engine) Repository(ctx context.Context, ref string) (api.Repository, error) {
	return asked(ctx, e, func(i Images) (api.Repository, error) { return i.Page(ctx, ref) })
}

// Manifest implements api.Service.
func (e *Engine) Manifest(ctx context.Context, ref string, a api.RegistryAccess) (api.Manifest, error) {
	return asked(ctx, e, func(i Images) (api.Manifest, error) { return i.RemoteManifest(ctx, ref, a) })
}

// PullQuota implements api.Service.
func (e *Engine) PullQuota(ctx context.Context) (api.PullQuota, error) {
	return asked(ctx, e, func(i Images) (api.PullQuota, error) { return i.Quota(ctx) })
}

// SetRegistry implements api.Service.
func (e *Engine) SetRegistry(ctx context.Context, spec api.RegistrySpec) error {
	_, err := asked(ctx, e, func(i Images) (any, error) { return nil, i.SetRegistry(ctx, spec) })
	if err == nil {
		e.news.tell("registry", "set", spec.Host, "")
	}
	return err
}

// RemoveRegistry implements api.Service.
func (e *Engine) RemoveRegistry(ctx context.Context, host string) error {
	_, err := asked(ctx, e, func(i Images) (any, error) { return nil, i.RemoveRegistry(ctx, host) })
	if err == nil {
		e.news.tell("registry", "remove", host, "")
	}
	return err
}
