package main

import "context"

func newRestartCommand() *command {
	var o StopOptions
	c := &command{
		name: "restart", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Stop containers and start them again", least: 1, most: anyNumber,
	}
	f := c.set()
	c.chosen = o.given
	o.addFlags(f, "All containers, whether they run or not")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		refs, err := o.refs(ctx, s, args)
		if err != nil {
			return err
		}
		how := o.options(f)
		return atOnce(e, refs, func(ref string) error { return o.unlessIgnored(plainStart(s.Restart(ctx, ref, how))) })
	}
	return c
}
