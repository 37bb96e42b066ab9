package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"davit/tests/home"
)

// patient is an init that ends when asked to, so that stop measures the tool
// and not a grace period.
var patient = []string{"sh", "-c", `trap "exit 0" TERM; while :; do sleep 1000 & wait; done`}

// commands times what a person or a script types.
func commands(ctx context.Context, r *report, _ *home.Home, tools []tool, rounds int) error {
	for _, t := range tools {
		if _, err := t.run(ctx, t.container("run", []string{"-d", "--name", "idle"}, patient...)...); err != nil {
			return err
		}
		if _, err := t.run(ctx, t.container("create", []string{"--name", "again"}, patient...)...); err != nil {
			return err
		}
	}
	one := func(args ...string) func(context.Context, tool) error {
		return func(ctx context.Context, t tool) error { _, err := t.run(ctx, args...); return err }
	}
	nothing := func(context.Context, tool) error { return nil }
	for _, c := range []struct {
		what                 string
		before, timed, after func(context.Context, tool) error
		rounds               int
	}{
		{"run --rm busybox true", nothing, func(ctx context.Context, t tool) error {
			_, err := t.run(ctx, t.container("run", []string{"--rm"}, "true")...)
			return err
		}, nothing, rounds},
		{"start", nothing, one("start", "again"), one("stop", "again"), rounds},
		{"stop", one("start", "again"), one("stop", "again"), nothing, rounds},
		{"exec true", nothing, one("exec", "idle", "true"), nothing, rounds},
		{"ps", nothing, one("ps"), nothing, rounds},
		{"inspect", nothing, one("inspect", "idle"), nothing, rounds},
		{"10 × run -d", nothing, ten, removeTen, max(rounds/5, 1)},
	} {
		for range c.rounds {
			for _, t := range tools {
				if err := c.before(ctx, t); err != nil {
					return err
				}
				began := time.Now()
				if err := c.timed(ctx, t); err != nil {
					return err
				}
				r.time(c.what, t.name, time.Since(began))
				if err := c.after(ctx, t); err != nil {
					return err
				}
			}
		}
	}
	for _, t := range tools {
		if _, err := t.run(ctx, "rm", "-f", "idle", "again"); err != nil {
			return err
		}
	}
	return nil
}

func ten(ctx context.Context, t tool) error { return start(ctx, t, 10) }

func start(ctx context.Context, t tool, n int) error {
	for i := range n {
		if _, err := t.run(ctx, t.container("run", []string{"-d", "--name", numbered(i)}, patient...)...); err != nil {
			return err
		}
	}
	return nil
}

func removeTen(ctx context.Context, t tool) error { return remove(ctx, t, 10) }

func remove(ctx context.Context, t tool, n int) error {
	args := []string{"rm", "-f"}
	for i := range n {
		args = append(args, numbered(i))
	}
	_, err := t.run(ctx, args...)
	return err
}

func numbered(i int) string { return "n" + strconv.Itoa(i) }

const logBytes = 64 << 20

// logs times how fast a container may write its log, and how fast it is read.
func logs(ctx context.Context, r *report, _ *home.Home, tools []tool, rounds int) error {
	script := fmt.Sprintf("yes 'a line of a log as services write them, of some eighty bytes in all, no more' | head -c %d", logBytes)
	for range max(rounds/10, 1) {
		for _, t := range tools {
			began := time.Now()
			if _, err := t.run(ctx, t.container("run", []string{"-d", "--name", "loud"}, "sh", "-c", script)...); err != nil {
				return err
			}
			if _, err := t.run(ctx, "wait", "loud"); err != nil {
				return err
			}
			r.rate("log written", t.name, logBytes, time.Since(began))
			cmd := t.cmd(ctx, "logs", "loud")
			cmd.Stdout = io.Discard
			began = time.Now()
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%s logs: %w", t.name, err)
			}
			r.rate("log read", t.name, logBytes, time.Since(began))
			if _, err := t.run(ctx, "rm", "-f", "loud"); err != nil {
				return err
			}
		}
	}
	return nil
}
