package main

import (
	"context"
	"fmt"
)

// newHealthGroup is `davit healthcheck run`, named as podman's.
func newHealthGroup() *command {
	run := &command{
		name: "run", args: "CONTAINER", short: "Check a container's health now", least: 1, most: 1,
		exits: "  0    healthy\n  1    not healthy, or it could not be checked\n",
	}
	run.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		r, err := s.CheckHealth(ctx, args[0])
		if err != nil {
			return err
		}
		if r.Output != "" {
			fmt.Fprintln(e.out, cleanText(r.Output))
		}
		if r.Code == 0 {
			return nil
		}
		fmt.Fprintln(e.err, "unhealthy")
		return exit(exitFailure)
	}
	return noun("healthcheck", "Health checks", run)
}
