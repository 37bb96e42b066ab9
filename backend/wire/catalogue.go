package wire

import (
	"context"
	"io"

	"davit/backend/api"
)

// The client's half of the verbs on registries' contents and images' files.

func (c *client) Repository(ctx context.Context, ref string) (api.Repository, error) {
	return query[api.Repository](ctx, c, "Repository", ref)
}

func (c *client) Manifest(ctx context.Context, ref string, a api.RegistryAccess) (api.Manifest, error) {
	return query[api.Manifest](ctx, c, "Manifest", ref, a)
}

func (c *client) PullQuota(ctx context.Context) (api.PullQuota, error) {
	return query[api.PullQuota](ctx, c, "PullQuota")
}

func (c *client) SetRegistry(ctx context.Context, spec api.RegistrySpec) error {
	return c.command(ctx, "SetRegistry", spec)
}

func (c *client) RemoveRegistry(ctx context.Context, host string) error {
	return c.command(ctx, "RemoveRegistry", host)
}

func (c *client) PauseOperation(ctx context.Context, id string) error {
	return c.command(ctx, "PauseOperation", id)
}

func (c *client) ResumeOperation(ctx context.Context, id string) error {
	return c.command(ctx, "ResumeOperation", id)
}

func (c *client) ImageFiles(ctx context.Context, q api.FileQuery) (api.FileList, error) {
	return query[api.FileList](ctx, c, "ImageFiles", q)
}

func (c *client) ImageFile(ctx context.Context, f api.FileRef, w io.Writer) error {
	return c.download(ctx, w, "ImageFile", f)
}

func (c *client) LayerChanges(ctx context.Context, ref string, layer int) ([]api.Change, error) {
	return query[[]api.Change](ctx, c, "LayerChanges", ref, layer)
}

func (c *client) Waste(ctx context.Context, ref string) (api.Waste, error) {
	return query[api.Waste](ctx, c, "Waste", ref)
}

func (c *client) CompareImages(ctx context.Context, a, b string) (api.Comparison, error) {
	return query[api.Comparison](ctx, c, "CompareImages", a, b)
}
