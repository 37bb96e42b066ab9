package main

import (
	"context"

	"davit/backend/api"
)

func newRestartCommand() *command {
	var o StopOptions
	c := &command{
		name: "restart", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Stop containers and start them again", least: 1, most: anyNumber,
	}
	f := c.set()
	o.addFlags(f)
	c.run = func(ctx context.Context, e *env, args []string) error {
		return runRestart(ctx, e, o.options(f), args)
	}
	return c
}

func runRestart(ctx context.Context, e *env, o api.StopOptions, refs []string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	return atOnce(e, refs, func(ref string) error { return plainStart(s.Restart(ctx, ref, o)) })
}
