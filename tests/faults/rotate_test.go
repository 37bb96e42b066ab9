package faults

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"davit/backend/api"
	"davit/backend/logfile"
)

// A log stays within its bounds, whoever is killed, and a follower that began
// with it sees each line once.
func TestRotationUnderFire(t *testing.T) {
	p := newPlace(t)
	p.davit("create", "--log-opt", "max-size=256k", "--log-opt", "max-file=4", "--name", "one", busybox,
		"sh", "-c", "i=0; while [ $i -lt 60000 ]; do seq $((i+1)) $((i+1000)); i=$((i+1000)); usleep 20000; done")
	id := p.container("one").ID
	log := p.dirs().Container(id).Log()
	followed := make(chan error, 1)
	over := make(chan struct{})
	last := 0
	p.davit("start", "one")
	go func() {
		followed <- logfile.Read(t.Context(), log, api.LogQuery{Follow: true}, func() bool {
			select {
			case <-over:
				return false
			default:
				return true
			}
		}, func(l api.LogLine) error {
			n, err := strconv.Atoi(l.Text)
			if err != nil || n != last+1 {
				return fmt.Errorf("%q after %d", l.Text, last)
			}
			last = n
			return nil
		})
	}()
	for p.container("one").State == api.StateRunning {
		p.strike(guard, patience)
		if files, err := filepath.Glob(log + "*"); err != nil || len(files) > 4 || logfile.Size(log) > 4*256<<10 {
			t.Errorf("%d files with %d bytes", len(files), logfile.Size(log))
		}
	}
	p.state("one", api.StateExited)
	close(over)
	if err := <-followed; err != nil || last != 60000 {
		t.Errorf("followed up to %d: %v", last, err)
	}
	if out := p.davit("logs", "--tail", "2", "one"); out != "59999\n60000" {
		t.Errorf("tail: %q", out)
	}
	if out := p.davit("logs", "one"); !strings.HasSuffix(out, "\n60000") {
		t.Errorf("the log ends with %q", out[max(0, len(out)-20):])
	}
}

// What is no text, and lines without an end, are kept as they are and bounded.
func TestBinaryAndEndlessLines(t *testing.T) {
	p := newPlace(t)
	out := p.davit("run", "-d", "--name", "one", busybox, "sh", "-c",
		`head -c 300000 /dev/zero; echo; printf '\377\000\001\r\n'; printf 'login: '; read never </dev/zero`)
	log := p.dirs().Container(out).Log()
	p.eventually("the prompt is in the log", func() bool {
		prompt, zeros := false, 0
		check(t, logfile.Read(t.Context(), log, api.LogQuery{}, nil, func(l api.LogLine) error {
			if len(l.Text) > logfile.MaxText {
				t.Errorf("a line of %d bytes", len(l.Text))
			}
			zeros += strings.Count(l.Text, "\x00")
			prompt = l.Text == "login: " && l.Partial
			return nil
		}))
		return prompt && zeros == 300001
	})
	p.davit("rm", "-f", "one")
}
