package guard

import (
	"context"
	"errors"
	"testing"

	"davit/backend/api"
)

// Who starts a container whose end is recorded, but not over, waits for the
// rest of it.
func TestStartAsItEnds(t *testing.T) {
	g, c := journaled(t, api.StateExited, "create start die")
	r := &run{c: c, done: make(chan struct{})}
	r.ended.Store(true)
	c.run = r
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.start(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who does not wait: %v", err)
	}
	if r.adopted = true; c.start(gone) != nil {
		t.Error("a start that was done was waited for")
	}
	r.adopted = false
	g.forget(c.rec.ID)
	started := make(chan error, 1)
	go func() { started <- c.start(t.Context()) }()
	close(r.done)
	if err := <-started; api.KindOf(err) != api.KindNotFound {
		t.Errorf("it is removed: %v", err)
	}
}
