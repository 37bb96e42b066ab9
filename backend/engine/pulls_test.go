package engine

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/image"
	"davit/backend/image/pulls"
)

// beside is another engine over the same files.
func (b *bench) beside(t *testing.T) *Engine {
	t.Helper()
	e := New(Config{Dirs: b.dirs, Guard: b.guard, Images: b.images})
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// stateIn waits until an engine tells that an operation is in a state.
func stateIn(t *testing.T, e *Engine, id string, want api.OperationState) api.Operation {
	t.Helper()
	return (&bench{Engine: e}).state(t, id, want)
}

func blocking(ctx context.Context, progress func(image.Progress)) error {
	progress(image.Progress{Name: "docker.io/library/slow:latest", Done: 3, Total: 10, Steps: []api.Step{{ID: "sha256:00"}}})
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestPullsOfAnotherEngineAreSeenAndLedFromHere(t *testing.T) {
	b := newBench(t)
	b.images.pull = blocking
	o, err := b.Pull(t.Context(), api.PullSpec{Ref: "slow"})
	if err != nil {
		t.Fatal(err)
	}
	other := b.beside(t)
	all, err := other.Operations(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != o.ID || !all[0].Elsewhere || all[0].State != api.OperationRunning {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := other.PauseOperation(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	b.state(t, o.ID, api.OperationPaused)
	stateIn(t, other, o.ID, api.OperationPaused)
	if err := other.ResumeOperation(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	b.state(t, o.ID, api.OperationRunning)
	ended := make(chan api.OperationState, 1)
	go func() {
		var last api.Operation
		_ = other.WatchOperation(t.Context(), o.ID, func(now api.Operation) error { last = now; return nil })
		ended <- last.State
	}()
	if err := other.CancelOperation(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	b.state(t, o.ID, api.OperationCancelled)
	if s := <-ended; s != api.OperationCancelled {
		t.Errorf("who watched from elsewhere saw it end as %s", s)
	}
	kind(t, other.PauseOperation(t.Context(), o.ID), api.KindConflict, "over")
}

func TestPullsOutliveTheirEngine(t *testing.T) {
	b := newBench(t)
	b.images.pull = blocking
	first := b.beside(t)
	var ids []string
	for _, ref := range []string{"slow", "held", "third", "fourth"} {
		o, err := first.Pull(t.Context(), api.PullSpec{Ref: ref})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, o.ID)
	}
	if err := first.PauseOperation(t.Context(), ids[1]); err != nil {
		t.Fatal(err)
	}
	stateIn(t, first, ids[1], api.OperationPaused)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := b.beside(t)
	all, err := second.Operations(t.Context())
	if err != nil || len(all) != 4 || slices.ContainsFunc(all, func(o api.Operation) bool { return o.State != api.OperationPaused || o.Elsewhere || o.Place != 0 }) {
		t.Fatalf("%+v, %v", all, err)
	}
	if o := stateIn(t, second, ids[0], api.OperationPaused); o.Reason == "" {
		t.Errorf("it does not say why it is paused: %+v", o)
	}
	if o := stateIn(t, second, ids[1], api.OperationPaused); o.Reason != "" {
		t.Errorf("a person paused it: %+v", o)
	}
	// The same image pulled again is the same pull.
	if o, err := second.Pull(t.Context(), api.PullSpec{Ref: "fourth"}); err != nil || o.ID != ids[3] {
		t.Errorf("%+v, %v", o, err)
	}
	if err := second.ResumeOperations(t.Context()); err != nil {
		t.Fatal(err)
	}
	stateIn(t, second, ids[0], api.OperationRunning)
	stateIn(t, second, ids[1], api.OperationPaused)
	stateIn(t, second, ids[2], api.OperationWaiting)
	if err := second.CancelOperation(t.Context(), ids[1]); err != nil {
		t.Fatal(err)
	}
	stateIn(t, second, ids[1], api.OperationCancelled)
	b.images.mu.Lock()
	defer b.images.mu.Unlock()
	if !slices.Contains(b.images.dropped, "sha256:00") {
		t.Errorf("what it fetched was not removed: %v", b.images.dropped)
	}
}

func TestNoPasswordIsWrittenDown(t *testing.T) {
	b := newBench(t)
	b.images.pull = blocking
	verify := false
	spec := api.PullSpec{Ref: "slow", Access: api.RegistryAccess{Username: "ada", Password: "a-password", TLSVerify: &verify}}
	o, err := b.Pull(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	b.state(t, o.ID, api.OperationRunning)
	seen := 0
	for _, end := range []func(context.Context, string) error{b.PauseOperation, b.CancelOperation} {
		files, err := filepath.Glob(b.dirs.Pulls() + "/*.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil || bytes.Contains(text, []byte("a-password")) || bytes.Contains(text, []byte("access")) {
				t.Errorf("%s, %v: %s", f, err, text)
			}
			seen++
		}
		if err := end(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
	}
	if seen == 0 {
		t.Error("there is no record")
	}
}

// TestWhoComesWithAPasswordJoinsNobodyElse begins pulls of one image in several
// ways: each is an operation of its own, but for who comes in the same way.
func TestWhoComesWithAPasswordJoinsNobodyElse(t *testing.T) {
	b := newBench(t)
	b.images.pull = blocking
	orphan := api.Operation{ID: "00ff", Kind: "pull", Subject: fullName("slow"), State: api.OperationRunning, Started: time.Now()}
	own, err := pulls.Open(b.dirs.Pulls()).Begin(pulls.Record{Spec: api.PullSpec{Ref: "slow"}, Now: orphan})
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Leave(pulls.Record{Spec: api.PullSpec{Ref: "slow"}, Now: orphan}); err != nil {
		t.Fatal(err)
	}
	yes, no, again := true, false, true
	ids := map[string]api.RegistryAccess{}
	for _, a := range []api.RegistryAccess{
		{Username: "ada", Password: "1"}, {Username: "ada", Password: "2"}, {Username: "eve", Password: "1"}, {TLSVerify: &yes}, {TLSVerify: &no}, {},
	} {
		o, err := b.Pull(t.Context(), api.PullSpec{Ref: "slow", Access: a})
		if err != nil {
			t.Fatal(err)
		}
		if was, joined := ids[o.ID]; joined {
			t.Errorf("%+v joined %+v", a, was)
		}
		if goesOn := o.ID == orphan.ID; goesOn != a.IsZero() {
			t.Errorf("%+v goes on with what another began: %v", a, goesOn)
		}
		ids[o.ID] = a
	}
	for _, a := range []api.RegistryAccess{{Username: "ada", Password: "2"}, {TLSVerify: &again}, {}} {
		o, err := b.Pull(t.Context(), api.PullSpec{Ref: "slow", Access: a})
		if was, joined := ids[o.ID]; err != nil || !joined || !was.Equal(a) {
			t.Errorf("%+v joined %+v, %v", a, was, err)
		}
	}
	for id := range ids {
		if err := b.CancelOperation(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		b.state(t, id, api.OperationCancelled)
	}
	b.ops.mu.Lock()
	defer b.ops.mu.Unlock()
	for _, op := range b.ops.list {
		if !op.job.access.IsZero() || op.work != nil {
			t.Errorf("%s is over and keeps its password", op.now.ID)
		}
	}
}

// TestARecordOfAKilledEngine is as a killed engine leaves it: it says that it
// runs, and nobody holds it.
func TestARecordOfAKilledEngine(t *testing.T) {
	b := newBench(t)
	b.images.pull = func(context.Context, func(image.Progress)) error { return nil }
	own, err := pulls.Open(b.dirs.Pulls()).Begin(pulls.Record{Spec: api.PullSpec{Ref: "app"}, Now: api.Operation{
		ID: "00ff", Kind: "pull", Subject: fullName("app"), State: api.OperationRunning, Started: time.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Leave(pulls.Record{Spec: api.PullSpec{Ref: "app"}, Now: api.Operation{
		ID: "00ff", Kind: "pull", Subject: fullName("app"), State: api.OperationRunning, Started: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	if o := b.state(t, "00ff", api.OperationPaused); o.Reason == "" {
		t.Errorf("%+v", o)
	}
	if err := b.ResumeOperation(t.Context(), "00ff"); err != nil {
		t.Fatal(err)
	}
	b.state(t, "00ff", api.OperationDone)
	if err := os.WriteFile(b.dirs.Pulls()+"/00aa.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Operations(t.Context()); err != nil {
		t.Errorf("a damaged record: %v", err)
	}
}
