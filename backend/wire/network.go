package wire

import (
	"context"

	"davit/backend/api"
)

// The client's half of the verbs on networks.

func (c *client) Networks(ctx context.Context) ([]api.Network, error) {
	return query[[]api.Network](ctx, c, "Networks")
}

func (c *client) Network(ctx context.Context, ref string) (api.NetworkDetail, error) {
	return query[api.NetworkDetail](ctx, c, "Network", ref)
}

func (c *client) CreateNetwork(ctx context.Context, spec api.NetworkSpec) (api.Network, error) {
	return query[api.Network](ctx, c, "CreateNetwork", spec)
}

func (c *client) RemoveNetwork(ctx context.Context, ref string, o api.RemoveOptions) error {
	return c.command(ctx, "RemoveNetwork", ref, o)
}

func (c *client) PruneNetworks(ctx context.Context) ([]string, error) {
	return query[[]string](ctx, c, "PruneNetworks")
}

func (c *client) Connect(ctx context.Context, network, container string, e api.EndpointSpec) error {
	return c.command(ctx, "Connect", network, container, e)
}

func (c *client) Disconnect(ctx context.Context, network, container string) error {
	return c.command(ctx, "Disconnect", network, container)
}

func (c *client) Publish(ctx context.Context, ref string, p api.PortChange) ([]api.Port, error) {
	return query[[]api.Port](ctx, c, "Publish", ref, p)
}

func (c *client) SetOffline(ctx context.Context, ref string, offline bool) error {
	return c.command(ctx, "SetOffline", ref, offline)
}

func (c *client) Connections(ctx context.Context, ref string) ([]api.Connection, error) {
	return query[[]api.Connection](ctx, c, "Connections", ref)
}
