package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hinder keeps whatever enters the container from becoming its program: "hold"
// opens its pipes and keeps them, "freeze" stops it, "trace" seizes and stops
// it. It prints how many it saw and how many it got hold of.
func hinder(how string, end time.Time) error {
	seen, got := map[string]bool{}, map[string]bool{}
	for time.Now().Before(end) && !exists("/stop") {
		for _, dir := range others() {
			if got[dir] || !entering(dir) {
				continue
			}
			seen[dir] = true
			if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && hindrances[how](pid) {
				got[dir] = true
			}
		}
	}
	return show(map[string]int{"seen": len(seen), "got": len(got)})
}

var hindrances = map[string]func(pid int) bool{
	"hold":   hold,
	"freeze": func(pid int) bool { return syscall.Kill(pid, syscall.SIGSTOP) == nil },
	"trace":  func(pid int) bool { go seize(pid); return true },
}

// hold keeps the write ends of a process's pipes, and its sockets.
func hold(pid int) (got bool) {
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return false
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(process) }()
	for _, f := range fds {
		if n, err := strconv.Atoi(f.Name()); err == nil && n > 2 {
			if _, err := unix.PidfdGetfd(process, n, 0); err == nil {
				got = true // never closed
			}
		}
	}
	return got
}

// seize becomes the tracer of a process and does not let it go on.
func seize(pid int) {
	runtime.LockOSThread() // the tracer is a thread
	for _, request := range []uintptr{unix.PTRACE_SEIZE, unix.PTRACE_INTERRUPT} {
		if _, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, request, uintptr(pid), 0, 0, 0, 0); errno != 0 {
			return
		}
	}
	select {} // and has to stay
}
