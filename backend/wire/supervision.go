package wire

import (
	"context"
	"time"

	"davit/backend/api"
)

// The client's half of the verbs that watch over containers.

func (c *client) Pause(ctx context.Context, ref string) error { return c.command(ctx, "Pause", ref) }

func (c *client) Unpause(ctx context.Context, ref string) error {
	return c.command(ctx, "Unpause", ref)
}

func (c *client) Rename(ctx context.Context, ref, name string) error {
	return c.command(ctx, "Rename", ref, name)
}

func (c *client) Update(ctx context.Context, ref string, u api.Update) error {
	return c.command(ctx, "Update", ref, u)
}

func (c *client) Top(ctx context.Context, ref string) ([]api.Process, error) {
	return query[[]api.Process](ctx, c, "Top", ref)
}

func (c *client) Stats(ctx context.Context, q api.StatsQuery, sink func(api.StatsRound) error) error {
	return stream(ctx, c, sink, "Stats", q)
}

func (c *client) StatsHistory(ctx context.Context, ref string, since time.Time) ([]api.Stats, error) {
	return query[[]api.Stats](ctx, c, "StatsHistory", ref, since)
}

func (c *client) CheckHealth(ctx context.Context, ref string) (api.HealthResult, error) {
	return query[api.HealthResult](ctx, c, "CheckHealth", ref)
}

func (c *client) WaitUntil(ctx context.Context, ref string, conditions []api.Condition) (api.Exit, error) {
	return query[api.Exit](ctx, c, "WaitUntil", ref, conditions)
}

func (c *client) PastEvents(ctx context.Context, q api.EventQuery) ([]api.Event, error) {
	return query[[]api.Event](ctx, c, "PastEvents", q)
}

func (c *client) Resume(ctx context.Context) error { return c.command(ctx, "Resume") }

func (c *client) Autostart(ctx context.Context) (api.Autostart, error) {
	return query[api.Autostart](ctx, c, "Autostart")
}

func (c *client) SetAutostart(ctx context.Context, on bool) (api.Autostart, error) {
	return query[api.Autostart](ctx, c, "SetAutostart", on)
}
