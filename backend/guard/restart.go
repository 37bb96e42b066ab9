package guard

import (
	"os"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/store"
)

// A restart comes after a pause that doubles up to maxBackoff and starts
// over once a run has lasted steadyRun: docker's figures.
const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = time.Minute
	steadyRun    = 10 * time.Second
)

// wantsRestart tells whether policy ("no", "always", "unless-stopped",
// "on-failure[:n]") has a container restarted that ended with code, unasked,
// after so many restarts.
func wantsRestart(policy string, code, restarts int) bool {
	name, limit, limited := strings.Cut(policy, ":")
	switch name {
	case "always", "unless-stopped":
		return true
	case "on-failure":
		n, err := strconv.Atoi(limit)
		return code != 0 && (!limited || err != nil || restarts < n)
	}
	return false
}

// wantsRestart tells whether the container is to be started again.
func (c *container) wantsRestart(exit api.Exit) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.stopped && wantsRestart(c.now.restart, exit.Code, c.state.Restarts)
}

// restarting makes the state one that the next guard goes on from, if this
// one does not get to it.
func restarting(s *store.State) {
	self, _ := store.ProcessStart(os.Getpid()) // ours: it is there
	s.State, s.PID, s.PIDStart, s.BootID = api.StateRestarting, os.Getpid(), self, store.BootID()
}

// planRestart has the container started again after a pause; mu is held. A
// guard that is ending leaves it to the next one.
func (c *container) planRestart() {
	if c.g.ctx.Err() != nil {
		return
	}
	if c.backoff == 0 || !c.again && c.state.Finished.Sub(c.state.Started) > steadyRun {
		c.backoff = firstBackoff
	}
	pause := c.backoff
	c.backoff = min(2*c.backoff, maxBackoff)
	c.g.enter() // a guard with a restart to come does not end
	c.pending = time.AfterFunc(pause, c.restart)
}

// cancelRestart takes a planned restart back; mu is held.
func (c *container) cancelRestart() {
	if c.pending == nil {
		return
	}
	if c.pending.Stop() {
		c.g.leave()
	}
	c.pending = nil
	c.notify()
}

// tryAgain plans a restart after one that came to nothing: what was in its
// way (a port, the network) may go. mu is held.
func (c *container) tryAgain() {
	if c.stopped || !wantsRestart(c.now.restart, c.state.ExitCode, c.state.Restarts) {
		return
	}
	c.planRestart()
	restarting(&c.state)
	if err := store.WriteJSONVolatile(c.dir.State(), c.state); err != nil {
		c.log.Error("write the state", "err", err)
	}
}

func (c *container) restart() {
	defer c.g.leave()
	c.op.Lock()
	defer c.op.Unlock()
	c.mu.Lock()
	due := c.pending != nil && !c.stopped && c.run == nil
	c.pending = nil
	c.again = due
	if due {
		c.state.Restarts++
	}
	c.mu.Unlock()
	if !due {
		return
	}
	err := c.launch(c.g.ctx)
	if err != nil {
		c.log.Error("restart", "err", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.tryAgain() // while again says that there was no run to grow steady in
	}
	c.again = false
	c.notify()
}
