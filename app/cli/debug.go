package main

import (
	"context"

	"github.com/spf13/pflag"
)

// DebugOptions are debug's.
type DebugOptions struct {
	ExecOptions
	shell string
	line  string
}

// autoShell is the toolbox's own.
const autoShell = "auto"

func (o *DebugOptions) addFlags(f *pflag.FlagSet) {
	s := &o.spec
	f.StringVarP(&o.line, "command", "c", "", "Run this `line` in the shell")
	f.StringVar(&o.shell, "shell", autoShell, "The `shell`: one of the container's, or the toolbox's (auto, sh, ash)")
	f.BoolVarP(&s.Interactive, "interactive", "i", true, "Keep its standard input open")
	f.BoolVarP(&s.TTY, "tty", "t", false, "Give it a terminal (default: where you have one)")
	o.addProcessFlags(f, "Run as this user: `name|uid[:group|gid]` (default root)")
}

func newDebugCommand() *command {
	o := DebugOptions{}
	c := &command{
		name: "debug", args: "[OPTIONS] CONTAINER [COMMAND] [ARG...]", group: "Containers", exits: execExits,
		short: "Open a shell with tools of its own in a running container that has none", least: 1, most: anyNumber,
	}
	f := c.set()
	f.SetInterspersed(false)
	o.addFlags(f)
	c.run = func(ctx context.Context, e *env, args []string) error {
		own := o.ExecOptions
		own.spec.Toolbox = true
		if !f.Changed("tty") {
			_, in := terminal(e.in)
			_, out := terminal(e.out)
			own.spec.TTY = own.spec.Interactive && in && out
		}
		return runExec(ctx, e, own, args[0], o.command(args[1:]))
	}
	return c
}

// command is what is run: what was typed, or a shell.
func (o *DebugOptions) command(args []string) []string {
	shell := o.shell
	if shell == autoShell {
		shell = "sh"
	}
	switch {
	case o.line != "":
		return append([]string{shell, "-c", o.line}, args...)
	case len(args) > 0:
		return args
	}
	return []string{shell}
}
