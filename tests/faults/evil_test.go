package faults

import (
	"strings"
	"sync"
	"testing"
	"time"

	"davit/backend/api"
)

// evil are containers that do what they should not. Each bounds itself, so
// that the machine of the tests lives: by a depth of forks, a small file system (/dev/shm has 64 MiB).
var evil = map[string][]string{
	"ignores TERM":   {busybox, "sh", "-c", `trap '' TERM INT HUP QUIT; echo began; while :; do sleep 1000; done`},
	"fork bomb":      {busybox, "sh", "-c", `echo began; b() { if [ $1 -lt 6 ]; then b $(($1+1)) & b $(($1+1)) & fi; exec sleep 0.1; }; while :; do (b 0); done`},
	"never reaps":    {busybox, "sh", "-c", `echo began; for i in $(seq 60); do (sleep 0.01 & exec sleep 1000) & done; exec sleep 1000`},
	"stops itself":   {busybox, "sh", "-c", `echo began; kill -STOP -1; kill -STOP $$; (sleep 1000) & kill -STOP $!; while :; do sleep 1000; done`},
	"fills its disk": {busybox, "sh", "-c", `echo began; while :; do cat /dev/zero >/dev/shm/a 2>/dev/null; for i in $(seq 100); do : >/dev/shm/$i; done; done`},
	"endless line":   {busybox, "sh", "-c", `echo began; head -c 3000000 /dev/zero; cat /dev/urandom | head -c 3000000; exec sleep 1000`},
	"closes output":  {busybox, "sh", "-c", `echo began; exec >&- 2>&- <&-; while :; do sleep 1000; done`},
	"many files":     {busybox, "sh", "-c", `echo began; mkdir -p $(seq -s / 300); i=0; while [ $i -lt 2000 ]; do : >f$i; i=$((i+1)); done; exec sleep 1000`},
}

// soon is how long stop and rm may take, with the usual grace of ten seconds.
const soon = 12 * time.Second

func TestEvilContainersEnd(t *testing.T) {
	p := newPlace(t)
	p.davit("run", "-d", "--name", "witness", busybox, "sh", "-c", forever)
	witness := map[string]api.Container{"witness": p.state("witness", api.StateRunning)}
	before := map[string]api.Container{}
	for what, args := range evil {
		name := strings.ReplaceAll(what, " ", "-")
		p.davit(append([]string{"run", "-d", "--stop-timeout", "2", "--name", name}, args...)...)
		before[name] = p.state(name, api.StateRunning)
	}
	for name := range before {
		p.eventually(name+" began", func() bool { return strings.HasPrefix(p.davit("logs", name), "began") })
	}
	p.strike(guard, patience)
	p.unchanged(witness)
	var all sync.WaitGroup
	for name, c := range before {
		all.Go(func() { p.ends(t, name, c.PID) })
	}
	all.Wait()
	p.unchanged(witness)
	if out := p.davit("exec", "witness", "echo", "lives"); out != "lives" {
		t.Errorf("the witness says %q", out)
	}
	if left := p.list(); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// ends stops a container, starts it again and removes it as it runs.
func (p *place) ends(t *testing.T, name string, pid int) {
	t.Helper()
	timed := func(args ...string) {
		began := time.Now()
		out, code := p.try(args...)
		if took := time.Since(began); code != 0 || took > soon {
			t.Errorf("davit %v: %d after %s: %s", args, code, took, out)
		}
	}
	timed("stop", name)
	if runs(pid) {
		t.Errorf("%s: its process is there after stop", name)
	}
	timed("start", name)
	timed("rm", "-f", name)
}
