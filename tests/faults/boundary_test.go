package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
)

// deadly stands before a binary: it has the kernel kill the process at the
// n-th of the system calls that change something. The number is taken from a
// file, once.
const deadly = `#!/bin/sh
set -e
here=$(dirname "$0")
if [ "$1" = ROLE ] && mv "$here/at-ROLE" "$here/at-ROLE.$$" 2>/dev/null; then
	read at <"$here/at-ROLE.$$"
	exec strace -D -f -qq -o /dev/null -e trace=CALLS -e inject=CALLS:signal=KILL:when="$at" "$here/NAME.real" "$@"
fi
exec "$here/NAME.real" "$@"
`

const changing = "openat,write,pwrite64,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,mknodat,mount,umount2,fsync,clone,clone3,sendmsg,recvmsg,flock,ftruncate,splice"

// deadlyBinaries is a directory of binaries of which engine and guard can be
// killed at a system call.
func (p *place) deadlyBinaries() {
	p.t.Helper()
	dir := filepath.Join(p.Dir, "bin")
	check(p.t, os.Mkdir(dir, 0o755))
	for name, role := range map[string]string{"davit": "engine", "davit-guard": "guard", "davit-netd": ""} {
		b, err := os.ReadFile(filepath.Join(p.Bin, name))
		check(p.t, err)
		check(p.t, os.WriteFile(filepath.Join(dir, name+".real"), b, 0o755))
		script := strings.NewReplacer("ROLE", role, "NAME", name, "CALLS", changing).Replace(deadly)
		check(p.t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	}
	// A front looks for its engine beside itself.
	check(p.t, os.Link(filepath.Join(dir, "davit.real"), filepath.Join(dir, "front")))
	p.Bin, p.front = dir, "front"
}

func TestKillAtSystemCalls(t *testing.T) {
	p := newPlace(t)
	check(t, p.PowerCut(t.Context())) // what runs is to be of the other binaries
	p.deadlyBinaries()
	p.davit("run", "-d", "--name", "witness", busybox, "sh", "-c", forever)
	witness := map[string]api.Container{"witness": p.state("witness", api.StateRunning)}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	verbs := [][]string{
		{"create", "--name", "one", busybox, "sh", "-c", forever}, {"start", "one"}, {"stop", "-t", "0", "one"},
		{"start", "one"}, {"rm", "-f", "one"}, {"run", "--rm", "--name", "one", busybox, "true"},
	}
	for i := range 8 * factor() {
		role, at := "engine", 1+r.IntN(50)
		if i%2 == 0 {
			role, at = "guard", 1+r.IntN(70)
		}
		fatal := r.IntN(len(verbs))
		what := fmt.Sprintf("%s killed at call %d during %v", role, at, verbs[fatal])
		for n, verb := range verbs {
			if n == fatal {
				p.arm(role, at)
			}
			if out, code := p.try(verb...); strings.Contains(out, "panic") || code == 2 {
				t.Errorf("%s: davit %v: %d, %s", what, verb, code, out)
			}
			if n == fatal {
				_ = os.Remove(filepath.Join(p.Bin, "at-"+role))
				p.truth(what)
			}
		}
		p.try("rm", "-f", "one")
		p.nothingLeft(what)
		p.unchanged(witness)
		if t.Failed() {
			return
		}
	}
}

// arm has the next process of the role killed.
func (p *place) arm(role string, at int) {
	p.t.Helper()
	check(p.t, os.WriteFile(filepath.Join(p.Bin, "at-"+role), []byte(itoa(at)+"\n"), 0o600))
	if role == "guard" {
		p.kill("davit-guard.real guard")
	}
}

// truth verifies that the list says what is.
func (p *place) truth(what string) {
	p.t.Helper()
	p.eventually(what+": what is listed is so", func() bool {
		for _, c := range p.list() {
			if c.State == api.StateBroken || c.State == api.StateRunning && !runs(c.PID) || c.State == api.StateStarting || c.State == api.StateStopping {
				return false
			}
		}
		return true
	})
}

// nothingLeft verifies that a container which is removed left nothing: no
// directory, mount or state.
func (p *place) nothingLeft(what string) {
	p.t.Helper()
	var left []string
	p.eventually(what+": nothing is left", func() bool {
		left = nil
		for _, dir := range []string{p.dirs().Containers(), p.dirs().RuntimeState()} {
			entries, err := os.ReadDir(dir)
			check(p.t, err)
			for _, e := range entries {
				if !strings.HasPrefix(e.Name(), ".new-") || oldEnough(e) {
					left = append(left, e.Name())
				}
			}
		}
		b, err := os.ReadFile("/proc/" + itoa(p.pid("davit-guard keeper")) + "/mountinfo")
		check(p.t, err)
		mounts := strings.Count(string(b), " overlay ")
		all, err := p.Processes()
		check(p.t, err)
		return len(left) == 2 && mounts == 1+strings.Count(host(), " overlay ") || len(all) == 0
	})
}

// oldEnough: what is being made is swept when it is certain that nobody makes it.
func oldEnough(e os.DirEntry) bool {
	info, err := e.Info()
	return err == nil && time.Since(info.ModTime()) > 15*time.Second
}

func host() string {
	b, _ := os.ReadFile("/proc/self/mountinfo") // empty: compared with what is there
	return string(b)
}
