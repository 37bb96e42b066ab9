package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// ExecOptions are exec's.
type ExecOptions struct {
	spec       api.ExecSpec
	env        []string
	envFiles   []string
	detachKeys string
}

func (o *ExecOptions) addFlags(f *pflag.FlagSet) {
	s := &o.spec
	f.BoolVarP(&s.Detach, "detach", "d", false, "Run it in the background")
	f.BoolVarP(&s.Interactive, "interactive", "i", false, "Keep its standard input open")
	f.BoolVarP(&s.TTY, "tty", "t", false, "Give it a terminal")
	o.addProcessFlags(f, "Run as this user: `name|uid[:group|gid]`")
}

// addProcessFlags adds what a process in a container is given; user is the help
// of --user.
func (o *ExecOptions) addProcessFlags(f *pflag.FlagSet, user string) {
	s := &o.spec
	f.StringArrayVarP(&o.env, "env", "e", nil, "Set a variable: `KEY=value`, or KEY to pass on your own")
	f.StringArrayVar(&o.envFiles, "env-file", nil, "Read variables from a `file`")
	f.StringVarP(&s.WorkingDir, "workdir", "w", "", "The working `directory` inside")
	f.StringVarP(&s.User, "user", "u", "", user)
	f.BoolVar(&s.Privileged, "privileged", false, "With all capabilities")
	f.StringVar(&o.detachKeys, "detach-keys", defaultDetachKeys, "Keys that leave the command running")
}

const execExits = `  1      no such container, or it does not run
  125    an option is wrong
  126    the command cannot be run
  127    the command or the working directory was not found
  128+n  the command was ended by signal n
  other  the command's own
`

func newExecCommand() *command {
	var o ExecOptions
	c := &command{
		name: "exec", args: "[OPTIONS] CONTAINER COMMAND [ARG...]", group: "Containers", exits: execExits,
		short: "Run a further command in a running container", least: 2, most: anyNumber,
	}
	f := c.set()
	f.SetInterspersed(false)
	o.addFlags(f)
	c.run = func(ctx context.Context, e *env, args []string) error {
		return runExec(ctx, e, o, args[0], args[1:])
	}
	return c
}

func runExec(ctx context.Context, e *env, o ExecOptions, ref string, args []string) error {
	keys, err := parseDetachKeys(o.detachKeys)
	if err != nil {
		return err
	}
	spec := o.spec
	spec.Args = args
	if spec.Env, err = environment(e, o.envFiles, o.env); err != nil {
		return err
	}
	if spec.Detach {
		spec.Interactive = false
	}
	if err := checkTTY(e, spec.TTY && spec.Interactive); err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	open := func(ctx context.Context, rows, cols uint16) (*api.Session, error) {
		spec.Rows, spec.Cols = rows, cols
		return s.Exec(ctx, ref, spec)
	}
	// docker's exec passes no signals on: an interrupt ends the client.
	c := &conversation{env: e, stdin: spec.Interactive, tty: spec.TTY, detach: keys}
	ended, err := c.talk(ctx, open, nil)
	if errors.Is(err, errDetached) {
		return nil
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return api.Errorf(api.KindUnavailable, "the connection to the command is lost: Davit's engine or guard was killed").
			WithHint("The container goes on. Whether the command had ended cannot be told.")
	}
	if err != nil {
		return err
	}
	return exit(ended.Code)
}
