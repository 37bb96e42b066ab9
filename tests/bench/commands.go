package main

import (
	"context"
	"time"
)

// patient is an init that ends when asked to, so that stop measures the tool
// and not a grace period.
var patient = []string{"sh", "-c", `trap "exit 0" TERM; while :; do sleep 1000 & wait; done`}

type step func(context.Context, tool) error

// command is what is timed, with what has to come before and after it.
type command struct {
	figure
	before, timed, after step
}

func typed(args ...string) step {
	return func(ctx context.Context, t tool) error { _, err := t.run(ctx, args...); return err }
}

func made(verb string, flags []string, args ...string) step {
	return func(ctx context.Context, t tool) error {
		_, err := t.run(ctx, t.container(verb, flags, args...)...)
		return err
	}
}

// commands times what a person or a script types, with one other container
// running.
func (b *bench) commands(ctx context.Context) error {
	// They come together, so that this figure is of the person's next command.
	begin, end := typed("start", "again"), typed("stop", "again")
	all := []command{
		{ratio("run --rm busybox true", 0.2), nil, made("run", []string{"--rm"}, "true"), nil},
		{ratio("start", 0.3), nil, begin, end},
		{ratio("stop", 0.3), begin, end, nil},
		{ratio("exec true", 0.2), nil, typed("exec", "idle", "true"), nil},
		{ratio("ps", 0.5), nil, typed("ps"), nil},
		{ratio("inspect", 0.5), nil, typed("inspect", "idle"), nil},
		{ratio("logs, 3 lines", 0.5), nil, typed("logs", "said"), nil},
		{figure{"rm -f", nil}, made("run", []string{"-d", "--name", "gone"}, patient...), typed("rm", "-f", "gone"), nil},
	}
	for _, t := range b.tools {
		for _, s := range []step{
			made("run", []string{"-d", "--name", "idle"}, patient...),
			made("create", []string{"--name", "again"}, patient...),
			made("run", []string{"--name", "said"}, "sh", "-c", "echo one; echo two; echo three"),
		} {
			if err := s(ctx, t); err != nil {
				return err
			}
		}
	}
	for _, c := range all {
		if err := b.inTurns(ctx, c, b.rounds); err != nil {
			return err
		}
	}
	return b.each(ctx, typed("rm", "-f", "idle", "again", "said"))
}

// inTurns times a command of all tools, round by round.
func (b *bench) inTurns(ctx context.Context, c command, rounds int) error {
	for range rounds {
		for _, t := range b.tools {
			if err := c.once(ctx, b.report, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c command) once(ctx context.Context, r *report, t tool) error {
	if c.before != nil {
		if err := c.before(ctx, t); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := c.timed(ctx, t); err != nil {
		return err
	}
	r.time(c.figure, t.name, time.Since(began))
	if c.after != nil {
		return c.after(ctx, t)
	}
	return nil
}

// each takes a step with every tool.
func (b *bench) each(ctx context.Context, s step) error {
	for _, t := range b.tools {
		if err := s(ctx, t); err != nil {
			return err
		}
	}
	return nil
}
