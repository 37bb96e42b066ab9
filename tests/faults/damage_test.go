package faults

import (
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"davit/backend/api"
)

func itoa(n int) string { return strconv.Itoa(n) }

// rewrite changes a field in the state of one container, or of all that have it.
func (p *place) rewrite(name, field string, value any) {
	p.t.Helper()
	dirs, err := os.ReadDir(p.dirs().Containers())
	check(p.t, err)
	changed := 0
	for _, d := range dirs {
		dir := p.dirs().Container(d.Name())
		var rec struct{ Name string }
		b, err := os.ReadFile(dir.Record())
		check(p.t, err)
		check(p.t, json.Unmarshal(b, &rec))
		if name != "" && rec.Name != name {
			continue
		}
		b, err = os.ReadFile(dir.State())
		if os.IsNotExist(err) {
			continue
		}
		check(p.t, err)
		var state map[string]any
		check(p.t, json.Unmarshal(b, &state))
		if state[field] == nil {
			continue
		}
		state[field] = value
		b, err = json.Marshal(state)
		check(p.t, err)
		check(p.t, os.WriteFile(dir.State(), b, 0o600))
		changed++
	}
	if changed == 0 {
		p.t.Fatalf("no state has the field %s", field)
	}
}

// innocent is a process that has nothing to do with Davit.
func (p *place) innocent() int {
	p.t.Helper()
	cmd := exec.Command("sleep", "1000")
	check(p.t, cmd.Start())
	p.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// damages are what happens to files.
var damages = map[string]func(b []byte) []byte{
	"empty":     func([]byte) []byte { return nil },
	"truncated": func(b []byte) []byte { return b[:len(b)/2] },
	"zeros":     func(b []byte) []byte { return make([]byte, len(b)) },
	"flipped": func(b []byte) []byte {
		c := []byte(string(b))
		for i := 0; i < len(c); i += 7 {
			c[i] ^= 0x10
		}
		return c
	},
	"newer": func(b []byte) []byte {
		return []byte(strings.Replace(string(b), `"version": 1,`, `"version": 99, "state": {"new": ["shape"]},`, 1))
	},
	"not JSON": func([]byte) []byte { return []byte("#!/bin/sh\n") },
}

// A damaged file of one container is said, harms no other, and the container
// can be removed, also while it runs.
func TestDamagedFiles(t *testing.T) {
	p := newPlace(t)
	p.davit("run", "-d", "--name", "witness", busybox, "sh", "-c", forever)
	witness := p.state("witness", api.StateRunning)
	for how, damage := range damages {
		for _, which := range []string{"container.json", "state.json", "config.json"} {
			if how == "newer" && which == "config.json" { // the runtime-spec's, without a number of ours
				continue
			}
			for _, running := range []bool{false, true} {
				if running && how != "truncated" && how != "newer" && factor() == 1 {
					continue
				}
				p.damaged(how+" "+which, which, damage, running)
			}
		}
	}
	if c := p.container("witness"); c.PID != witness.PID || c.State != api.StateRunning {
		t.Errorf("the witness is %s", c.State)
	}
	if left := p.list(); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

func (p *place) damaged(what, which string, damage func([]byte) []byte, running bool) {
	p.t.Helper()
	p.davit("run", "-d", "--name", "victim", busybox, "sh", "-c", forever)
	victim := p.state("victim", api.StateRunning)
	if !running {
		p.davit("kill", "victim")
		victim.State = p.state("victim", api.StateExited).State
	}
	dir := p.dirs().Container(victim.ID)
	path := string(dir) + "/" + which
	b, err := os.ReadFile(path)
	check(p.t, err)
	check(p.t, os.WriteFile(path, damage(b), 0o600))
	if running { // the next guard reads the files
		p.strike(guard, patience)
	}
	var c api.Container
	for _, one := range p.list() {
		if one.ID == victim.ID {
			c = one
		}
	}
	if c.ID == "" {
		p.t.Errorf("%s: it is not in the list", what)
		return
	}
	if which != "config.json" && (c.State != api.StateBroken || !strings.Contains(c.Reason, which)) {
		p.t.Errorf("%s: %s: %s", what, c.State, c.Reason)
	}
	if out, code := p.try("start", victim.ID); code == 0 && !running || strings.Contains(out, "panic") {
		p.t.Errorf("%s: start gave %d: %s", what, code, out)
	}
	p.davit("rm", "-f", victim.ID)
	p.eventually(what+": its process has ended", func() bool { return !runs(victim.PID) })
	if _, err := os.Lstat(string(dir)); !os.IsNotExist(err) {
		p.t.Errorf("%s: its directory is there: %v", what, err)
	}
}
