package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"davit/tests/home"
)

// usage is what a command took, its helpers counted.
type usage struct {
	wall, cpu time.Duration
	peak      int // KiB, of all its processes at once
}

// watched runs a command and adds up what it and the processes that it leaves
// took: CPU by what they had before and after, memory by looking.
func watched(ctx context.Context, t tool, h *home.Home, args []string) (usage, error) {
	before := ticksOf(h)
	cmd := t.cmd(ctx, args...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	stop := make(chan struct{})
	var peak int
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				peak = max(peak, residentOf(h, cmd.Process.Pid))
			}
		}
	})
	err := cmd.Wait()
	u := usage{wall: time.Since(began)}
	close(stop)
	all.Wait()
	time.Sleep(300 * time.Millisecond) // what ends with it has ended, and its parent has counted it
	u.cpu, u.peak = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()+ticksOf(h)-before, peak
	if err != nil {
		return u, fmt.Errorf("%s %s: %w: %s", t.name, strings.Join(args, " "), err, &problems)
	}
	return u, nil
}

// ticksOf adds up the CPU time of the processes of a place that go on, with
// that of their children that ended.
func ticksOf(h *home.Home) (sum time.Duration) {
	for _, pid := range inPlace(h) {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			continue
		}
		f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		for _, field := range f[11:15] { // utime, stime, cutime, cstime: proc(5) counts from 1
			n, _ := strconv.Atoi(field)
			sum += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return sum
}

// residentOf adds up the resident memory of a command and of the processes of
// its place.
func residentOf(h *home.Home, pid int) (sum int) {
	seen := map[int]bool{}
	for _, p := range append(inPlace(h), pid) {
		if seen[p] {
			continue
		}
		seen[p] = true
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p), "status"))
		if err != nil {
			continue
		}
		if _, rest, ok := strings.Cut(string(text), "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			sum += n
		}
	}
	return sum
}

// inPlace lists the processes that have a place's directories in their environment.
func inPlace(h *home.Home) (out []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		environ, err := os.ReadFile(filepath.Join(d, "environ"))
		if err == nil && strings.Contains(string(environ), "XDG_RUNTIME_DIR="+filepath.Join(h.Dir, "run")+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(d))
			out = append(out, pid)
		}
	}
	return out
}

// diskOf adds up the blocks below a directory, each file once.
func diskOf(dir string) (sum int64, err error) {
	seen := map[uint64]bool{}
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // another id's: the images of these measures have none
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if ok && !seen[st.Ino] {
			seen[st.Ino] = true
			sum += st.Blocks * 512
		}
		return nil
	})
	return sum, err
}
