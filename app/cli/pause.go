package main

import (
	"context"

	"davit/backend/api"
)

func newPauseCommand() *command {
	c := onEach("pause", "Hold all processes of containers where they are", api.Service.Pause, api.StateRunning)
	c.long = "They are frozen with their control group where this machine gives Davit one; else each is sent\nSIGSTOP, which a parent inside may notice, and SIGCONT by unpause."
	return c
}

func newUnpauseCommand() *command {
	return onEach("unpause", "Let paused containers go on", api.Service.Unpause, api.StatePaused)
}

// onEach is a verb that does the same to each container; all is the state of
// those that --all means.
func onEach(name, short string, do func(api.Service, context.Context, string) error, all api.State) *command {
	var w Which
	c := &command{
		name: name, args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: short, least: 1, most: anyNumber, chosen: w.given,
	}
	w.addFlags(c.set(), whichFlags{all: "a", latest: "l"}, "All containers that are "+string(all))
	c.run = func(ctx context.Context, e *env, refs []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		if refs, err = w.refs(ctx, s, refs, all); err != nil {
			return err
		}
		return each(e, refs, func(ref string) error { return do(s, ctx, ref) })
	}
	return c
}

func newRenameCommand() *command {
	c := &command{
		name: "rename", args: "CONTAINER NEW_NAME", group: "Containers",
		short: "Give a container another name", least: 2, most: 2,
	}
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return s.Rename(ctx, args[0], args[1])
	}
	return c
}
