package wire

import (
	"context"

	"davit/backend/api"
)

// The client's half of the verbs on the trash, on other engines' stores, and
// on images that are not here yet.

func (c *client) Trash(ctx context.Context) ([]api.TrashedImage, error) {
	return query[[]api.TrashedImage](ctx, c, "Trash")
}

func (c *client) RestoreImage(ctx context.Context, ref string) (api.Image, error) {
	return query[api.Image](ctx, c, "RestoreImage", ref)
}

func (c *client) EmptyTrash(ctx context.Context, spec api.EmptyTrashSpec) (api.Pruned, error) {
	return query[api.Pruned](ctx, c, "EmptyTrash", spec)
}

func (c *client) SaveTo(ctx context.Context, spec api.SaveSpec) (api.Operation, error) {
	return query[api.Operation](ctx, c, "SaveTo", spec)
}

func (c *client) OtherStores(ctx context.Context) ([]api.OtherStore, error) {
	return query[[]api.OtherStore](ctx, c, "OtherStores")
}

func (c *client) ImportFrom(ctx context.Context, spec api.ImportFromSpec) (api.Operation, error) {
	return query[api.Operation](ctx, c, "ImportFrom", spec)
}

func (c *client) PreviewImage(ctx context.Context, spec api.PreviewSpec) (api.ImageDetail, error) {
	return query[api.ImageDetail](ctx, c, "PreviewImage", spec)
}

func (c *client) FetchLayer(ctx context.Context, ref string, layer int) (api.Operation, error) {
	return query[api.Operation](ctx, c, "FetchLayer", ref, layer)
}

func (c *client) ImageTree(ctx context.Context) ([]api.TreeNode, error) {
	return query[[]api.TreeNode](ctx, c, "ImageTree")
}

func (c *client) ProbeRegistry(ctx context.Context, host string) (api.Registry, error) {
	return query[api.Registry](ctx, c, "ProbeRegistry", host)
}

func (c *client) RegistrySettings(ctx context.Context) (api.RegistrySettings, error) {
	return query[api.RegistrySettings](ctx, c, "RegistrySettings")
}

func (c *client) SetRegistrySettings(ctx context.Context, s api.RegistrySettings) error {
	return c.command(ctx, "SetRegistrySettings", s)
}

func (c *client) MoveOperation(ctx context.Context, id string, place int) error {
	return c.command(ctx, "MoveOperation", id, place)
}

func (c *client) ResumeOperations(ctx context.Context) error {
	return c.command(ctx, "ResumeOperations")
}
