package guard

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/guard/procs"
	"davit/backend/store"
)

// pause holds all processes of the container where they are.
func (c *container) pause() error {
	c.op.Lock()
	defer c.op.Unlock()
	r, err := c.runningNow("paused")
	if err != nil {
		return err
	}
	if err := r.hold(); err != nil {
		// Some may be held already: none stays behind.
		return api.Errorf(api.KindInternal, "pause container %s: %w", c.name(), errors.Join(err, r.letGo())).WithRef(c.name())
	}
	if !c.change(r, func(s *store.State) { s.State = api.StatePaused }) {
		return api.Errorf(api.KindConflict, "container %s ended before it was paused", c.name()).WithRef(c.name())
	}
	c.tell("pause")
	return nil
}

// unpause lets them go on.
func (c *container) unpause() error {
	c.op.Lock()
	defer c.op.Unlock()
	r := c.running()
	if r == nil || !c.paused() {
		return api.Errorf(api.KindConflict, "container %s is not paused", c.name()).WithRef(c.name())
	}
	return c.resume(r)
}

// resume is unpause with op held.
func (c *container) resume(r *run) error {
	if err := r.letGo(); err != nil {
		return api.Errorf(api.KindInternal, "let container %s go on: %w", c.name(), err).WithRef(c.name())
	}
	if c.change(r, func(s *store.State) { s.State = api.StateRunning }) {
		c.tell("unpause")
	}
	return nil
}

// unpauseIfThere is unpause for a container that may end meanwhile.
func (c *container) unpauseIfThere() error {
	c.op.Lock()
	defer c.op.Unlock()
	if r := c.running(); r != nil && c.paused() {
		return c.resume(r)
	}
	return nil
}

// endHeld is end for a paused run: the signal waits for it when it goes on, so
// that nothing else is done before it is heeded.
func (r *run) endHeld(ctx context.Context, sig unix.Signal, grace time.Duration) error {
	r.asked.Store(true)
	if grace != 0 {
		if err := r.proc.Signal(sig); err != nil {
			return err
		}
	}
	if err := r.letGo(); err != nil {
		r.c.log.Error("let it go on", "err", err) // killing works all the same
	}
	return r.end(ctx, 0, grace)
}

// stopSignal is what stop sends; an image's nonsense counts as TERM.
func (c *container) stopSignal() unix.Signal {
	if sig, err := parseSignal(c.rec.StopSignal); err == nil {
		return sig
	}
	return unix.SIGTERM
}

// hold uses the freezer where there is one: processes do not see it, and new
// ones are born frozen.
func (r *run) hold() error {
	if r.group != "" {
		return r.group.Freeze()
	}
	return procs.Stop(r.proc.PID())
}

func (r *run) letGo() error {
	if r.group != "" {
		return r.group.Thaw()
	}
	return procs.Continue(r.proc.PID())
}

// runningNow is the run of a container that runs and is not paused; what is
// the participle for the answer.
func (c *container) runningNow(what string) (*run, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := c.now.name
	switch {
	case c.run == nil:
		return nil, api.Errorf(api.KindConflict, "container %s is not running", name).
			WithHint("Only a container that runs can be %s.", what).WithRef(name)
	case c.state.State == api.StatePaused:
		return nil, api.Errorf(api.KindConflict, "container %s is paused", name).
			WithHint("Let it go on first: davit unpause %s", name).WithRef(name)
	}
	return c.run, nil
}

func (c *container) paused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.State == api.StatePaused
}

// change records a change of run r unless that has ended meanwhile.
func (c *container) change(r *run, what func(*store.State)) bool {
	c.mu.Lock()
	there := c.run == r && c.state.Active()
	c.mu.Unlock()
	if there {
		c.record(what)
	}
	return there
}
