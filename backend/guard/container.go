package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/oci"
	"davit/backend/store"
	"davit/backend/userns/keeper"
)

// killGrace is how long a SIGKILL may take to end a container. More means a
// process that hangs in the kernel.
const killGrace = 10 * time.Second

// container is what the guard knows of one container.
type container struct {
	g   *Guard
	dir store.ContainerDir
	rec store.Record
	log *slog.Logger

	op      sync.Mutex // one start, stop or release at a time
	tidying sync.Mutex // held from the end of a run until what it left is taken away

	mu       sync.Mutex // all below
	now      current
	state    store.State
	run      *run          // nil while nothing runs
	changed  chan struct{} // closed at the next change of run or pending
	pending  *time.Timer   // a restart to come
	again    bool          // it is under way: neither pending nor a run
	backoff  time.Duration
	sessions []*session // attached, to this run or the next
	stopped  bool       // by the person: no restart
	holds    int        // who keeps the file system mounted: see hold

	adopted   bool // by this guard, of an earlier one
	unwritten bool // the state is to be written again
}

func (g *Guard) load(id string) (*container, error) {
	dir := g.Dirs.Container(id)
	rec, err := store.ReadRecord(dir)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, api.Errorf(api.KindNotFound, "no container %s", id).WithRef(id)
		}
		return nil, err
	}
	state, err := store.ReadState(dir)
	if err != nil {
		return nil, err
	}
	return &container{
		g: g, dir: dir, rec: rec, now: currently(rec), state: state, changed: make(chan struct{}),
		log: g.Log.With("container", rec.Name),
	}, nil
}

// notify wakes those that wait for a change; mu is held.
func (c *container) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// record writes the state. Where that does not work it is tried again until
// it does: a full disk stops no container, and loses no exit code.
func (c *container) record(change func(*store.State)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.state)
	c.state.Version = store.StateVersion
	err := c.write()
	if err != nil && !c.unwritten {
		c.log.Error("write the state", "err", err)
		c.unwritten = true
		c.g.enter()
		time.AfterFunc(rewriteEvery, c.rewrite)
	}
	return err
}

// rewriteEvery is how often a full disk is tried again.
const rewriteEvery = time.Second

// write writes the state; mu is held.
func (c *container) write() error {
	write := store.WriteJSONVolatile
	if c.state.State == api.StateExited && !c.rec.AutoRemove {
		write = store.WriteJSON
	}
	return write(c.dir.State(), c.state)
}

// rewrite writes what could not be written, until the container is removed.
func (c *container) rewrite() {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.write()
	if err != nil && !errors.Is(err, os.ErrNotExist) && c.g.ctx.Err() == nil {
		time.AfterFunc(rewriteEvery, c.rewrite)
		return
	}
	c.unwritten = false
	c.g.leave()
}

// start starts the container if it does not run.
func (c *container) start(ctx context.Context) error {
	c.op.Lock()
	defer c.op.Unlock()
	if err := c.endedWhole(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	running := c.run != nil
	c.cancelRestart()
	c.stopped, c.backoff = false, 0
	if !running {
		c.state.Restarts = 0 // counted from when a person started it
	}
	c.mu.Unlock()
	if running {
		return nil
	}
	return c.launch(ctx)
}

// endedWhole waits for the rest of an end that is under way: who has seen it
// recorded and starts the container again is not told that it runs. A start
// that is asked for again, because a guard was killed in it, is done in what was
// adopted, though that has ended.
func (c *container) endedWhole(ctx context.Context) error {
	r := c.running()
	if r == nil || r.adopted || !r.ended.Load() {
		return nil
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !c.g.knows(c) { // it was to be removed at its end
		return api.Errorf(api.KindNotFound, "container %s has ended, and is removed", c.name()).WithRef(c.name())
	}
	return nil
}

// orphanEnded hears of every exit that the keeper reaped.
func (c *container) orphanEnded(e keeper.Exit) {
	if r := c.running(); r != nil {
		if o, ok := r.proc.(*orphan); ok && o.pid == e.PID && o.start == e.Start {
			o.ended(e)
		}
	}
}

// stop ends the container as gently as o says.
func (c *container) stop(ctx context.Context, o api.StopOptions) error {
	c.op.Lock()
	defer c.op.Unlock()
	sig := c.stopSignal()
	if o.Signal != "" {
		var err error
		if sig, err = parseSignal(o.Signal); err != nil {
			return err
		}
	}
	grace := time.Duration(c.rec.StopTimeout) * time.Second
	if o.Timeout != nil {
		grace = time.Duration(*o.Timeout) * time.Second
	}
	c.mu.Lock()
	c.stopped = true
	waiting := c.pending != nil
	c.cancelRestart()
	r := c.run
	c.mu.Unlock()
	if r == nil {
		if waiting {
			c.record(func(s *store.State) { s.State, s.PID, s.PIDStart = api.StateExited, 0, 0 })
		}
		return nil
	}
	// What is held does not heed a signal before it may go on.
	held := c.paused()
	c.record(func(s *store.State) { s.State = api.StateStopping })
	if held {
		return r.endHeld(ctx, sig, grace)
	}
	return r.end(ctx, sig, grace)
}

// end signals, waits for grace (negative: for ever), then kills.
func (r *run) end(ctx context.Context, sig unix.Signal, grace time.Duration) error {
	r.asked.Store(true)
	if grace != 0 {
		if err := r.proc.Signal(sig); err != nil {
			return err
		}
		var timeout <-chan time.Time
		if grace > 0 {
			timeout = time.After(grace)
		}
		select {
		case <-r.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout:
		}
	}
	if err := r.proc.Signal(unix.SIGKILL); err != nil {
		return err
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(killGrace):
		return api.Errorf(api.KindInternal, "the container did not end within %s of being killed", killGrace).
			WithHint("One of its processes hangs in the kernel, often on a network file system.")
	}
}

// kill sends a signal to the first process.
func (c *container) kill(name string) error {
	if name == "" {
		name = "KILL"
	}
	sig, err := parseSignal(name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	r := c.run
	if r != nil && (sig == unix.SIGKILL || sig == unix.SIGTERM) {
		c.stopped = true
	}
	c.mu.Unlock()
	if r == nil {
		return api.Errorf(api.KindConflict, "container %s is not running", c.rec.Name).WithRef(c.rec.Name)
	}
	if sig == unix.SIGKILL {
		r.killed.Store(true)
	}
	c.tell("kill") // before it dies of it
	if err := r.proc.Signal(sig); err != nil {
		return err
	}
	if c.paused() && (sig == unix.SIGKILL || sig == c.stopSignal()) {
		return c.unpauseIfThere()
	}
	return nil
}

// wait waits until nothing runs and no restart is to come.
func (c *container) wait(ctx context.Context) (api.Exit, error) {
	for {
		c.mu.Lock()
		busy, changed := c.run != nil || c.pending != nil || c.again, c.changed
		exit := api.Exit{Code: c.state.ExitCode, Reason: c.state.Reason}
		c.mu.Unlock()
		if !busy {
			return exit, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return api.Exit{}, ctx.Err()
		}
	}
}

// release prepares for the removal of the directory.
func (c *container) release() error {
	c.op.Lock()
	defer c.op.Unlock()
	c.mu.Lock()
	running := c.run != nil
	c.stopped = true
	c.cancelRestart()
	c.mu.Unlock()
	if running {
		return api.Errorf(api.KindConflict, "container %s is running", c.rec.Name).
			WithHint("Stop it first, or remove it with --force.").WithRef(c.rec.Name)
	}
	c.tidied()
	c.endSessions(api.Exit{Code: c.state.ExitCode, Reason: c.state.Reason})
	if err := unmountRootfs(c.dir); err != nil {
		return err
	}
	if err := c.g.Runtime.Delete(c.rec.ID); err != nil {
		return err
	}
	c.g.forget(c.rec.ID)
	return nil
}

// removedPrefix begins the name of a directory that is being removed.
const removedPrefix = ".removed-"

// hide takes the container's directory out of every list: --rm. It goes under
// another name first, so that a half-removed one is never seen; the directory
// to remove is the answer.
func (c *container) hide() (string, error) {
	gone := string(c.g.Dirs.Container(removedPrefix + c.rec.ID))
	if err := os.Rename(string(c.dir), gone); err != nil {
		return "", fmt.Errorf("remove: %w", err)
	}
	c.g.forget(c.rec.ID)
	return gone, nil
}

// remove hides the container and removes its directory.
func (c *container) remove() error {
	gone, err := c.hide()
	if err != nil {
		return err
	}
	return c.removeFiles(gone)
}

// volumesLimit bounds how long the removal of volumes waits for the lock on
// names; those that stay are pruned.
const volumesLimit = 10 * time.Second

// removeFiles removes the directory of a container that is in no list any
// more, and its volumes that nobody named.
func (c *container) removeFiles(gone string) error {
	ctx, cancel := context.WithTimeout(context.Background(), volumesLimit)
	defer cancel()
	return errors.Join(os.RemoveAll(gone), store.RemoveAnonymous(ctx, c.g.Dirs, c.rec))
}

// killForGood ends the container. One that is to be restarted stays recorded
// so, for the next guard.
func (c *container) killForGood() {
	c.mu.Lock()
	c.cancelRestart()
	r := c.run
	c.mu.Unlock()
	if r == nil {
		return
	}
	r.orphaned.Store(true)
	if err := r.proc.Signal(unix.SIGKILL); err != nil {
		c.log.Error("kill", "err", err)
		return
	}
	select {
	case <-r.done:
	case <-time.After(killGrace):
	}
}

// confinement tells what holds the container.
func (c *container) confinement() []string {
	return oci.Confinement(c.rec.Spec, oci.HostSecurity())
}
