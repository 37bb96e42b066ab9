package main

import "context"

// KillOptions are kill's.
type KillOptions struct {
	Which
	Signal string
}

func newKillCommand() *command {
	var o KillOptions
	c := &command{
		name: "kill", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Send a signal to running containers", least: 1, most: anyNumber,
	}
	c.chosen = o.given
	o.addFlags(c.set(), whichFlags{all: "a", latest: "l"}, "All containers that run")
	c.set().StringVarP(&o.Signal, "signal", "s", "KILL", "The signal: a name or a number")
	c.run = func(ctx context.Context, e *env, args []string) error { return runKill(ctx, e, o, args) }
	return c
}

func runKill(ctx context.Context, e *env, o KillOptions, refs []string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	if refs, err = o.refs(ctx, s, refs, statesUp...); err != nil {
		return err
	}
	return each(e, refs, func(ref string) error { return s.Kill(ctx, ref, o.Signal) })
}
