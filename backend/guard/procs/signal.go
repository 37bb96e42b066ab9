package procs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"davit/backend/store"
)

// Signal sends a signal to the process that has that pid and was started at
// that time, in ticks since boot. Where it has ended, nothing is signalled,
// whoever has its pid now; that is no error.
func Signal(pid int, start uint64, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) { // or a thread has the number now
		return nil
	}
	if err != nil {
		return fmt.Errorf("signal process %d: pidfd_open: %w", pid, err)
	}
	defer func() { _ = unix.Close(fd) }()
	// The descriptor holds the process; its start time tells whether it is the
	// one that is meant.
	if now, err := store.ProcessStart(pid); err != nil || now != start {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	return nil
}
