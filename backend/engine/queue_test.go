package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/image"
)

// TestPullsWaitInOrder starts five pulls: two run, and the rest follow in the
// order that they are given.
func TestPullsWaitInOrder(t *testing.T) {
	b := newBench(t)
	var mu sync.Mutex
	var begun []string
	release := make(chan struct{})
	b.images.pull = func(ctx context.Context, progress func(image.Progress)) error {
		select {
		case <-release:
			return errors.New("over")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	b.images.begin = func(ref string) {
		mu.Lock()
		defer mu.Unlock()
		begun = append(begun, ref)
	}
	var ids []string
	for n := range 5 {
		o, err := b.Pull(t.Context(), api.PullSpec{Ref: fmt.Sprintf("app%d", n)})
		if err != nil {
			t.Fatal(err)
		}
		if want := max(0, n-1); o.Place != want || (o.State == api.OperationWaiting) != (n > 1) {
			t.Errorf("%d: %+v", n, o)
		}
		ids = append(ids, o.ID)
	}
	for count := 0; count < 2; time.Sleep(time.Millisecond) { // the first two are on their way
		mu.Lock()
		count = len(begun)
		mu.Unlock()
	}
	if err := b.MoveOperation(t.Context(), ids[4], 1); err != nil {
		t.Fatal(err)
	}
	kind(t, b.MoveOperation(t.Context(), ids[0], 1), api.KindConflict, "")
	if err := b.PauseOperation(t.Context(), ids[2]); err != nil {
		t.Fatal(err)
	}
	if o := b.state(t, ids[3], api.OperationWaiting); o.Place != 2 {
		t.Errorf("%+v", o)
	}
	if o := b.state(t, ids[2], api.OperationPaused); o.Place != 0 {
		t.Errorf("%+v", o)
	}
	if err := b.CancelOperation(t.Context(), ids[0]); err != nil { // its place is free: the last goes first
		t.Fatal(err)
	}
	b.state(t, ids[4], api.OperationRunning)
	if err := b.ResumeOperation(t.Context(), ids[2]); err != nil {
		t.Fatal(err)
	}
	if o := b.state(t, ids[2], api.OperationWaiting); o.Place != 2 {
		t.Errorf("%+v", o)
	}
	if err := b.CancelOperation(t.Context(), ids[3]); err != nil {
		t.Fatal(err)
	}
	close(release)
	for _, id := range []string{ids[1], ids[2], ids[4]} {
		b.state(t, id, api.OperationFailed)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := fmt.Sprint(begun[2:]); got != "[app4 app2]" {
		t.Errorf("after the first two began %s", got)
	}
}
