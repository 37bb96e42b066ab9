package home

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Kill sends SIGKILL to the processes of that role and tells how many there were.
func (h *Home) Kill(role string) (int, error) {
	all, err := h.Processes()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, p := range all {
		if role == "" || p.Role == role {
			if err := syscall.Kill(p.PID, syscall.SIGKILL); err == nil {
				n++
			}
		}
	}
	return n, nil
}

// Wipe ends everything here at once, as a power cut does, and removes the place.
func (h *Home) Wipe() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(h.PowerCut(ctx), h.remove(ctx))
}

// PowerCut kills everything that runs here, containers included, so that
// nothing is left to notice.
func (h *Home) PowerCut(ctx context.Context) error {
	// All stand still before the first one is killed, so that none sees another
	// end. Containers are what is in a user namespace of ours, or in one below.
	inside := map[string]bool{}
	for {
		all, err := h.Processes()
		if err != nil {
			return err
		}
		for _, p := range all {
			if ns := userns(p.PID); ns != "" && ns != userns(os.Getpid()) {
				inside[ns] = true
			}
		}
		contained, err := each(func(pid int) (Process, bool) { return Process{PID: pid}, within(pid, inside) })
		if err != nil {
			return err
		}
		if all = append(all, contained...); len(all) == 0 {
			return nil
		}
		for _, sig := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
			for _, p := range all {
				_ = syscall.Kill(p.PID, sig)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("these processes outlive SIGKILL: %v", all)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// deepest bounds how many user namespaces lie in each other: the kernel's limit.
const deepest = 33

// within tells whether the user namespace of a process, or one that it is in,
// is among those.
func within(pid int, namespaces map[string]bool) bool {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/user", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	for range deepest {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && namespaces[fmt.Sprintf("user:[%d]", st.Ino)] {
			return true
		}
		parent, err := unix.IoctlRetInt(fd, unix.NS_GET_PARENT)
		if err != nil {
			return false
		}
		_ = unix.Close(fd)
		fd = parent
	}
	return false
}

// userns names the user namespace of a process, "" for one that has gone or
// is a zombie.
func userns(pid int) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid))
	return name
}
