package main

import (
	"context"

	"davit/backend/api"
)

// UpdateOptions are update's.
type UpdateOptions struct {
	limitFlags
	Restart string
}

func newUpdateCommand() *command {
	var o UpdateOptions
	c := &command{
		name: "update", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Change limits and restart policy, also of what runs", least: 1, most: anyNumber,
		long: "-1 takes a limit away. A limit that this machine does not let Davit set is refused.",
	}
	f := c.set()
	o.addFlags(f)
	f.StringVar(&o.Restart, "restart", "", "When it ends: no, always, unless-stopped, on-failure[:n] (`policy`)")
	c.run = func(ctx context.Context, e *env, args []string) error { return runUpdate(ctx, e, o, args) }
	return c
}

func runUpdate(ctx context.Context, e *env, o UpdateOptions, refs []string) error {
	limits, err := o.limits()
	if err != nil {
		return err
	}
	u := api.Update{Restart: o.Restart, Limits: limits}
	if u == (api.Update{}) {
		return invalid("nothing is to be changed: name a limit or --restart")
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	return each(e, refs, func(ref string) error { return plainStart(s.Update(ctx, ref, u)) })
}
