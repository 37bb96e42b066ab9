package main

import (
	"context"
	"time"
)

// How long after a change memory is looked at: runtimes give back what starting
// took within seconds; guard and netd end when nothing needed them for ten
// seconds, and the keeper ten after them.
const (
	settle = 5 * time.Second
	rest   = 30 * time.Second
)

// memory adds up what a tool's own processes hold with none and with one idle
// container and no front open. With many: see crowd.
func (b *bench) memory(ctx context.Context) error {
	one := made("run", []string{"-d", "--name", "one", "-p", "127.0.0.1::80"}, patient...)
	if err := b.each(ctx, one); err != nil {
		return err
	}
	for _, t := range b.tools {
		if err := b.idle(ctx, figure{"memory, 1 idle with a port", []limit{{Most: 25}}}, t); err != nil {
			return err
		}
	}
	if err := b.each(ctx, typed("rm", "-f", "one")); err != nil {
		return err
	}
	if err := pause(ctx, rest-settle); err != nil {
		return err
	}
	for _, t := range b.tools {
		if err := b.idle(ctx, figure{"memory, nothing runs", nil}, t); err != nil {
			return err
		}
	}
	return nil
}

// idle adds up what a tool's processes hold once they have come to rest.
func (b *bench) idle(ctx context.Context, f figure, t tool) error {
	if err := pause(ctx, settle); err != nil {
		return err
	}
	all, err := t.processes()
	if err != nil {
		return err
	}
	b.pss(f, t.name, all)
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
