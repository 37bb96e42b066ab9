package script

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// personal are the variables that say whose davit it is.
var personal = []string{"HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "PATH", "TERM"}

// setup gives a script a person's home of its own. Its paths are short:
// an address of a unix socket has 108 bytes at most.
func setup(e *testscript.Env, bin string) error {
	root, err := os.MkdirTemp("/tmp", "dv")
	if err != nil {
		return err
	}
	for _, dir := range []string{"home", "data", "run", "config"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			return err
		}
	}
	e.Setenv("HOME", filepath.Join(root, "home"))
	e.Setenv("XDG_DATA_HOME", filepath.Join(root, "data"))
	e.Setenv("XDG_RUNTIME_DIR", filepath.Join(root, "run"))
	e.Setenv("XDG_CONFIG_HOME", filepath.Join(root, "config"))
	e.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	e.Setenv("TERM", "xterm")
	e.Setenv("USER", os.Getenv("USER"))
	e.Setenv("HTTPS_PROXY", "http://127.0.0.1:9") // nothing is asked of the internet; loopback takes no proxy
	vars := slices.Clone(e.Vars)
	e.Defer(func() {
		// Containers whose keeper and guard are killed at once run on, until the next start ends them.
		if err := removeContainers(filepath.Join(bin, "davit"), vars); err != nil {
			e.T().Log("clean up:", err)
		}
		// A keeper restarts what it keeps: it goes first, and twice is enough.
		killProcesses(root, " keep")
		for killProcesses(root, "") > 0 {
			continue
		}
		if err := removeAll(root); err != nil {
			e.T().Log("clean up:", err)
		}
	})
	return nil
}

// removeContainers ends what a script left running.
func removeContainers(program string, vars []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	davit := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env = vars
		return cmd.Output()
	}
	running, err := davit("ps", "-q")
	if ids := strings.Fields(string(running)); err == nil && len(ids) > 0 {
		_, err = davit(append([]string{"rm", "-f"}, ids...)...)
	}
	return err
}

// processes are ours that live in a script's home, by what their command line
// contains: keepers, guards and engines survive the script's own commands.
func processes(root, containing string) []int {
	var pids []int
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	for _, dir := range dirs {
		environ, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !strings.Contains(string(environ), "XDG_RUNTIME_DIR="+filepath.Join(root, "run")) {
			continue
		}
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !strings.Contains(strings.ReplaceAll(string(line), "\x00", " "), containing) {
			continue
		}
		var pid int
		if _, err := fmt.Sscan(filepath.Base(dir), &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// killProcesses ends those that are there now, and waits until they are gone.
func killProcesses(root, containing string) (killed int) {
	for _, pid := range processes(root, containing) {
		if syscall.Kill(pid, syscall.SIGKILL) != nil {
			continue
		}
		killed++
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && alive(pid); {
			time.Sleep(5 * time.Millisecond)
		}
	}
	return killed
}

// alive tells whether a process still has memory: a zombie has not.
func alive(pid int) bool {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && len(environ) > 0
}

// removeAll removes also what containers made unreadable.
func removeAll(root string) error {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	if rerr := os.RemoveAll(root); rerr != nil {
		return fmt.Errorf("%w (%v)", rerr, err)
	}
	return nil
}
