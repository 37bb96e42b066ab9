package home

import (
	"os/exec"
	"syscall"
	"testing"
)

// The kernel gives the inode of a namespace that has gone to the next one.
func TestNamespacesAreNotMistaken(t *testing.T) {
	var inside namespaces
	defer inside.close()
	first := inNamespace(t)
	inside.add(first.Process.Pid)
	if len(inside) != 1 || !inside.hold(first.Process.Pid) {
		t.Fatalf("the namespace of a process of ours: %v", inside)
	}
	end(t, first)
	for range 10 {
		another := inNamespace(t)
		if inside.hold(another.Process.Pid) {
			t.Fatal("a namespace that was made later is taken for ours")
		}
		end(t, another)
	}
}

func inNamespace(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

func end(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}
