package guard

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
	"davit/backend/guard/procs"
	"davit/backend/store"
	"davit/backend/userns/keeper"
)

// exitLimit is how long the keeper's word on an orphan that has ended is
// waited for: it comes with the first message, or not at all.
const exitLimit = 3 * time.Second

// orphan is the first process of a container that an earlier guard started:
// the keeper's child now, which reaps it.
type orphan struct {
	pid   int
	start uint64
	once  sync.Once
	exit  chan syscall.WaitStatus // one value
}

func newOrphan(pid int, start uint64) *orphan {
	return &orphan{pid: pid, start: start, exit: make(chan syscall.WaitStatus, 1)}
}

func (o *orphan) PID() int          { return o.pid }
func (o *orphan) Start() error      { return nil }
func (o *orphan) Reap() error       { return nil }
func (o *orphan) Console() *os.File { return nil }

func (o *orphan) ended(e keeper.Exit) {
	o.once.Do(func() { o.exit <- syscall.WaitStatus(e.Status) })
}

func (o *orphan) Wait() (syscall.WaitStatus, error) {
	for {
		select {
		case s := <-o.exit:
			return s, nil
		case <-time.After(exitLimit):
			if !o.runs() {
				return syscall.WaitStatus(unix.SIGKILL), errors.New("nobody saw how it ended")
			}
		}
	}
}

// runs tells whether the process is there and more than a zombie: whoever
// inherited it may never reap.
func (o *orphan) runs() bool {
	if now, err := store.ProcessStart(o.pid); err != nil || now != o.start {
		return false
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", o.pid))
	i := bytes.LastIndexByte(b, ')')
	return err == nil && i >= 0 && i+2 < len(b) && b[i+2] != 'Z' && b[i+2] != 'X'
}

func (o *orphan) Signal(sig unix.Signal) error { return procs.Signal(o.pid, o.start, sig) }

// adopt takes over the containers whose descriptors the keeper gave back.
func (g *Guard) adopt() {
	byID := map[string]map[string]*os.File{}
	for tag, f := range keeper.Deposits() {
		id, stream, _ := strings.Cut(tag, "/")
		if byID[id] == nil {
			byID[id] = map[string]*os.File{}
		}
		byID[id][stream] = f
	}
	for id, files := range byID {
		if err := g.adoptOne(id, files); err != nil {
			g.Log.Error("adopt", "container", id, "err", err)
			g.giveBack(id, files)
		}
	}
}

// giveBack ends deposits that belong to nothing that runs.
func (g *Guard) giveBack(id string, files map[string]*os.File) {
	for tag, f := range files {
		_ = f.Close()
		if err := g.keeper.Withdraw(g.ctx, id+"/"+tag); err != nil {
			g.Log.Warn("withdraw", "tag", tag, "err", err)
		}
	}
}

func (g *Guard) adoptOne(id string, files map[string]*os.File) error {
	c, err := g.container(id)
	if err != nil {
		return err
	}
	switch c.state.State {
	case api.StateRunning, api.StatePaused, api.StateStopping:
	default: // the guard was killed while it started or ended it
		return fmt.Errorf("it was recorded as %s", c.state.State)
	}
	r := &run{
		c: c, proc: newOrphan(c.state.PID, c.state.PIDStart), done: make(chan struct{}), begun: make(chan struct{}),
		stdin: files["in"], stdout: files["out"], stderr: files["err"], console: files["console"],
		net: connected{ports: c.state.Ports, places: placesOf(c.state), shared: sharesNetwork(c.rec)}, group: cgroup.Group(c.state.Cgroup), spools: map[string]*os.File{},
		adopted: true,
	}
	for tag, f := range files {
		if strings.Contains(tag, ".") {
			r.spools[tag] = f
		}
	}
	if r.log, err = c.openLog(true); err != nil {
		return err
	}
	close(r.begun)
	g.enter()
	c.mu.Lock()
	c.run, c.adopted = r, true
	c.stopped = c.state.State == api.StateStopping // its stop is under way
	c.mu.Unlock()
	c.tellStart()
	r.asked.Store(c.stopped)
	if e, ended := g.exit(process{c.state.PID, c.state.PIDStart}); ended {
		c.orphanEnded(e)
	}
	r.pump()
	go func() { // the guard may have been killed before it let the program go on
		if err := g.Runtime.Resume(id); err != nil {
			c.log.Error("resume", "err", err)
		}
	}()
	go c.watch(r)
	c.watchHealth(r, c.lastHealth())
	g.Log.Info("adopted", "container", c.rec.Name, "pid", c.state.PID)
	return nil
}

// exit is how a process ended that an earlier guard started.
func (g *Guard) exit(p process) (keeper.Exit, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, ok := g.exits[p]
	return e, ok
}

// reconcile deals with containers that were running when everything ended:
// a reboot, or a killed keeper. Restart policies are applied once.
func (g *Guard) reconcile() {
	g.sweepRemoved()
	g.sweepHalfMade()
	entries, err := store.ListContainers(g.Dirs)
	if err != nil {
		g.Log.Error("list the containers", "err", err)
		return
	}
	networks := map[string]bool{}
	for _, e := range entries {
		for _, j := range e.Record.Joins() {
			networks[j.Network] = true
		}
		unremoved := e.Record.AutoRemove && e.Written.State == api.StateExited
		if e.Err == nil && e.Written.State == api.StateExited {
			g.tellEnd(e.Record.ID)
		}
		if e.Err != nil || !e.Written.Active() && !unremoved {
			continue
		}
		c, err := g.container(e.Record.ID)
		if err != nil {
			g.Log.Error("reconcile", "container", e.Record.ID, "err", err)
			continue
		}
		if !c.hasRun() {
			c.reconcile()
		}
	}
	for name := range networks {
		go g.sweepNetwork(name) // its process may have to be waited for
	}
}

// sweepNetwork takes off the network what a killed guard left there.
func (g *Guard) sweepNetwork(name string) {
	ids, err := g.Network.Members(g.ctx, name)
	if err != nil {
		g.Log.Warn("who is in the network", "network", name, "err", err)
	}
	for _, id := range ids {
		c, err := g.container(id)
		if err == nil {
			c.op.Lock() // it may just be starting
		}
		if err != nil || c.running() == nil {
			if err := g.Network.Detach(g.ctx, name, id); err != nil {
				g.Log.Warn("leave the network", "container", id, "err", err)
			}
		}
		if err == nil {
			c.op.Unlock()
		}
	}
}

// hasRun tells that this guard has the container in its care: what it adopted
// may have ended again already, and is not to be dealt with a second time.
func (c *container) hasRun() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run != nil || c.adopted
}

func (c *container) reconcile() {
	c.op.Lock()
	defer c.op.Unlock()
	if c.running() != nil {
		return
	}
	// Left by a keeper that was killed: nobody holds its streams any more.
	if c.state.Alive() && c.state.PID != os.Getpid() {
		o := newOrphan(c.state.PID, c.state.PIDStart)
		if err := o.Signal(unix.SIGKILL); err != nil {
			c.log.Error("end what is left", "err", err)
		}
		for end := time.Now().Add(killGrace); o.runs() && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
	if err := errors.Join(unmountRootfs(c.dir), c.g.Runtime.Delete(c.rec.ID), cgroup.Here().Drop(c.rec.ID)); err != nil {
		c.log.Error("take apart", "err", err)
	}
	again := c.settle()
	if !again && c.rec.AutoRemove {
		c.removeLater()
	}
}

// settle records how a container ended that nobody watched, and plans its
// restart.
func (c *container) settle() (again bool) {
	e, seen := c.g.exit(process{c.state.PID, c.state.PIDStart})
	was := c.state
	recorded := was.State
	was.PID = 0 // it may be a zombie still, which the state would take for alive
	was = was.Effective()
	if was.Finished.IsZero() || was.Finished.Before(was.Started) {
		was.Finished = time.Now()
	}
	if seen {
		exit := (&run{}).exit(syscall.WaitStatus(e.Status))
		was.ExitCode, was.Reason, was.Finished = exit.Code, exit.Reason, e.At
	}
	c.mu.Lock()
	c.stopped = c.state.State == api.StateStopping || !c.state.Active()
	c.mu.Unlock()
	again = c.wantsRestart(api.Exit{Code: was.ExitCode})
	c.record(func(s *store.State) {
		if *s = was; again {
			restarting(s)
		}
	})
	switch recorded {
	case api.StateRunning, api.StatePaused, api.StateStopping:
		c.tellStart()
		c.tell("die")
	case api.StateRestarting: // it had ended
		if c.g.noted()[c.rec.ID] == "start" {
			c.tell("die")
		}
	}
	if again {
		c.mu.Lock()
		c.planRestart()
		c.mu.Unlock()
	}
	return again
}

// sweepHalfMade ends what a guard was killed in the middle of starting, or of
// taking apart.
func (g *Guard) sweepHalfMade() {
	g.sweepBoots()
	ids, err := g.Runtime.List()
	if err != nil {
		g.Log.Error("list what was started", "err", err)
	}
	for _, id := range ids {
		c, err := g.container(id)
		if err == nil && c.hasRun() {
			continue
		}
		if derr := g.Runtime.Delete(id); derr != nil {
			g.Log.Error("delete what is left", "container", id, "err", derr)
		}
		if err != nil {
			continue // it has no directory any more, or a damaged one
		}
		if err := unmountRootfs(c.dir); err != nil {
			g.Log.Error("unmount what is left", "container", id, "err", err)
		}
	}
}

// sweepRemoved gives back the space of removals that were cut short.
func (g *Guard) sweepRemoved() {
	left, err := filepath.Glob(string(g.Dirs.Container(removedPrefix + "*")))
	if err != nil {
		return // the pattern holds a bracket of the person's path: nothing is lost but space
	}
	for _, dir := range left {
		g.tellRemoval(strings.TrimPrefix(filepath.Base(dir), removedPrefix), store.ContainerDir(dir))
		if err := os.RemoveAll(dir); err != nil {
			g.Log.Warn("remove what is left", "dir", dir, "err", err)
		}
	}
}

// sweepBoots gives back what the runtime wrote down before the computer was
// switched off.
func (g *Guard) sweepBoots() {
	all, err := os.ReadDir(g.Dirs.RuntimeStates())
	if err != nil {
		return // there is none
	}
	for _, e := range all {
		if path := filepath.Join(g.Dirs.RuntimeStates(), e.Name()); path != g.Dirs.RuntimeState() {
			if err := os.RemoveAll(path); err != nil {
				g.Log.Warn("remove what is left", "dir", path, "err", err)
			}
		}
	}
}
