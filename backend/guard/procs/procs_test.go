package procs

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/store"
)

// family starts a shell with children of its own.
func family(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", "-c", "sleep 100 & sleep 100 & echo; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		table, err := Scan()
		if err != nil {
			t.Error(err)
			return
		}
		for _, p := range within(table, cmd.Process.Pid) {
			child, _ := os.FindProcess(p.PID)
			_ = child.Kill()
		}
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// within is Of without the namespace, which the test shares with the machine.
func within(t *Table, pid int) []*Process {
	for _, p := range t.all {
		p.Namespace = 0
	}
	return t.Of(pid)
}

func TestScanFindsAFamily(t *testing.T) {
	cmd := family(t)
	table, err := Scan()
	if err != nil {
		t.Fatal(err)
	}
	list := within(table, cmd.Process.Pid)
	if len(list) != 3 || list[0].PID != cmd.Process.Pid {
		t.Fatalf("got %d processes, want the shell and two children", len(list))
	}
	if Memory(list) < 100<<10 || list[0].Start == 0 || list[0].Threads != 1 {
		t.Errorf("memory %d, %+v", Memory(list), list[0])
	}
	if table.Of(1<<30) != nil {
		t.Error("a process that is not there has a family")
	}
}

func TestOwnProcess(t *testing.T) {
	table, err := Scan()
	if err != nil {
		t.Fatal(err)
	}
	me := table.all[os.Getpid()]
	if me == nil || me.Parent != os.Getppid() || me.State == 0 || me.Namespace == 0 {
		t.Fatalf("%+v", me)
	}
}

// A stranger who has the pid of a process that has ended gets no signal.
func TestSignalSparesWhoHasThePIDNow(t *testing.T) {
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	start, err := store.ProcessStart(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := Signal(cmd.Process.Pid, start-1, unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if err := Signal(cmd.Process.Pid, start, unix.SIGTERM); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the process did not get its signal")
	}
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signal() != syscall.SIGTERM {
		t.Errorf("it was ended by %v, which was for another", s.Signal())
	}
	if err := Signal(cmd.Process.Pid, start, unix.SIGTERM); err != nil {
		t.Errorf("one that has ended: %v", err)
	}
}
