package main

import (
	"context"
	"fmt"

	"davit/backend/api"
)

func newWaitCommand() *command {
	c := &command{
		name: "wait", args: "CONTAINER [CONTAINER...]", group: "Containers",
		short: "Wait until containers end and print their exit codes", least: 1, most: anyNumber,
	}
	c.run = runWait
	return c
}

func runWait(ctx context.Context, e *env, refs []string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	failed := false
	for _, ref := range refs {
		ended, err := s.Wait(ctx, ref)
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
