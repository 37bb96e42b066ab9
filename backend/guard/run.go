package guard

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
	"davit/backend/logfile"
	"davit/backend/store"
)

// run is a container from one start to its end.
type run struct {
	c        *container
	proc     Process
	net      connected
	group    cgroup.Group // "": none
	health   *health      // nil: no check; container.mu
	stdin    *os.File     // write end, nil where it is /dev/null
	stdout   *os.File     // read ends
	stderr   *os.File
	console  *os.File // pty master instead of the three
	log      *logfile.Writer
	streamMu sync.Mutex          // orders what is written to the log and to sessions
	spools   map[string]*os.File // what is between pipes and log, by tag; streamMu
	pumps    sync.WaitGroup
	asked    atomic.Bool // the person asked for the end
	killed   atomic.Bool // the person had it killed
	ended    atomic.Bool // its first process has
	orphaned atomic.Bool // ended because the keeper has gone
	adopted  bool        // begun by a guard that was killed
	inOnce   sync.Once
	done     chan struct{} // closed when the end is recorded and all is taken apart
	begun    chan struct{} // closed when the program runs, or startErr says why not
	startErr error
}

// pipes makes the ends for the container and keeps ours.
func (r *run) pipes(rec store.Record) (Stdio, error) {
	if rec.TTY {
		return Stdio{}, nil
	}
	var theirs Stdio
	var err error
	if rec.Interactive {
		theirs.In, r.stdin, err = os.Pipe()
	} else {
		theirs.In, err = os.Open(os.DevNull)
	}
	if err == nil {
		r.stdout, theirs.Out, err = os.Pipe()
	}
	if err == nil {
		r.stderr, theirs.Err, err = os.Pipe()
	}
	if err != nil {
		r.close()
		closeFiles(theirs.In, theirs.Out, theirs.Err)
		return Stdio{}, fmt.Errorf("pipes: %w", err)
	}
	return theirs, nil
}

func (r *run) close() {
	if r.log != nil {
		if err := r.log.Close(); err != nil {
			r.c.log.Error("close the log", "err", err)
		}
	}
	for _, f := range r.files() {
		_ = f.Close()
	}
}

// files are our ends, by the tag of their deposit.
func (r *run) files() map[string]*os.File {
	all := map[string]*os.File{"in": r.stdin, "out": r.stdout, "err": r.stderr, "console": r.console}
	maps.Copy(all, r.spools)
	for tag, f := range all {
		if f == nil {
			delete(all, tag)
		}
	}
	return all
}

// deposit has the keeper hold our ends: without them, what the container
// writes while no guard runs would kill it (SIGPIPE).
func (r *run) deposit() error {
	for tag, f := range r.files() {
		if err := r.c.g.keeper.Deposit(r.c.g.ctx, r.c.rec.ID+"/"+tag, f); err != nil {
			r.withdraw()
			return err
		}
	}
	return nil
}

// closeInput lets the container see the end of its input. The keeper's copy
// has to go too.
func (r *run) closeInput() {
	r.inOnce.Do(func() {
		if r.stdin == nil {
			return
		}
		if err := r.c.g.keeper.Withdraw(r.c.g.ctx, r.c.rec.ID+"/in"); err != nil {
			r.c.log.Warn("withdraw", "tag", "in", "err", err)
		}
		_ = r.stdin.Close()
	})
}

func (r *run) withdraw() {
	for tag := range r.files() {
		if err := r.c.g.keeper.Withdraw(r.c.g.ctx, r.c.rec.ID+"/"+tag); err != nil {
			r.c.log.Warn("withdraw", "tag", tag, "err", err)
		}
	}
}

// watch waits for the end of a run and deals with it.
func (c *container) watch(r *run) {
	defer c.g.leave()
	status, err := r.proc.Wait() // reaped when its end is written down
	if err != nil {
		c.log.Error("wait", "err", err)
	}
	r.ended.Store(true)
	// All processes of the container ended with its first: the pipes run dry.
	r.dry()
	<-r.begun // it started before it ended, in all that is told of it
	oom := r.outOfMemory()
	exit := r.exit(status)
	if oom && exit.Code == 128+int(unix.SIGKILL) && !r.asked.Load() && !r.killed.Load() {
		exit.Reason = memoryReason(c.limits().Memory)
	}
	r.withdraw()
	r.close()
	c.disconnect(r.network())
	if err := c.unmountUnheld(); err != nil {
		c.log.Error("unmount", "err", err)
	}
	c.tidying.Lock()
	if r.startErr != nil {
		c.reap(r)
		c.over(r, exit, false)
		c.tidy("")
		return
	}
	again := c.wantsRestart(exit)
	// One record of the end and of what comes after it: a guard that dies right
	// here has told all that the next one has to know.
	c.record(func(s *store.State) {
		s.State, s.Finished, s.ExitCode, s.Reason = api.StateExited, time.Now(), exit.Code, exit.Reason
		s.PID, s.PIDStart = 0, 0
		noNetworks(s)
		s.OOMKilled, s.Cgroup, s.Health = oom, "", ""
		if again {
			restarting(s)
		}
	})
	if oom {
		c.tell("oom")
	}
	c.tell("die")
	c.reap(r)
	gone := ""
	switch {
	case again || !c.rec.AutoRemove:
	case r.adopted:
		c.removeLater()
	default:
		if gone, err = c.hide(); err != nil {
			c.log.Error("remove", "err", err)
		} else {
			c.tell("destroy")
		}
	}
	c.over(r, exit, again)
	c.tidy(gone)
}

// reap lets go of a process whose end is written down. Before, it is a zombie
// that a dying guard leaves to the keeper, with its exit code.
func (c *container) reap(r *run) {
	if err := r.proc.Reap(); err != nil {
		c.log.Error("reap", "err", err)
	}
}

// tidy does what nobody has to wait for at the end of a run: only the next
// start and the removal of the container wait for tidying.
func (c *container) tidy(gone string) {
	defer c.tidying.Unlock()
	if err := errors.Join(c.g.Runtime.Delete(c.rec.ID), cgroup.Here().Drop(c.rec.ID)); err != nil {
		c.log.Error("delete", "err", err)
	}
	if gone == "" {
		return
	}
	if err := c.removeFiles(gone); err != nil {
		c.log.Error("remove", "err", err)
	}
}

// tidied waits for the end of tidying.
func (c *container) tidied() {
	c.tidying.Lock()
	defer c.tidying.Unlock()
}

// over lets go of the run and plans the next one, if there is to be one: those
// who wait and those attached hear of it.
func (c *container) over(r *run, exit api.Exit, again bool) {
	c.mu.Lock()
	c.run = nil
	stopped := again && c.stopped // meanwhile
	if again && !stopped {
		c.planRestart()
	}
	c.notify()
	c.mu.Unlock()
	if stopped {
		c.record(func(s *store.State) { s.State, s.PID, s.PIDStart = api.StateExited, 0, 0 })
	}
	close(r.done)
	if r.startErr == nil && (!again || stopped) {
		c.endSessions(exit)
	}
}

// exit is the code as docker gives it, and why in words.
func (r *run) exit(status syscall.WaitStatus) api.Exit {
	if !status.Signaled() {
		return api.Exit{Code: status.ExitStatus(), Reason: r.codeReason(status.ExitStatus())}
	}
	sig := status.Signal()
	e := api.Exit{Code: 128 + int(sig)}
	name := strings.TrimPrefix(unix.SignalName(sig), "SIG")
	switch {
	case r.orphaned.Load():
		e.Reason = "it was ended because the process that holds its namespace has gone"
	case r.asked.Load() && sig == unix.SIGKILL:
		e.Reason = "it did not end in the time given, and was killed"
	case r.asked.Load():
		e.Reason = "it was stopped"
	case r.killed.Load() && sig == unix.SIGKILL:
		e.Reason = "it was killed as asked"
	case sig == unix.SIGKILL:
		e.Reason = "it was killed (signal KILL): by a person, or by the system because memory ran out"
	default:
		e.Reason = "it was ended by signal " + name
	}
	return e
}

func (r *run) codeReason(code int) string {
	asked := r.asked.Load()
	switch {
	case code == 0:
		return ""
	case asked && code == 143:
		return "it was stopped"
	case code == 126:
		return "its command could not be executed (126)"
	case code == 127:
		return "its command was not found (127)"
	case code > 128 && code < 193 && unix.SignalName(syscall.Signal(code-128)) != "":
		return fmt.Sprintf("it ended with code %d, as programs do that signal %s ended", code, strings.TrimPrefix(unix.SignalName(syscall.Signal(code-128)), "SIG"))
	}
	return fmt.Sprintf("its program ended with code %d", code)
}
