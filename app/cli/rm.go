package main

import (
	"context"
	"errors"

	"davit/backend/api"
)

// RmOptions are rm's.
type RmOptions struct {
	Which
	Force   bool
	Volumes bool
	Timeout int  // seconds of a stop before it is removed
	Stop    bool // first
}

func newRmCommand() *command {
	var o RmOptions
	c := &command{
		name: "rm", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Remove containers, with their logs and what they wrote", least: 1, most: anyNumber,
	}
	f := c.set()
	c.chosen = o.given
	o.addFlags(f, whichFlags{"a", "l", "i"}, "All containers")
	f.BoolVarP(&o.Force, "force", "f", false, "Remove also those that run; one that is not there is no failure")
	f.BoolVarP(&o.Volumes, "volumes", "v", false, "Remove their volumes that have no name as well")
	f.IntVarP(&o.Timeout, "timeout", "t", 0, "Stop those that run first, and kill them after so many `seconds`; means --force")
	f.IntVar(&o.Timeout, "time", 0, "The same")
	hide(f, "time")
	c.run = func(ctx context.Context, e *env, args []string) error {
		o.Stop = f.Changed("timeout") || f.Changed("time")
		o.Force = o.Force || o.Stop
		return runRm(ctx, e, o, args)
	}
	return c
}

func runRm(ctx context.Context, e *env, o RmOptions, refs []string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	if refs, err = o.refs(ctx, s, refs); err != nil {
		return err
	}
	remove := func(ref string) error {
		if o.Stop {
			if gone, err := stopFirst(ctx, s, ref, api.StopOptions{Timeout: &o.Timeout}); gone || err != nil {
				return err
			}
		}
		err := o.unlessIgnored(s.Remove(ctx, ref, api.RemoveOptions{Force: o.Force, Volumes: o.Volumes}))
		return absent(e, o.Force, err)
	}
	return atOnce(e, refs, remove)
}

// stopFirst stops a container that is to be removed; gone tells that it is one
// that is removed when it ends.
func stopFirst(ctx context.Context, s api.Service, ref string, o api.StopOptions) (gone bool, err error) {
	d, err := s.Container(ctx, ref)
	if err != nil || d.State != api.StateRunning {
		return false, nil // removing it says what is wrong
	}
	if err := s.Stop(ctx, d.ID, o); err != nil && api.KindOf(err) != api.KindNotFound {
		return false, err
	}
	_, err = s.Container(ctx, d.ID)
	return api.KindOf(err) == api.KindNotFound, nil
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
