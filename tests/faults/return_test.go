package faults

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"davit/backend/api"
)

// Whoever is attached to a container, or waits for it, gets every line once and
// the exit code, however often the guard is killed; also of a container that
// removes itself at its end.
func TestAttachedThroughKilledGuards(t *testing.T) {
	p := newPlace(t)
	const lines = 400000
	run := p.command("run", "--rm", "--name", "one", busybox, "sh", "-c",
		"i=1; while [ $i -lt "+itoa(lines)+" ]; do seq $i $((i+1999)); i=$((i+2000)); usleep 10000; done; exit 7")
	out, err := run.StdoutPipe()
	check(t, err)
	var errs bytes.Buffer
	run.Stderr = &errs
	check(t, run.Start())
	read := make(chan error, 1)
	go func() { read <- numbered(out, lines) }()
	p.eventually("it runs", func() bool { all := p.list(); return len(all) == 1 && all[0].State == api.StateRunning })
	wait := p.command("wait", "one")
	var waited bytes.Buffer
	wait.Stdout, wait.Stderr = &waited, &waited
	check(t, wait.Start())
	strikes := 0
	for runs(p.container("one").PID) {
		strikes += p.strike(guard, patience)
		if all := p.list(); len(all) == 0 || all[0].State != api.StateRunning {
			break
		}
	}
	t.Logf("the guard was killed %d times", strikes)
	if err := <-read; err != nil {
		t.Errorf("the person attached: %v", err)
	}
	if code := exitCode(run.Wait()); code != 7 {
		t.Errorf("run ended with %d: %s", code, &errs)
	}
	if err := wait.Wait(); err != nil || strings.TrimSpace(waited.String()) != "7" {
		t.Errorf("wait: %v, %q", err, &waited)
	}
	p.eventually("it is removed", func() bool { return len(p.list()) == 0 })
}

// numbered verifies that r is the lines 1, 2 … up to last.
func numbered(r io.Reader, last int) error {
	defer func() { _, _ = io.Copy(io.Discard, r) }() // so that its writer can end
	lines := bufio.NewScanner(r)
	n := 0
	for lines.Scan() {
		if n++; lines.Text() != itoa(n) {
			return fmt.Errorf("%q where %d was to come", lines.Text(), n)
		}
	}
	if n != last {
		return fmt.Errorf("it ends after %d", n)
	}
	return lines.Err()
}

func exitCode(err error) int {
	var code *exec.ExitError
	if errors.As(err, &code) {
		return code.ExitCode()
	}
	return 0
}

// The container writes its last line and ends while no guard is there.
func TestEndWhileTheGuardIsAway(t *testing.T) {
	p := newPlace(t)
	volume := filepath.Join(p.Dir, "volume")
	check(t, os.Mkdir(volume, 0o700))
	run := p.command("run", "--rm", "--name", "one", "-v", volume+":/volume", busybox,
		"sh", "-c", "echo began; until [ -e /volume/go ]; do usleep 10000; done; echo one; echo two >&2; printf end; exit 5")
	var out, errs bytes.Buffer
	run.Stdout, run.Stderr = &out, &errs
	check(t, run.Start())
	p.eventually("it runs", func() bool { all := p.list(); return len(all) == 1 && p.davit("logs", "one") == "began" })
	pid := p.container("one").PID
	wait := p.command("wait", "one")
	var waited bytes.Buffer
	wait.Stdout, wait.Stderr = &waited, &waited
	check(t, wait.Start())
	p.eventually("somebody waits", func() bool { return p.count(engine) > 1 })
	k := p.pid(keeper)
	check(t, syscall.Kill(k, syscall.SIGSTOP)) // it starts no guard
	defer func() { _ = syscall.Kill(k, syscall.SIGCONT) }()
	p.kill(guard)
	check(t, os.WriteFile(filepath.Join(volume, "go"), nil, 0o600))
	p.eventually("it has ended", func() bool { return !runs(pid) })
	check(t, syscall.Kill(k, syscall.SIGCONT))
	if code := exitCode(run.Wait()); code != 5 || out.String() != "began\none\nend\n" && out.String() != "began\none\nend" || errs.String() != "two\n" {
		t.Errorf("run ended with %d: %q, %q", code, &out, &errs)
	}
	if err := wait.Wait(); err != nil || strings.TrimSpace(waited.String()) != "5" {
		t.Errorf("wait: %v, %q", err, &waited)
	}
	p.eventually("it is removed", func() bool { return len(p.list()) == 0 })
}

// count is how many processes have the role.
func (p *place) count(role string) (n int) {
	all, err := p.Processes()
	check(p.t, err)
	for _, q := range all {
		if q.Role == role {
			n++
		}
	}
	return n
}
