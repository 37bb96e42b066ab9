package main

import (
	"context"
	"fmt"
	"time"

	"davit/tests/home"
)

// settle is how long after a start memory is looked at: runtimes give back
// what starting took within seconds.
const settle = 3 * time.Second

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
			if err := pause(ctx); err != nil {
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

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settle):
		return nil
	}
}
