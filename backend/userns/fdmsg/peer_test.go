package fdmsg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// envRole makes the test binary a process inside a container.
const (
	envRole   = "DAVIT_TEST_FDMSG"
	envSocket = "DAVIT_TEST_SOCKET"
)

func TestMain(m *testing.M) {
	switch os.Getenv(envRole) {
	case "ask":
		os.Exit(ask(os.Getenv(envSocket)))
	case "listen":
		os.Exit(listen(os.Getenv(envSocket)))
	}
	os.Exit(m.Run())
}

// ask tells what a process inside hears: 3 for an answer, 4 for none.
func ask(socket string) int {
	var answer note
	_, err := Call(context.Background(), socket, note{"let me in"}, &answer)
	fmt.Println(answer.Text, err)
	if err == nil {
		return 3
	}
	return 4
}

func listen(socket string) int {
	l, err := Listen(socket)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return 1
		}
		_ = Send(c, note{"I am the keeper"}) // and stay: who asked finds a live one
	}
}

// inside prepares this test binary as root-like process of the same person in
// a pid namespace of its own, which is what a container is to a socket.
func inside(t *testing.T, role, socket string, flags uintptr) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envRole+"="+role, envSocket+"="+socket)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | flags,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	return cmd
}

// CVE-2020-15257's class: the user id of a container's root is the person's.
func TestSocketDoesNotAnswerAContainer(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := Accept(l)
			if err != nil {
				return
			}
			var asked note
			if _, err := Receive(c, &asked); err == nil {
				_ = Send(c, note{"come in"})
			}
			_ = c.Close()
		}
	}()
	for what, c := range map[string]struct {
		flags uintptr
		code  int
	}{
		"user namespace, our pids":   {0, 3},
		"pid namespace: a container": {syscall.CLONE_NEWPID, 4},
	} {
		out, err := inside(t, "ask", socket, c.flags).Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != c.code {
			t.Errorf("%s: %v, %q; want exit code %d", what, err, out, c.code)
		}
	}
}

func TestContainerDoesNotAnswerInTheKeepersName(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	cmd := inside(t, "listen", socket, syscall.CLONE_NEWPID)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatalf("nobody listens: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := Dial(ctx, socket)
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("connected to a container: %v, %v", c, err)
	}
}

func TestPidsOfAPeer(t *testing.T) {
	for status, want := range map[string]bool{
		"Name:\tx\nNSpid:\t812\n":   true,
		"Pid:\t812\nNSpid:\t812\t1": false,
		"NSpid:\t0\n":               false,
		"Pid:\t-1\nNSpid:\t-1\n":    false,
		"NSpid:\n":                  false,
		"":                          false,
	} {
		if got := inOurs([]byte(status)); got != want {
			t.Errorf("inOurs(%q) = %v", status, got)
		}
	}
}
