package guard

import (
	"os"
	"time"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
	"davit/backend/store"
)

// current is what may change about a container while it is there. Its file is
// the engine's to write; the guard hears of changes by updates and reads the
// file at each start.
type current struct {
	name    string
	restart string
	limits  api.Limits
	network string // its mode: a network's name, "none", "host", "container:…"
	joins   []api.NetworkJoin
	ports   []api.Port
	offline bool
}

func currently(rec store.Record) current {
	return current{
		name: rec.Name, restart: rec.Restart, limits: rec.Limits,
		network: rec.Network, joins: rec.Joins(), ports: rec.Ports, offline: rec.Offline,
	}
}

// reread takes over what was changed while nothing ran.
func (c *container) reread() error {
	rec, err := store.ReadRecord(c.dir)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = currently(rec)
	return nil
}

func (c *container) currently() current {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *container) name() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.name
}

func (c *container) limits() api.Limits {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.limits
}

// update changes a container at once, as far as it runs or waits for a
// restart. name is its name from now on, "" as it is.
func (c *container) update(name string, u api.Update) error {
	c.op.Lock()
	defer c.op.Unlock()
	if r := c.running(); r != nil && u.Limits != (api.Limits{}) {
		if r.group == "" {
			if err := cgroup.Here().Allows(u.Limits); err != nil {
				return err
			}
			return api.Errorf(api.KindConflict, "container %s was started without a control group", c.name()).
				WithHint("Restart it: its limits hold from then on.").WithRef(c.name())
		}
		if err := r.group.Apply(u.Limits); err != nil {
			return err
		}
	}
	c.mu.Lock()
	if name != "" {
		c.now.name = name
	}
	if u.Restart != "" {
		c.now.restart = u.Restart
	}
	c.now.limits = cgroup.Merge(c.now.limits, u.Limits)
	// A restart to come that nobody wants any more does not come.
	unwanted := c.pending != nil && !wantsRestart(c.now.restart, c.state.ExitCode, c.state.Restarts)
	if unwanted {
		c.cancelRestart()
	}
	c.mu.Unlock()
	if unwanted {
		c.record(func(s *store.State) { s.State, s.PID, s.PIDStart = api.StateExited, 0, 0 })
	}
	return nil
}

// enroll makes the control group of a run that is about to begin.
func (c *container) enroll() (cgroup.Group, error) {
	return cgroup.Here().New(c.rec.ID, c.limits())
}

// outOfMemory tells whether the kernel ended a process of the run for want of
// memory. The group is there until the run is tidied up.
func (r *run) outOfMemory() bool { return r.group != "" && r.group.OOMKills() > 0 }

// sourcesThere tells in words which source of a mount is missing: the
// runtime's error names its target only.
func (c *container) sourcesThere() error {
	for _, m := range c.rec.Mounts {
		if m.Type != "bind" {
			continue
		}
		if _, err := os.Stat(m.Source); err != nil {
			return api.Errorf(api.KindStart, "%s, which is to be mounted at %s, cannot be reached: %w", m.Source, m.Target, err).
				WithHint("Put it back, or make the container anew without it.").WithExit(125)
		}
	}
	return nil
}

// bootedSince tells whether a state was written before the machine was
// started.
func bootedSince(s store.State) bool { return s.BootID != "" && s.BootID != store.BootID() }

// resumeAlways starts what has the policy "always" and was stopped before the
// machine was started: docker's does so, too. "unless-stopped" does not.
func (g *Guard) resumeAlways() {
	entries, err := store.ListContainers(g.Dirs)
	if err != nil {
		g.Log.Error("list the containers", "err", err)
		return
	}
	for _, e := range entries {
		if e.Err != nil || e.Record.Restart != "always" || e.Written.Active() || !bootedSince(e.Written) {
			continue
		}
		c, err := g.container(e.Record.ID)
		if err == nil {
			err = c.start(g.ctx)
		}
		if err != nil {
			g.Log.Error("start at login", "container", e.Record.Name, "err", err)
		}
	}
}

// settled waits until no restart is due at once, so that who asked for the
// containers' return finds them running.
func (g *Guard) settled() {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		due := false
		for _, c := range g.all() {
			c.mu.Lock()
			due = due || c.again || c.pending != nil && c.backoff <= 2*firstBackoff
			c.mu.Unlock()
		}
		if !due {
			return
		}
	}
}
