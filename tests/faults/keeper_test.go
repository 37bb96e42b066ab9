package faults

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"davit/backend/api"
)

const forever = `trap exit TERM; while :; do sleep 1000 & wait; done`

// cast is containers of every restart policy, all of which run.
func (p *place) cast() map[string]api.Container {
	p.t.Helper()
	all := map[string]api.Container{}
	for name, options := range map[string][]string{
		"plain": nil, "removed": {"--rm"}, "always": {"--restart", "always"},
		"unless": {"--restart", "unless-stopped"}, "failure": {"--restart", "on-failure:3"}, "tty": {"-t"},
	} {
		p.davit(append(append([]string{"run", "-d", "--name", name}, options...), busybox, "sh", "-c", "echo began; "+forever)...)
		all[name] = p.state(name, api.StateRunning)
	}
	p.davit("run", "-d", "--name", "done", "--restart", "on-failure", busybox, "true")
	all["done"] = p.state("done", api.StateExited)
	p.davit("run", "-d", "--name", "stopped", "--restart", "unless-stopped", busybox, "sleep", "1000")
	p.davit("stop", "-t", "0", "stopped")
	all["stopped"] = p.state("stopped", api.StateExited)
	return all
}

// comesBack verifies what the next start finds after everything ended at once.
func (p *place) comesBack(before map[string]api.Container, reason string) {
	p.t.Helper()
	for _, name := range []string{"always", "unless", "failure"} {
		p.eventually(name+" runs again", func() bool {
			c := p.container(name)
			return c.State == api.StateRunning && c.PID != before[name].PID
		})
		if c := p.container(name); c.Restarts != 1 {
			p.t.Errorf("%s was restarted %d times", name, c.Restarts)
		}
		p.eventually(name+" writes again", func() bool { return strings.Count(p.davit("logs", name), "began") == 2 })
	}
	for _, name := range []string{"plain", "tty"} {
		c := p.container(name)
		if c.State != api.StateExited || c.ExitCode != 137 || !strings.Contains(c.Reason, reason) {
			p.t.Errorf("%s: %s (%d): %s", name, c.State, c.ExitCode, c.Reason)
		}
		p.davit("start", name)
		p.state(name, api.StateRunning)
	}
	for _, name := range []string{"done", "stopped"} {
		if c := p.container(name); c.State != api.StateExited || c.ExitCode != before[name].ExitCode {
			p.t.Errorf("%s: %s (%d)", name, c.State, c.ExitCode)
		}
	}
	p.eventually("the auto-removed container is gone", func() bool {
		_, err := os.Lstat(string(p.dirs().Container(before["removed"].ID)))
		return os.IsNotExist(err)
	})
}

// gone waits for the end of containers' processes.
func (p *place) gone(all map[string]api.Container) {
	p.t.Helper()
	for name, c := range all {
		if c.PID != 0 {
			p.eventually("the process of "+name+" has ended", func() bool { return !runs(c.PID) })
		}
	}
}

// runs tells whether a process is there and no zombie.
func runs(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "stat"))
	_, rest, _ := strings.Cut(string(b), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestKilledKeeperEndsContainersAndPoliciesBringThemBack(t *testing.T) {
	p := newPlace(t)
	before := p.cast()
	p.kill(keeper)
	p.gone(before)
	p.eventually("the guard has ended", func() bool { return p.pid(guard) == 0 })
	p.comesBack(before, "namespace has gone")
}

// The guard may be killed with the keeper: nobody is left to end or record
// anything.
func TestKilledKeeperAndGuard(t *testing.T) {
	p := newPlace(t)
	before := p.cast()
	for _, role := range []string{keeper, guard} {
		check(t, syscall.Kill(p.pid(role), syscall.SIGSTOP))
	}
	p.kill(guard)
	p.kill(keeper)
	p.comesBack(before, "not watching")
	p.gone(before)
}

func TestPowerCut(t *testing.T) {
	p := newPlace(t)
	before := p.cast()
	check(t, p.PowerCut(t.Context()))
	check(t, os.RemoveAll(p.dirs().Runtime))
	p.rewrite("", "bootID", "11111111-2222-3333-4444-555555555555")
	p.comesBack(before, "restarted or switched off")
}

// A process that has the pid of a container's, and was started at another
// time, is none of ours: it is not shown as running, and not killed.
func TestPIDIsUsedAgain(t *testing.T) {
	p := newPlace(t)
	before := p.cast()
	check(t, p.PowerCut(t.Context()))
	innocent := p.innocent()
	p.rewrite("", "pid", innocent)
	p.comesBack(before, "not watching")
	if !runs(innocent) {
		t.Error("a process was killed that only has a container's pid")
	}
}

func TestRuntimeDirectoryWipedWhileContainersRun(t *testing.T) {
	p := newPlace(t)
	before := p.cast()
	for range 3 {
		p.wipe()
		p.eventually("the sockets are back", func() bool {
			return answers(p.dirs().KeeperSocket()) && answers(p.dirs().GuardSocket()) && answers(p.dirs().NetdSocket("default"))
		})
		p.unchanged(before)
		if out := p.davit("exec", "plain", "echo", "inside"); out != "inside" {
			t.Errorf("exec: %q", out)
		}
		p.strike(guard, patience)
		p.strike(netd, patience)
		p.unchanged(before)
	}
	p.davit("stop", "-t", "0", "plain", "tty")
	p.davit("start", "plain")
	p.davit("run", "--rm", busybox, "nslookup", "always") // the network knows its members
}

// wipe removes the runtime directory, away from those who make it again
// meanwhile.
func (p *place) wipe() {
	p.t.Helper()
	run := p.getenv("XDG_RUNTIME_DIR")
	check(p.t, os.Rename(run, run+".old"))
	check(p.t, os.RemoveAll(run+".old"))
}

// unchanged verifies that what ran runs, as the same processes.
func (p *place) unchanged(before map[string]api.Container) {
	p.t.Helper()
	for name, b := range before {
		if c := p.container(name); c.State != b.State || c.PID != b.PID {
			p.t.Errorf("%s: %s, pid %d; was %s, pid %d", name, c.State, c.PID, b.State, b.PID)
		}
	}
}

func TestRuntimeDirectoryWipedWhileNothingRuns(t *testing.T) {
	p := newPlace(t)
	for range 3 {
		p.davit("run", "--rm", busybox, "true")
		p.wipe()
	}
}

// Two sessions of one person need not have the same runtime directory: they
// have the same containers.
func TestAnotherRuntimeDirectory(t *testing.T) {
	p := newPlace(t)
	before := p.cast()
	other := *p
	other.env = []string{"XDG_RUNTIME_DIR=" + filepath.Join(p.Dir, "cache")}
	for _, dir := range []string{filepath.Join(p.Dir, "cache"), "", "/nonexistent", "/root", "relative"} {
		other.env = []string{"XDG_RUNTIME_DIR=" + dir}
		other.unchanged(before)
		if out := other.davit("exec", "plain", "echo", "inside"); out != "inside" {
			t.Errorf("exec: %q", out)
		}
		other.davit("run", "--rm", busybox, "true")
	}
	p.unchanged(before)
}
