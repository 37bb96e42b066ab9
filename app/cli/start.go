package main

import (
	"context"

	"davit/backend/api"
)

// StartOptions are start's.
type StartOptions struct {
	Which
	Attach      bool
	Interactive bool
	DetachKeys  string
	SigProxy    bool
}

func newStartCommand() *command {
	var o StartOptions
	c := &command{
		name: "start", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Start containers that do not run", least: 1, most: anyNumber,
	}
	f := c.set()
	c.chosen = o.given
	o.addFlags(f, whichFlags{latest: "l"}, "All containers that do not run")
	f.BoolVarP(&o.Attach, "attach", "a", false, "Stay with its output, pass signals on")
	f.BoolVarP(&o.Interactive, "interactive", "i", false, "Pass on input as well")
	f.BoolVar(&o.SigProxy, "sig-proxy", true, "Pass signals on to the container")
	f.StringVar(&o.DetachKeys, "detach-keys", defaultDetachKeys, "Keys that leave the container running")
	c.run = func(ctx context.Context, e *env, args []string) error { return runStart(ctx, e, o, args) }
	return c
}

func runStart(ctx context.Context, e *env, o StartOptions, refs []string) error {
	keys, err := parseDetachKeys(o.DetachKeys)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	if refs, err = o.refs(ctx, s, refs, statesDown...); err != nil {
		return err
	}
	if (o.Attach || o.Interactive) && len(refs) != 1 {
		return api.Errorf(api.KindInvalid, "only one container can be started and attached at a time")
	}
	if !o.Attach && !o.Interactive {
		return each(e, refs, func(ref string) error { return plainStart(s.Start(ctx, ref)) })
	}
	d, err := s.Container(ctx, refs[0])
	if err != nil {
		return err
	}
	stdin := o.Interactive && d.Spec.Interactive
	if err := checkTTY(e, stdin && d.Spec.TTY); err != nil {
		return err
	}
	c := &conversation{env: e, stdin: stdin, tty: d.Spec.TTY, sigProxy: o.SigProxy, detach: keys}
	ended, err := foreground(ctx, s, c, d.ID, !isUp(d.State))
	if err != nil {
		return plainStart(err)
	}
	return exit(ended.Code)
}

// plainStart takes the codes 125 to 127 off an error: only run has them.
func plainStart(err error) error {
	if err == nil || api.KindOf(err) == api.KindCancelled {
		return err
	}
	return api.AsError(err).WithExit(exitFailure)
}
