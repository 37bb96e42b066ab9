package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
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
	"freeze": freeze,
	"trace":  func(pid int) bool { go seize(pid); return true },
}

// freeze stops a process. One that has become its program meanwhile goes on:
// that anybody inside may stop a program is no finding.
func freeze(pid int) bool {
	if syscall.Kill(pid, syscall.SIGSTOP) != nil {
		return false
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end) && !stopped(pid); {
		time.Sleep(time.Millisecond) // the signal is delivered when the process runs next
	}
	if entering(proc(pid)) {
		return true
	}
	_ = syscall.Kill(pid, syscall.SIGCONT)
	return false
}

func proc(pid int) string { return "/proc/" + strconv.Itoa(pid) }

// stopped tells whether a process is stopped by a signal or a tracer.
func stopped(pid int) bool {
	b, err := os.ReadFile(proc(pid) + "/stat")
	_, rest, found := strings.Cut(string(b), ") ")
	return err == nil && found && (rest[0] == 'T' || rest[0] == 't')
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
	if unix.Gettid() == os.Getpid() {
		go seize(pid) // Go never ends the first thread: what that traced would stay stopped
		return
	}
	for _, request := range []uintptr{unix.PTRACE_SEIZE, unix.PTRACE_INTERRUPT} {
		if _, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, request, uintptr(pid), 0, 0, 0, 0); errno != 0 {
			return
		}
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end) && !stopped(pid); {
		time.Sleep(time.Millisecond)
	}
	if !entering(proc(pid)) {
		return // and lets go, with the thread: it has become its program
	}
	select {} // and has to stay
}
