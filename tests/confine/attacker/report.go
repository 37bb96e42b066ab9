package main

import (
	"os"
	"path/filepath"
	"strings"
)

// Report is what a process has been given, as /proc tells it.
type Report struct {
	Descriptors map[string]string `json:"descriptors"` // by number; without the one that reads the directory
	Environ     []string          `json:"environ"`
	First       []string          `json:"first"`  // the environment of process 1
	Status      map[string]string `json:"status"` // of /proc/self/status
	Cwd         string            `json:"cwd"`
}

func report() error {
	r := Report{Descriptors: descriptors(), Environ: os.Environ(), Status: map[string]string{}}
	first, _ := os.ReadFile("/proc/1/environ") // not readable: another user's
	r.First = strings.FieldsFunc(string(first), func(c rune) bool { return c == 0 })
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		r.Status[key] = strings.Join(strings.Fields(value), " ")
	}
	r.Cwd, err = os.Getwd()
	if err != nil {
		r.Cwd = err.Error()
	}
	return show(r)
}

// descriptors are those that the process has been started with: what the Go
// runtime opens for itself is an anonymous inode, and what reads the directory
// is closed when its link is looked at.
func descriptors() map[string]string {
	found := map[string]string{}
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		return found
	}
	for _, n := range names {
		to, err := os.Readlink(n)
		if err == nil && !strings.HasPrefix(to, "anon_inode:[event") {
			found[filepath.Base(n)] = to
		}
	}
	return found
}
