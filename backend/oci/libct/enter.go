package libct

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/utils"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/guard"
)

// What enters a container is seen by those who are in it before it is their
// program: they may stop it, trace it, or keep its pipes and sockets open, for
// which libcontainer waits without a bound. So it is given a limit. What has
// not become its program by then is killed:
//
//	guard ──▶ stage 0 ──▶ stage 1 ──▶ stage 2 ═exec═▶ the program
//	  └ libcontainer waits for: their ends, two sockets, a pipe
//
// All three are children of the guard (CLONE_PARENT), and hold a socket, the
// mark, that tells to which entry they belong. The program does not have it.

const (
	// enterLimit is how long the first instructions of a process may take; 10
	// to 30 ms as a rule.
	enterLimit = 10 * time.Second
	// createLimit is that of a container's first process, which also mounts.
	createLimit = time.Minute
	// lookEvery is how often an entry that takes longer than that is looked at.
	lookEvery = 100 * time.Millisecond
	// killLimit is how long libcontainer may take to see that all have ended.
	killLimit = time.Second
	// maxHindered bounds how many entries may hang on sockets that a container
	// holds: each costs us a thread until it ends.
	maxHindered = 16
)

// entry is the start of a process.
type entry struct {
	container string
	first     bool // of its container
	mark      string
	since     uint64 // in the kernel's ticks since boot: its processes are not older
	done      chan begun
}

// begun is what a start came to.
type begun struct {
	p   *process
	err error
}

// begin starts a process within the limits.
func (r *Runtime) begin(c *libcontainer.Container, spec *specs.Process, stdio guard.Stdio, o opening) (*process, error) {
	if r.hindered(c.ID()) >= maxHindered {
		return nil, hindrance("it holds up %d processes already", maxHindered)
	}
	ours, theirs, err := utils.NewSockPair("mark")
	if err != nil {
		return nil, err
	}
	defer func() { _ = ours.Close(); _ = theirs.Close() }()
	e := &entry{container: c.ID(), first: o.first, since: ticks(), done: make(chan begun, 1)}
	if e.mark, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", theirs.Fd())); err != nil {
		return nil, err
	}
	o.mark = theirs
	r.enter(e)
	go func() {
		p, err := start(c, spec, stdio, o)
		e.done <- begun{p, err}
	}()
	b, why := r.await(e)
	if why != nil {
		return nil, r.giveUp(e, why)
	}
	defer r.entered(e) // when its process is handed over
	if b.err != nil {
		r.kill(e) // what libcontainer did not hear of
		r.sweep()
		return nil, b.err
	}
	b.p.runtime = r
	r.hand(b.p.pid)
	if e.first { // waits to be started
		return b.p, nil
	}
	if why := r.become(e, b.p.pid); why != nil {
		_ = b.p.Signal(unix.SIGKILL)
		r.abandon(e, func() begun { return b })
		return nil, why
	}
	return b.p, nil
}

// become waits until what libcontainer holds to have begun is its
// program: it may have been stopped just before, without the mark already.
func (r *Runtime) become(e *entry, pid int) error {
	wait := 100 * time.Microsecond
	for end := time.Now().Add(enterLimit); entering(pid); wait = min(2*wait, lookEvery) {
		if time.Now().After(end) {
			return hindrance("it was stopped just before it began, for %s", enterLimit)
		}
		if wait == lookEvery && r.ending(e.container) {
			return api.Errorf(api.KindConflict, "the container ended before the process began")
		}
		time.Sleep(wait)
	}
	return nil
}

// entering tells whether a process is libcontainer's, on its way in. Everybody
// may read the name that its stages have and that a program's replaces.
func entering(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, found := bytes.Cut(b, []byte("(runc:["))
	if err != nil || !found {
		return false
	}
	state := bytes.LastIndex(rest, []byte(") ")) + len(") ")
	return state < len(rest) && rest[state] != 'Z' && rest[state] != 'X'
}

// await waits for the end of a start, or tells why it is to be given up.
func (r *Runtime) await(e *entry) (begun, error) {
	limit := enterLimit
	if e.first {
		limit = createLimit
	}
	timeout, look := time.NewTimer(limit), time.NewTicker(lookEvery)
	defer timeout.Stop()
	defer look.Stop()
	for {
		select {
		case b := <-e.done:
			return b, nil
		case <-timeout.C:
			return begun{}, hindrance("it had not begun after %s", limit)
		case <-look.C:
			if !e.first && r.ending(e.container) {
				return begun{}, api.Errorf(api.KindConflict, "the container ended before the process began")
			}
		}
	}
}

func hindrance(format string, args ...any) *api.Error {
	return api.Errorf(api.KindStart, "the process cannot enter the container: "+format, args...).WithExit(125).
		WithHint("A process in the container stops what enters, traces it or keeps its pipes open; or the computer is very busy. Try again, or restart the container.")
}

// ending tells whether the container's first process is past its end: its
// namespaces are closed, and it waits for all others to be gone, which those
// that enter are part of.
func (r *Runtime) ending(id string) bool {
	c, err := libcontainer.Load(r.state, id)
	if err != nil {
		return errors.Is(err, libcontainer.ErrNotExist)
	}
	state, err := c.State()
	if err != nil {
		return false
	}
	_, err = os.Readlink(fmt.Sprintf("/proc/%d/ns/ipc", state.InitProcessPid))
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
}

// giveUp kills what is on its way in. Where the container holds what
// libcontainer waits for, that goes on until the container ends.
func (r *Runtime) giveUp(e *entry, why error) error {
	r.entered(e)
	for end := time.Now().Add(killLimit); time.Now().Before(end); {
		r.kill(e)
		select {
		case b := <-e.done:
			r.abandon(e, func() begun { return b })
			return why
		case <-time.After(lookEvery):
		}
	}
	r.abandon(e, func() begun { return <-e.done })
	return why
}

// abandon ends what comes of an entry, whenever it comes: a tracer in the
// container can keep it from being reaped until the container ends.
func (r *Runtime) abandon(e *entry, outcome func() begun) {
	r.hinder(e.container, 1)
	r.sweep()
	go func() {
		r.drop(outcome())
		r.hinder(e.container, -1)
	}()
}

// drop ends a process that began too late.
func (r *Runtime) drop(b begun) {
	if b.p != nil {
		_ = b.p.Signal(unix.SIGKILL)
		_, _ = b.p.process.Wait() // it may have been swept up
		r.reaped(b.p.pid)
		if b.p.console != nil {
			_ = b.p.console.Close()
		}
	}
	r.sweep()
}

// kill kills those of our children that have the mark. One that nobody has
// waited for keeps its pid.
func (r *Runtime) kill(e *entry) {
	for _, s := range r.strays() {
		if !s.zombie && s.holds(e.mark) {
			_ = unix.Kill(s.pid, unix.SIGKILL)
		}
	}
}
