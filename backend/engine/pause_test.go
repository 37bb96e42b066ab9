package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/image"
)

// state waits until an operation is in a state.
func (b *bench) state(t *testing.T, id string, want api.OperationState) api.Operation {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		o, err := b.Operation(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if o.State == want {
			return o
		}
		if time.Now().After(end) {
			t.Fatalf("operation is %s, want %s", o.State, want)
		}
	}
}

func TestAPausedPullGoesOnWhereItWas(t *testing.T) {
	b := newBench(t)
	var tries atomic.Int32
	b.images.pull = func(ctx context.Context, progress func(image.Progress)) error {
		if tries.Add(1) > 2 {
			progress(image.Progress{Name: "docker.io/library/slow:latest", Done: 10, Total: 10})
			return nil
		}
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), image.ErrShutdown) {
			t.Errorf("a pause looks like %v: what was fetched would go", context.Cause(ctx))
		}
		return context.Cause(ctx)
	}
	o, err := b.Pull(t.Context(), api.PullSpec{Ref: "slow"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.PauseOperation(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	if p := b.state(t, o.ID, api.OperationPaused); !p.Ended.IsZero() || p.Error != nil {
		t.Errorf("%+v", p)
	}
	// Pulling it again goes on with it.
	again, err := b.Pull(t.Context(), api.PullSpec{Ref: "slow"})
	if err != nil || again.ID != o.ID || again.State != api.OperationRunning {
		t.Errorf("%+v, %v", again, err)
	}
	if err := b.PauseOperation(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	b.state(t, o.ID, api.OperationPaused)
	if err := b.ResumeOperation(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	b.state(t, o.ID, api.OperationDone)
	kind(t, b.PauseOperation(t.Context(), o.ID), api.KindConflict, "over")
	kind(t, b.ResumeOperation(t.Context(), "absent"), api.KindNotFound, "")
}

func TestAPausedPullCanBeCancelled(t *testing.T) {
	b := newBench(t)
	b.images.pull = func(ctx context.Context, _ func(image.Progress)) error { <-ctx.Done(); return ctx.Err() }
	o, err := b.Pull(t.Context(), api.PullSpec{Ref: "slow"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.PauseOperation(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	b.state(t, o.ID, api.OperationPaused)
	if err := b.CancelOperation(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	if c := b.state(t, o.ID, api.OperationCancelled); c.Ended.IsZero() {
		t.Errorf("%+v", c)
	}
}
