package wire

import (
	"context"
	"io"

	"davit/backend/api"
)

// The client's half of the verbs that move images around.

func (c *client) Push(ctx context.Context, spec api.PushSpec) (api.Operation, error) {
	return query[api.Operation](ctx, c, "Push", spec)
}

func (c *client) Import(ctx context.Context, spec api.ImportSpec, r io.Reader) (api.Image, error) {
	return send[api.Image](ctx, c, r, "Import", spec)
}

func (c *client) Commit(ctx context.Context, spec api.CommitSpec) (api.Image, error) {
	return query[api.Image](ctx, c, "Commit", spec)
}

func (c *client) Export(ctx context.Context, ref string, w io.Writer) error {
	return c.download(ctx, w, "Export", ref)
}

func (c *client) Changes(ctx context.Context, ref string) ([]api.Change, error) {
	return query[[]api.Change](ctx, c, "Changes", ref)
}

func (c *client) PruneImages(ctx context.Context, spec api.PruneSpec) (api.Pruned, error) {
	return query[api.Pruned](ctx, c, "PruneImages", spec)
}

func (c *client) DiskUsage(ctx context.Context) (api.DiskUsage, error) {
	return query[api.DiskUsage](ctx, c, "DiskUsage")
}

func (c *client) CheckImages(ctx context.Context, spec api.CheckSpec, sink func(api.CheckedImage) error) error {
	return stream(ctx, c, sink, "CheckImages", spec)
}
