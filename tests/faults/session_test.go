package faults

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// Somebody who attached and does not read holds no container up, and gets
// every line when he reads on.
func TestStuckReaderHoldsNobodyUp(t *testing.T) {
	p := newPlace(t)
	const lines = 1500000 // many times what anything on the way holds
	cmd := p.command("run", "--name", "one", busybox, "sh", "-c", "seq "+itoa(lines)+"; printf begun; exit 7")
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	read := bufio.NewReader(out)
	for n := 1; n <= 1000; n++ { // he reads a little
		if line, err := read.ReadString('\n'); line != itoa(n)+"\n" {
			t.Fatalf("%q, %v where %d was to come", line, err, n)
		}
	}
	if c := p.state("one", api.StateExited); c.ExitCode != 7 { // while he does not
		t.Errorf("it ended with %d", c.ExitCode)
	}
	for n := 1001; n <= lines; n++ {
		if line, err := read.ReadString('\n'); line != itoa(n)+"\n" {
			t.Fatalf("%q, %v where %d was to come", line, err, n)
		}
	}
	if rest, err := io.ReadAll(read); err != nil || strings.TrimSpace(string(rest)) != "begun" {
		t.Errorf("the rest is %q, %v", rest, err)
	}
	var code *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &code) || code.ExitCode() != 7 {
		t.Errorf("davit run: %v", err)
	}
}

// A slow reader of a container that goes on lags, catches up, and is live again.
func TestSlowReaderCatchesUp(t *testing.T) {
	p := newPlace(t)
	p.davit("run", "-d", "-i", "--name", "one", busybox, "sh", "-c", "while read n m; do seq $n $m; done")
	cmd := p.command("attach", "one")
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	read, next := bufio.NewReader(out), 1
	for _, until := range []int{1000, 1200000, 1200100, 2400000, 2400010} {
		_, err := fmt.Fprintf(in, "%d %d\n", next, until)
		check(t, err)
		p.eventually("the container has written "+itoa(until), func() bool {
			return p.davit("logs", "--tail", "1", "one") == itoa(until)
		})
		for ; next <= until; next++ {
			if line, err := read.ReadString('\n'); line != itoa(next)+"\n" {
				t.Fatalf("%q, %v where %d was to come", line, err, next)
			}
		}
	}
	check(t, in.Close())
	check(t, cmd.Wait())
}

// Twenty commands at once in one container: each has its own input, output,
// user, directory, environment and exit code.
func TestManyExecs(t *testing.T) {
	p := newPlace(t)
	p.davit("run", "-d", "--name", "one", busybox, "sh", "-c", forever)
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			cmd := p.command("exec", "-i", "-u", itoa(n), "-w", "/tmp", "-e", "N="+itoa(n), "one",
				"sh", "-c", "read line; echo $line $(id -u) $PWD $N; echo error >&2; exit "+itoa(n))
			cmd.Stdin = strings.NewReader("input " + itoa(n) + "\n")
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			err := cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != n {
				t.Errorf("exec %d ended with %d: %v %s", n, code, err, &errs)
			}
			if want := fmt.Sprintf("input %d %d /tmp %d\n", n, n, n); out.String() != want || errs.String() != "error\n" {
				t.Errorf("exec %d: %q, %q", n, &out, &errs)
			}
		})
	}
	all.Wait()
}

// A guard that is killed takes the commands with it that were executed, and
// says so. The containers' own terminals and programs live on.
func TestExecEndsWithItsGuard(t *testing.T) {
	p := newPlace(t)
	p.davit("run", "-dit", "--name", "tty", busybox, "sh", "-c", "stty -echo; echo began; while read x; do echo heard $x; done")
	before := map[string]api.Container{"tty": p.state("tty", api.StateRunning)}
	p.eventually("it began", func() bool { return strings.Contains(p.davit("logs", "tty"), "began") })
	cmd := p.command("exec", "-i", "tty", "sh", "-c", "echo started; cat")
	in, err := cmd.StdinPipe()
	check(t, err)
	defer in.Close()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "started\n" {
		t.Fatalf("%q, %v", line, err)
	}
	p.strike(guard, patience)
	if err := cmd.Wait(); err == nil || !strings.Contains(errs.String(), "was killed") {
		t.Errorf("the exec ended with %v: %s", err, &errs)
	}
	for n := range 3 { // the terminal is the one it had
		p.types("tty", "word "+itoa(n))
		p.eventually("the terminal hears", func() bool { return strings.Contains(p.davit("logs", "tty"), "heard word "+itoa(n)) })
		p.strike(guard, patience)
		p.unchanged(before)
	}
}

// types writes a line to a container's terminal and detaches.
func (p *place) types(name, line string) {
	p.t.Helper()
	ours, theirs := p.terminal()
	cmd := p.command("attach", name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, theirs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	check(p.t, cmd.Start())
	_ = theirs.Close()
	go func() { _, _ = io.Copy(io.Discard, ours) }() // until davit ends
	p.eventually("davit has taken the terminal", func() bool {
		now, err := unix.IoctlGetTermios(int(ours.Fd()), unix.TCGETS)
		return err == nil && now.Lflag&unix.ICANON == 0
	})
	_, err := ours.WriteString(line + "\n\x10\x11") // ^P^Q
	check(p.t, err)
	check(p.t, cmd.Wait())
}

func (p *place) terminal() (ours, theirs *os.File) {
	p.t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	check(p.t, err)
	p.t.Cleanup(func() { _ = ours.Close() })
	check(p.t, unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	check(p.t, err)
	theirs, err = os.OpenFile("/dev/pts/"+itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	check(p.t, err)
	return ours, theirs
}
