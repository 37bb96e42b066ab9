package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// RunOptions are run's.
type RunOptions struct {
	SpecOptions
	Detach     bool
	SigProxy   bool
	DetachKeys string
	Quiet      bool
	Attach     attached
}

func (o *RunOptions) addFlags(f *pflag.FlagSet) {
	o.SpecOptions.addFlags(f)
	o.Attach.addFlags(f)
	f.BoolVarP(&o.Detach, "detach", "d", false, "Run in the background and print the container's id")
	f.BoolVar(&o.SigProxy, "sig-proxy", true, "Pass signals on to the container")
	f.StringVar(&o.DetachKeys, "detach-keys", defaultDetachKeys, "Keys that leave the container running")
	f.BoolVarP(&o.Quiet, "quiet", "q", false, "Do not show the progress of a pull")
	f.StringVar(&o.pidFile, "pidfile", "", "Write the id that its process has on this computer to this `file`")
}

const runExits = `  125    Davit itself failed, or an option is wrong
  126    the command cannot be run
  127    the command was not found
  128+n  the command was ended by signal n
  other  the command's own
`

func newRunCommand() *command {
	var o RunOptions
	c := &command{
		name: "run", args: "[OPTIONS] IMAGE [COMMAND] [ARG...]", group: "Containers", exits: runExits,
		short: "Make a container from an image and run it", least: 1, most: anyNumber,
		long: "The image is pulled where it is not here yet. Ports are published on 127.0.0.1 unless an\naddress is given. The image davit.local/sample is built into Davit and needs no network.",
	}
	f := c.set()
	f.SetInterspersed(false)
	o.addFlags(f)
	c.before = o.heed
	c.run = func(ctx context.Context, e *env, args []string) error {
		spec, err := o.build(args)
		if err != nil {
			return within(exitDavit, err)
		}
		return within(exitDavit, runRun(ctx, e, o, spec))
	}
	return c
}

func runRun(ctx context.Context, e *env, o RunOptions, spec api.RunSpec) error {
	if o.Detach && len(o.Attach) > 0 {
		return invalid("-a and -d cannot be both: a container in the background is heard by nobody")
	}
	keys, err := parseDetachKeys(o.DetachKeys)
	if err != nil {
		return err
	}
	if err := checkTTY(e, !o.Detach && spec.TTY && spec.Interactive); err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	made, err := o.create(ctx, e, s, spec, o.Quiet)
	if err != nil {
		return err
	}
	if o.Detach {
		if err := s.Start(ctx, made.ID); err != nil {
			return discard(ctx, s, spec, made.ID, err)
		}
		fmt.Fprintln(e.out, made.ID)
		return o.writePID(ctx, s, made.ID)
	}
	c := &conversation{env: o.Attach.heard(e), stdin: spec.Interactive && o.Attach.has("stdin"), tty: spec.TTY, sigProxy: o.SigProxy, detach: keys, fresh: true}
	if o.pidFile != "" {
		c.started = func() {
			if err := o.writePID(ctx, s, made.ID); err != nil {
				say(e, err) // the container runs
			}
		}
	}
	ended, err := foreground(ctx, s, c, made.ID, true)
	if err != nil {
		return discard(ctx, s, spec, made.ID, err)
	}
	return exit(ended.Code)
}

// writePID writes the file of --pidfile. One that has ended by now has none.
func (o *RunOptions) writePID(ctx context.Context, s api.Service, id string) error {
	if o.pidFile == "" {
		return nil
	}
	d, err := s.Container(ctx, id)
	if err != nil || d.PID == 0 {
		return nil
	}
	if err := os.WriteFile(o.pidFile, []byte(strconv.Itoa(d.PID)), 0o644); err != nil {
		return fmt.Errorf("pidfile: %w", err)
	}
	return nil
}

// checkTTY refuses to talk in a terminal's way to what is none.
func checkTTY(e *env, wanted bool) error {
	if _, ok := terminal(e.in); wanted && !ok {
		return &exitError{code: exitFailure, err: api.Errorf(api.KindInvalid, "the input device is not a terminal").
			WithHint("leave out -t to read from a pipe or a file")}
	}
	return nil
}

// discard removes what --rm promised to remove where it never started.
func discard(ctx context.Context, s api.Service, spec api.RunSpec, id string, why error) error {
	if spec.AutoRemove && api.KindOf(why) == api.KindStart {
		err := s.Remove(context.WithoutCancel(ctx), id, api.RemoveOptions{Force: true})
		if err != nil && api.KindOf(err) != api.KindNotFound {
			return errors.Join(why, err)
		}
	}
	return why
}

// foreground attaches to a container and stays until it ends. A session that
// breaks (engine or guard died, the container did not) is taken up again where
// it was.
func foreground(ctx context.Context, s api.Service, c *conversation, id string, start bool) (api.Exit, error) {
	if c.sigProxy && !c.tty {
		ctx = context.WithoutCancel(ctx) // the signals are the container's
	}
	attach := func(start bool) opener {
		return func(ctx context.Context, rows, cols uint16) (*api.Session, error) {
			o := api.AttachOptions{Stdin: c.stdin, Start: start, Rows: rows, Cols: cols, Marks: true, From: c.reached}
			if !start && c.fresh && o.From == nil {
				o.From = &api.Mark{} // all that its log has
			}
			for tries := 0; ; tries++ {
				session, err := s.Attach(ctx, id, o)
				if start && err == nil && c.started != nil {
					c.started()
				}
				if start || !reconnect(ctx, err, tries) {
					return session, err
				}
			}
		}
	}
	ended, err := c.talk(ctx, attach(start), attach(false))
	switch api.KindOf(err) {
	case "":
		return ended, nil
	case api.KindConflict:
		// It ended between two sessions.
		if d, e := s.Container(ctx, id); e == nil && d.State == api.StateExited {
			return api.Exit{Code: d.ExitCode, Reason: d.Reason}, nil
		}
	}
	if errors.Is(err, errDetached) {
		return api.Exit{}, nil
	}
	return api.Exit{}, err
}
