package main

import (
	"context"
	"errors"

	"davit/backend/api"
)

// RmOptions are rm's.
type RmOptions struct {
	Force   bool
	Volumes bool
}

func newRmCommand() *command {
	var o RmOptions
	c := &command{
		name: "rm", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Remove containers, with their logs and what they wrote", least: 1, most: anyNumber,
	}
	f := c.set()
	f.BoolVarP(&o.Force, "force", "f", false, "Remove also those that run; one that is not there is no failure")
	f.BoolVarP(&o.Volumes, "volumes", "v", false, "Remove their volumes that have no name as well")
	c.run = func(ctx context.Context, e *env, args []string) error { return runRm(ctx, e, o, args) }
	return c
}

func runRm(ctx context.Context, e *env, o RmOptions, refs []string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	remove := func(ref string) error {
		return absent(e, o.Force, s.Remove(ctx, ref, api.RemoveOptions{Force: o.Force, Volumes: o.Volumes}))
	}
	return atOnce(e, refs, remove)
}

// errAbsent says that a forced removal had nothing to do: docker says so, and succeeds.
var errAbsent = errors.New("nothing to remove")

func absent(e *env, force bool, err error) error {
	if force && api.KindOf(err) == api.KindNotFound {
		say(e, err)
		return errAbsent
	}
	return err
}
