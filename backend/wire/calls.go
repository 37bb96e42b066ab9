package wire

import (
	"context"
	"io"

	"davit/backend/api"
)

// The client's half of the table in methods.go.

func (c *client) Containers(ctx context.Context, f api.ContainerFilter) ([]api.Container, error) {
	return query[[]api.Container](ctx, c, "Containers", f)
}

func (c *client) Container(ctx context.Context, ref string) (api.ContainerDetail, error) {
	return query[api.ContainerDetail](ctx, c, "Container", ref)
}

func (c *client) Create(ctx context.Context, spec api.RunSpec) (api.Created, error) {
	return query[api.Created](ctx, c, "Create", spec)
}

func (c *client) Start(ctx context.Context, ref string) error {
	return c.command(ctx, "Start", ref)
}

func (c *client) Stop(ctx context.Context, ref string, o api.StopOptions) error {
	return c.command(ctx, "Stop", ref, o)
}

func (c *client) Restart(ctx context.Context, ref string, o api.StopOptions) error {
	return c.command(ctx, "Restart", ref, o)
}

func (c *client) Kill(ctx context.Context, ref, signal string) error {
	return c.command(ctx, "Kill", ref, signal)
}

func (c *client) Remove(ctx context.Context, ref string, o api.RemoveOptions) error {
	return c.command(ctx, "Remove", ref, o)
}

func (c *client) Wait(ctx context.Context, ref string) (api.Exit, error) {
	return query[api.Exit](ctx, c, "Wait", ref)
}

func (c *client) Logs(ctx context.Context, ref string, q api.LogQuery, sink func(api.LogLine) error) error {
	return stream(ctx, c, sink, "Logs", ref, q)
}

func (c *client) Attach(ctx context.Context, ref string, a api.AttachOptions) (*api.Session, error) {
	return c.session(ctx, "Attach", ref, a)
}

func (c *client) Exec(ctx context.Context, ref string, spec api.ExecSpec) (*api.Session, error) {
	return c.session(ctx, "Exec", ref, spec)
}

func (c *client) Images(ctx context.Context, f api.ImageFilter) ([]api.Image, error) {
	return query[[]api.Image](ctx, c, "Images", f)
}

func (c *client) Image(ctx context.Context, ref string) (api.ImageDetail, error) {
	return query[api.ImageDetail](ctx, c, "Image", ref)
}

func (c *client) ResolveImage(ctx context.Context, ref string) (api.ResolvedRef, error) {
	return query[api.ResolvedRef](ctx, c, "ResolveImage", ref)
}

func (c *client) Pull(ctx context.Context, spec api.PullSpec) (api.Operation, error) {
	return query[api.Operation](ctx, c, "Pull", spec)
}

func (c *client) Load(ctx context.Context, r io.Reader) (api.LoadResult, error) {
	// The transport closes a body that can be closed; r is the caller's.
	req, err := c.request(ctx, "Load", nil, struct{ io.Reader }{r})
	if err != nil {
		return api.LoadResult{}, err
	}
	return answer[api.LoadResult](c, req)
}

func (c *client) LoadPath(ctx context.Context, path string) (api.LoadResult, error) {
	return query[api.LoadResult](ctx, c, "LoadPath", path)
}

func (c *client) LoadSample(ctx context.Context) (api.Image, error) {
	return query[api.Image](ctx, c, "LoadSample")
}

func (c *client) Save(ctx context.Context, refs []string, format api.SaveFormat, w io.Writer) error {
	return c.download(ctx, w, "Save", refs, format)
}

func (c *client) Tag(ctx context.Context, ref, name string) error {
	return c.command(ctx, "Tag", ref, name)
}

func (c *client) RemoveImage(ctx context.Context, ref string, o api.RemoveImageOptions) (api.RemovedImage, error) {
	return query[api.RemovedImage](ctx, c, "RemoveImage", ref, o)
}

func (c *client) Registries(ctx context.Context) ([]api.Registry, error) {
	return query[[]api.Registry](ctx, c, "Registries")
}

func (c *client) Search(ctx context.Context, q api.SearchQuery, sink func(api.SearchPage) error) error {
	return stream(ctx, c, sink, "Search", q)
}

func (c *client) Tags(ctx context.Context, repository string, a api.RegistryAccess) (api.TagList, error) {
	return query[api.TagList](ctx, c, "Tags", repository, a)
}

func (c *client) Login(ctx context.Context, l api.Login) error {
	return c.command(ctx, "Login", l)
}

func (c *client) Logout(ctx context.Context, registry string) error {
	return c.command(ctx, "Logout", registry)
}

func (c *client) Operations(ctx context.Context) ([]api.Operation, error) {
	return query[[]api.Operation](ctx, c, "Operations")
}

func (c *client) Operation(ctx context.Context, id string) (api.Operation, error) {
	return query[api.Operation](ctx, c, "Operation", id)
}

func (c *client) WatchOperation(ctx context.Context, id string, sink func(api.Operation) error) error {
	return stream(ctx, c, sink, "WatchOperation", id)
}

func (c *client) CancelOperation(ctx context.Context, id string) error {
	return c.command(ctx, "CancelOperation", id)
}

func (c *client) Events(ctx context.Context, cursor uint64, sink func(api.Event) error) error {
	return stream(ctx, c, sink, "Events", cursor)
}

func (c *client) Info(ctx context.Context) (api.Info, error) {
	return query[api.Info](ctx, c, "Info")
}

func (c *client) Doctor(ctx context.Context) ([]api.Check, error) {
	return query[[]api.Check](ctx, c, "Doctor")
}

func (c *client) Mend(ctx context.Context, r api.MendRequest) error { return c.command(ctx, "Mend", r) }
