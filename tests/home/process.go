package home

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Process is a running process of Davit.
type Process struct {
	PID  int    `json:"pid"`
	Role string `json:"role"` // "davit-guard keep", "davit engine", "davit-netd", "davit-desktop", …
	// PSS is the proportional set size in KiB: memory of its own plus its
	// share of what it shares.
	PSS int `json:"pssKiB"`
}

// Processes lists the processes of Davit's binaries, and of the web views that
// its window starts, that belong to this place.
func (h *Home) Processes() ([]Process, error) { return each(h.process) }

// Named lists the processes of programs, by their names, that have text in
// their arguments.
func Named(text string, programs ...string) ([]Process, error) {
	return each(func(pid int) (Process, bool) {
		dir := filepath.Join("/proc", strconv.Itoa(pid))
		cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !bytes.Contains(cmdline, []byte(text)) {
			return Process{}, false
		}
		program, _, _ := strings.Cut(string(cmdline), "\x00")
		name := filepath.Base(program)
		return Process{PID: pid, Role: name, PSS: pss(dir)}, slices.Contains(programs, name)
	})
}

func each(read func(pid int) (Process, bool)) ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := read(pid); ok {
			all = append(all, p)
		}
	}
	return all, nil
}

// process reads one; processes that end meanwhile or belong to somebody else
// are none of ours.
func (h *Home) process(pid int) (Process, bool) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	environ, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil || !bytes.Contains(environ, []byte("XDG_RUNTIME_DIR="+filepath.Join(h.Dir, "run")+"\x00")) {
		return Process{}, false
	}
	cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || len(cmdline) == 0 {
		return Process{}, false
	}
	args := strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
	name := filepath.Base(args[0])
	if !strings.HasPrefix(name, "davit") && !strings.HasPrefix(name, "WebKit") {
		return Process{}, false
	}
	if len(args) > 1 && !strings.HasPrefix(args[1], "-") && strings.HasPrefix(name, "davit") {
		name += " " + args[1]
	}
	return Process{PID: pid, Role: name, PSS: pss(dir)}, true
}

func pss(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "smaps_rollup"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kib); n == 1 {
			return kib
		}
	}
	return 0
}
