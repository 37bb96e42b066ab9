package main

import (
	"context"
	"fmt"
	"time"

	"davit/tests/home"
)

// How long after a change memory is looked at: runtimes give back what starting
// took within seconds; guard and netd end when nothing needed them for ten
// seconds, and the keeper ten after them.
const (
	settle = 3 * time.Second
	rest   = 30 * time.Second
)

// memory adds up what a tool's own processes hold with 0, 1 and 10 idle
// containers and no front open.
func memory(ctx context.Context, r *report, _ *home.Home, tools []tool, _ int) error {
	for _, n := range []int{0, 1, 10} {
		for _, t := range tools {
			if n > 0 {
				if err := start(ctx, t, n); err != nil {
					return err
				}
			}
			wait := settle
			if n == 0 {
				wait = rest
			}
			if err := pause(ctx, wait); err != nil {
				return err
			}
			all, err := t.processes()
			if err != nil {
				return err
			}
			r.memory(fmt.Sprintf("memory, %d idle", n), t.name, all)
			if n > 0 {
				if err := remove(ctx, t, n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
