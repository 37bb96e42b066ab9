// Package userns holds what every start of a process has in common: which
// descriptors it gets, what becomes of it when its parent dies, and how
// processes are told apart. Its sub-packages make the user namespace
// (bootstrap), hold it (keeper) and speak across it (fdmsg).
//
// It runs in every process of Davit, inside and outside the user namespace.
package userns

import (
	"context"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Life is what becomes of a process when the one that started it goes.
type Life int

const (
	// DiesWithParent ends the process (SIGKILL) when the thread that started
	// it ends: helpers that make no sense alone.
	DiesWithParent Life = iota
	// Survives puts the process into a session of its own: it outlives the
	// window or terminal that it was started from.
	Survives
)

// Command is exec.CommandContext with its descriptors swept and its life
// stated: no descriptor but 0–2 and ExtraFiles reaches the process, whatever
// libraries in this one left inheritable.
func Command(ctx context.Context, life Life, name string, args ...string) (*exec.Cmd, error) {
	if err := Sweep(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if life == Survives {
		cmd.SysProcAttr.Setsid = true
	} else {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	return cmd, nil
}

// Sweep marks every descriptor above 2 close-on-exec. Wails keeps pipes
// without it on purpose, and a descriptor of the host inside a container is a
// way out (CVE-2024-21626).
func Sweep() error {
	err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	if err == unix.ENOSYS || err == unix.EINVAL { // before Linux 5.11
		return sweepBySteps()
	}
	return os.NewSyscallError("close_range", err)
}

func sweepBySteps() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if fd, ok := number(e.Name()); ok && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
