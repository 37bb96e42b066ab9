package main

import (
	"context"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// AttachOptions are attach's.
type AttachOptions struct {
	NoStdin    bool
	SigProxy   bool
	DetachKeys string
}

func (o *AttachOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.NoStdin, "no-stdin", false, "Do not pass on input")
	f.BoolVar(&o.SigProxy, "sig-proxy", true, "Pass signals on to the container")
	f.StringVar(&o.DetachKeys, "detach-keys", defaultDetachKeys, "Keys that leave the container running")
}

func newAttachCommand() *command {
	var o AttachOptions
	c := &command{
		name: "attach", args: "[OPTIONS] CONTAINER", group: "Containers", exits: runExits,
		short: "Join the input and output of a running container", least: 1, most: 1,
	}
	o.addFlags(c.set())
	c.run = func(ctx context.Context, e *env, args []string) error { return runAttach(ctx, e, o, args[0]) }
	return c
}

func runAttach(ctx context.Context, e *env, o AttachOptions, ref string) error {
	keys, err := parseDetachKeys(o.DetachKeys)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	d, err := s.Container(ctx, ref)
	if err != nil {
		return err
	}
	if !isUp(d.State) {
		return api.Errorf(api.KindConflict, "%s does not run", d.Name).WithHint("davit start -a %s starts and attaches", d.Name)
	}
	stdin := d.Spec.Interactive && !o.NoStdin
	if err := checkTTY(e, stdin && d.Spec.TTY); err != nil {
		return err
	}
	c := &conversation{env: e, stdin: stdin, tty: d.Spec.TTY, sigProxy: o.SigProxy, detach: keys}
	ended, err := foreground(ctx, s, c, d.ID, false)
	if err != nil {
		return err
	}
	return exit(ended.Code)
}
