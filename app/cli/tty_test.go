package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/console"

	"davit/backend/api"
	"davit/backend/api/apitest"
)

// screen is a person's terminal: keys are typed into it, and what davit
// writes is read from it.
type screen struct {
	t       *testing.T
	keys    console.Console
	tty     *os.File
	written buffer
	code    chan int
	fake    api.Service
}

func newScreen(t *testing.T, fake api.Service, args ...string) *screen {
	t.Helper()
	keys, path, err := console.NewPty()
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Resize(console.WinSize{Height: 33, Width: 99}); err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, keys: keys, tty: tty, code: make(chan int, 1), fake: fake}
	go io.Copy(&s.written, keys)
	e := &env{
		in: tty, out: tty, err: tty, now: time.Now, log: slog.New(slog.DiscardHandler),
		lookup: func(string) (string, bool) { return "", false },
		open: func(context.Context, *env) (api.Service, io.Closer, error) {
			return fake, io.NopCloser(nil), nil
		},
	}
	go func() { s.code <- report(e, newRoot().execute(context.Background(), e, "", args)) }()
	t.Cleanup(func() { keys.Close(); tty.Close() })
	return s
}

func (s *screen) press(keys string) {
	if _, err := s.keys.Write([]byte(keys)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) waitFor(text string) {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(s.written.String(), text) {
			return
		}
	}
	s.t.Fatalf("no %q on the screen:\n%q", text, s.written.String())
}

func (s *screen) ends(code int) {
	s.t.Helper()
	select {
	case got := <-s.code:
		if got != code {
			s.t.Fatalf("exit code %d, want %d; screen:\n%q", got, code, s.written.String())
		}
	case <-time.After(10 * time.Second):
		s.t.Fatalf("davit does not end; screen:\n%q", s.written.String())
	}
}

func newFake(t *testing.T) api.Service {
	f := apitest.New(apitest.Options{Seed: 1, Speed: 1000})
	t.Cleanup(func() { f.Close() })
	return f
}

func TestAShellInATerminal(t *testing.T) {
	s := newScreen(t, newFake(t), "run", "-it", "--rm", "busybox", "sh")
	s.waitFor("docker.io/library/busybox:latest")
	s.waitFor("/ # ")
	s.press("stty size\n")
	s.waitFor("33 99")
	if err := s.keys.Resize(console.WinSize{Height: 20, Width: 50}); err != nil {
		t.Fatal(err)
	}
	s.press("exit 3\n")
	s.ends(3)
}

func TestDetachLeavesTheContainer(t *testing.T) {
	fake := newFake(t)
	s := newScreen(t, fake, "run", "-it", "--name", "c", "busybox", "sh")
	s.waitFor("/ # ")
	s.press("\x10\x11")
	s.ends(0)
	if d, err := fake.Container(context.Background(), "c"); err != nil || d.State != api.StateRunning {
		t.Errorf("%v %v", d.State, err)
	}
	// The terminal is as it was: the kernel echoes keys again.
	s.press("echoed")
	s.waitFor("echoed")
}

func TestPullDrawsItsProgress(t *testing.T) {
	s := newScreen(t, newFake(t), "pull", "nginx")
	s.ends(0)
	s.waitFor("Pulling docker.io/library/nginx:latest")
	s.waitFor("Pull complete")
	s.waitFor("\x1b[0J")
	s.waitFor("Status: Downloaded newer image")
}

func TestATerminalIsRefusedAnArchive(t *testing.T) {
	s := newScreen(t, newFake(t), "save", "busybox")
	s.ends(1)
	s.waitFor("not written to a terminal")
	s = newScreen(t, newFake(t), "load")
	s.ends(1)
	s.waitFor("no archive on the standard input")
}

func TestLoginAsks(t *testing.T) {
	s := newScreen(t, newFake(t), "login", "localhost:5000")
	s.waitFor("Username for localhost:5000: ")
	s.press("ada\r")
	s.waitFor("Password: ")
	s.press("hidden\r")
	s.ends(0)
	s.waitFor("Login Succeeded")
	if strings.Contains(s.written.String(), "hidden") {
		t.Error("the password is on the screen")
	}
}
