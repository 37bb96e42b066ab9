package faults

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"davit/backend/api"
)

// What was written when the clock was ten years ahead, or behind, is read after
// it was set right: containers run on, are shown, logged, restarted and removed
// as ever. (tests/systemd sets a machine's clock.)
func TestClockWasSet(t *testing.T) {
	p := newPlace(t)
	for name, years := range map[string]int{"ahead": 10, "behind": -10} {
		p.davit("run", "-d", "--name", name, "--restart", "always", "--health-cmd", "true", "--health-interval", "1s",
			busybox, "sh", "-c", "echo one; echo two; trap exit TERM; until [ -e /go ]; do usleep 10000; done; echo three; "+forever)
		p.state(name, api.StateRunning)
		p.eventually("it has written", func() bool { return p.davit("logs", name) == "one\ntwo" })
		p.rewrite(name, "started", time.Now().AddDate(years, 0, 0).Format(time.RFC3339Nano))
		p.redate(name, years)
	}
	before := map[string]api.Container{"ahead": p.state("ahead", api.StateRunning), "behind": p.state("behind", api.StateRunning)}
	p.strike(guard, patience) // the next one reads the files
	p.unchanged(before)
	for name, c := range before {
		p.davit("exec", name, "touch", "/go")
		p.eventually(name+" is logged on", func() bool { return p.davit("logs", name) == "one\ntwo\nthree" })
		if out := p.davit("logs", "--tail", "1", name); out != "three" {
			t.Errorf("%s: tail: %q", name, out)
		}
		if out := p.davit("logs", "--since", "1h", name); !strings.HasSuffix(out, "three") {
			t.Errorf("%s: since an hour: %q", name, out)
		}
		if out := p.davit("ps", "--filter", "name="+name); !strings.Contains(out, "Up ") || strings.Contains(out, "Up -") {
			t.Errorf("%s: %s", name, out)
		}
		p.eventually(name+" is healthy", func() bool { return p.container(name).Health == api.HealthHealthy })
		check(t, syscall.Kill(c.PID, syscall.SIGKILL))
		p.eventually(name+" is restarted", func() bool {
			now := p.container(name)
			return now.State == api.StateRunning && now.PID != c.PID && now.Restarts == 1
		})
		p.davit("stop", "-t", "1", name)
		p.davit("start", name)
		p.davit("rm", "-f", name)
	}
}

// redate has the lines of a log be of another year.
func (p *place) redate(name string, years int) {
	p.t.Helper()
	path := p.dir(name).Log()
	b, err := os.ReadFile(path)
	check(p.t, err)
	year := time.Now().UTC().Year()
	text := strings.ReplaceAll("\n"+string(b), "\n"+itoa(year), "\n"+itoa(year+years))
	check(p.t, os.WriteFile(path, []byte(text[1:]), 0o600))
}
