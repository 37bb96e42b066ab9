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
	var inside namespaces
	defer inside.close()
	for {
		all, err := h.Processes()
		if err != nil {
			return err
		}
		for _, p := range all {
			inside.add(p.PID)
		}
		contained, err := each(func(pid int) (Process, bool) { return Process{PID: pid}, inside.hold(pid) })
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

// namespaces are user namespaces by their inodes. They are kept open: the
// inode of one that has gone is given to the next one that anybody makes,
// whose processes would be taken for ours.
type namespaces map[uint64]int

// add adds the user namespace of a process, unless it is the one of the tests.
func (n *namespaces) add(pid int) {
	fd, ino := userns(pid)
	own, mine := userns(os.Getpid())
	_ = unix.Close(own)
	if _, known := (*n)[ino]; fd < 0 || known || ino == mine {
		_ = unix.Close(fd)
		return
	}
	if *n == nil {
		*n = namespaces{}
	}
	(*n)[ino] = fd
}

// hold tells whether the user namespace of a process, or one that it is in,
// is among them.
func (n namespaces) hold(pid int) bool {
	fd, ino := userns(pid)
	defer func() { _ = unix.Close(fd) }()
	for range deepest {
		if fd < 0 {
			return false
		}
		if _, ok := n[ino]; ok {
			return true
		}
		above, err := unix.IoctlRetInt(fd, unix.NS_GET_PARENT)
		if err != nil {
			return false
		}
		_ = unix.Close(fd)
		fd, ino = above, inode(above)
	}
	return false
}

func (n namespaces) close() {
	for _, fd := range n {
		_ = unix.Close(fd)
	}
}

// userns opens the user namespace of a process; the descriptor is -1 for one
// that has gone, is a zombie or is not ours.
func userns(pid int) (fd int, ino uint64) {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/user", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, 0
	}
	return fd, inode(fd)
}

func inode(fd int) uint64 {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Ino
}
