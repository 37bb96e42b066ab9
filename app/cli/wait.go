package main

import (
	"context"
	"fmt"

	"davit/backend/api"
)

func newWaitCommand() *command {
	var conditions []string
	c := &command{
		name: "wait", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Wait until containers end and print their exit codes", least: 1, most: anyNumber,
	}
	c.set().StringArrayVar(&conditions, "condition", nil,
		"Wait for this instead: not-running, next-exit, removed, running, paused, healthy or unhealthy")
	c.run = func(ctx context.Context, e *env, refs []string) error { return runWait(ctx, e, conditions, refs) }
	return c
}

func runWait(ctx context.Context, e *env, conditions []string, refs []string) error {
	var wanted []api.Condition
	for _, c := range conditions {
		wanted = append(wanted, api.Condition(c))
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	failed := false
	for _, ref := range refs {
		ended, err := s.WaitUntil(ctx, ref, wanted)
		switch {
		case api.KindOf(err) == api.KindCancelled:
			return err
		case err != nil:
			say(e, err)
			failed = true
		default:
			fmt.Fprintln(e.out, ended.Code)
		}
	}
	if failed {
		return exit(exitFailure)
	}
	return nil
}
