package faults

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/logfile"
)

// writer is a shell program that writes numbered lines as fast as it can
// until it gets TERM, says how many, and ends with 7.
const writer = `trap 's=1' TERM; i=0; while [ -z "$s" ]; do seq $i $((i+1999)) REDIRECT; i=$((i+2000)); done; echo "end $i" REDIRECT; exit 7`

func writing(redirect string) string { return strings.ReplaceAll(writer, "REDIRECT", redirect) }

// back is how long guard and netd may be away, where nothing else is tested
// at the same time.
const back = time.Second

func TestKillStormLosesNothing(t *testing.T) {
	p := bare(t) // alone: seconds are counted
	p.load()
	names := []string{"out", "err", "both", "tty", "slow"}
	p.storm("--name", "out", busybox, "sh", "-c", writing(""))
	p.storm("--name", "err", busybox, "sh", "-c", writing(">&2"))
	p.storm("--name", "both", busybox, "sh", "-c",
		"trap : TERM; sh -c '"+strings.ReplaceAll(writing(""), "'", `'"'"'`)+"' & sh -c '"+strings.ReplaceAll(writing(">&2"), "'", `'"'"'`)+"' & wait; kill -TERM %1 %2; wait; exit 7")
	p.storm("-t", "--name", "tty", busybox, "sh", "-c", writing(""))
	p.storm("--name", "slow", busybox, "sh", "-c", `trap 's=1' TERM; i=0; while [ -z "$s" ]; do echo $i; i=$((i+1)); usleep 3000; done; echo "end $i"; exit 7`)
	before := map[string]int{}
	for _, n := range names {
		before[n] = p.container(n).PID
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	killed := map[string]int{}
	for range 40 * factor() {
		role := []string{guard, guard, netd, engine, "front"}[r.IntN(5)]
		killed[role] += p.strike(role, back)
		time.Sleep(time.Duration(r.IntN(40)) * time.Millisecond) // chance, not waiting
	}
	t.Logf("killed %v", killed)
	for _, n := range names {
		if c := p.container(n); c.State != api.StateRunning || c.PID != before[n] {
			t.Errorf("%s: %s, pid %d, was %d", n, c.State, c.PID, before[n])
		}
	}
	for _, n := range names {
		stop := p.begin("stop", n)
		p.strike(guard, back) // while it stops
		check(t, stop.Wait())
		if c := p.state(n, api.StateExited); c.ExitCode != 7 {
			t.Errorf("%s ended with %d: %s", n, c.ExitCode, c.Reason)
		}
	}
	for _, n := range names {
		if n != "err" {
			p.complete(n, "stdout")
		}
		if n == "err" || n == "both" {
			p.complete(n, "stderr")
		}
		if got := p.life(n); got != "create start die" {
			t.Errorf("the events of %s: %s", n, got)
		}
	}
}

// life is the starts and ends of a container, as they were noted.
func (p *place) life(name string) string {
	p.t.Helper()
	args := []string{"events", "--since", "1h", "--until", "0s", "--format", "{{.Action}}", "--filter", "container=" + name}
	for _, action := range []string{"create", "start", "die", "destroy"} {
		args = append(args, "--filter", "event="+action)
	}
	return strings.Join(strings.Fields(p.davit(args...)), " ")
}

// What is restarted again and again starts and ends by turns in what is noted,
// whenever its guard is killed.
func TestRestartsAreNotedThroughKilledGuards(t *testing.T) {
	p := newPlace(t)
	p.davit("run", "-d", "--restart", "always", "--name", "one", busybox, "sh", "-c", "usleep 20000")
	for range 8 {
		p.strike(guard, patience)
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond) // chance, not waiting
	}
	p.eventually("it was restarted twice", func() bool { return strings.Count(p.life("one"), "start") > 2 })
	p.davit("stop", "one")
	life := p.life("one")
	if want := strings.TrimSpace("create " + strings.Repeat("start die ", strings.Count(life, "start"))); life != want {
		t.Errorf("%s", life)
	}
}

// storm runs a container whose log keeps all that it writes meanwhile.
func (p *place) storm(args ...string) {
	p.t.Helper()
	p.davit(append([]string{"run", "-d", "--log-opt", "max-file=100"}, args...)...)
}

// begin starts a command line in the background.
func (p *place) begin(args ...string) *exec.Cmd {
	p.t.Helper()
	cmd := p.command(args...)
	check(p.t, cmd.Start())
	return cmd
}

// strike kills a role and verifies that it comes back.
func (p *place) strike(role string, limit time.Duration) int {
	p.t.Helper()
	socket := ""
	switch role {
	case guard:
		socket = p.dirs().GuardSocket()
	case netd:
		socket = p.dirs().NetdSocket("default")
	case "front", engine:
		front := p.begin("logs", "-f", "--tail", "1", "slow")
		p.eventually("an engine runs", func() bool { return p.pid(engine) != 0 })
		n := 1
		if role == engine {
			n = p.kill(engine)
		}
		_ = front.Process.Kill()
		_ = front.Wait()
		return n
	}
	old := p.pid(role)
	if old == 0 {
		return 0
	}
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		return 0
	}
	began := time.Now()
	p.within(limit, role+" is back", func() bool {
		now := p.pid(role)
		return now != 0 && now != old && answers(socket)
	})
	p.t.Logf("%s is back after %v", role, time.Since(began).Round(time.Millisecond))
	return 1
}

func answers(socket string) bool {
	c, err := net.Dial("unixpacket", socket)
	return err == nil && c.Close() == nil
}

// complete verifies that a stream's log is the lines 0, 1, 2 … and the end.
func (p *place) complete(name, stream string) {
	p.t.Helper()
	next, last := 0, ""
	begun := ""
	err := logfile.Read(p.t.Context(), p.dir(name).Log(), api.LogQuery{Stream: stream}, nil, func(l api.LogLine) error {
		text := begun + l.Text
		if begun = ""; l.Partial {
			begun = text
			return nil
		}
		text = strings.TrimSuffix(text, "\r")
		if strings.HasPrefix(text, "end ") {
			last = text
			return nil
		}
		if text != strconv.Itoa(next) {
			return fmt.Errorf("%q where line %d was to come", text, next)
		}
		next++
		return nil
	})
	if err == nil && last != "end "+strconv.Itoa(next) {
		err = fmt.Errorf("after %d lines it ends with %q", next, last)
	}
	if err != nil {
		p.t.Errorf("log of %s, %s: %v", name, stream, err)
		return
	}
	size, _ := filepath.Glob(p.dir(name).Log() + "*")
	p.t.Logf("%s %s: %d lines in %d files", name, stream, next, len(size))
}
