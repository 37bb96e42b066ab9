package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"davit/tests/home"
)

const image = "localhost/bench-busybox:1"

// tool is a command line that understands docker's verbs.
type tool struct {
	name    string
	version string
	command []string
	env     []string
	network []string // flags of run and create: the network that a person gets by default
	// keepLog are flags of run for a log as Davit's: lines with their times.
	keepLog []string
	// waitQuickly are flags of wait, after the name, without which it would
	// look only four times a second.
	waitQuickly []string
	// processes are what it leaves running, containers themselves not counted.
	processes func() ([]home.Process, error)
}

func (t tool) cmd(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, t.command[0], append(t.command[1:len(t.command):len(t.command)], args...)...)
	cmd.Env = append(os.Environ(), t.env...)
	return cmd
}

func (t tool) run(ctx context.Context, args ...string) (string, error) {
	cmd := t.cmd(ctx, args...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", t.name, strings.Join(args, " "), err, &problems)
	}
	return strings.TrimSpace(string(out)), nil
}

// container is the command line that makes one; verb is run or create.
func (t tool) container(verb string, flags []string, command ...string) []string {
	args := append([]string{verb}, t.network...)
	args = append(args, flags...)
	return append(append(args, image), command...)
}

// installed gives Davit and the peers that are there.
func installed(ctx context.Context, h *home.Home) ([]tool, error) {
	davit := tool{name: ours, command: []string{filepath.Join(h.Bin, "davit")}, env: h.Env(), processes: h.Processes}
	tools := []tool{davit}
	if _, err := exec.LookPath("podman"); err == nil {
		tools = append(tools, podman(h))
	} else {
		fmt.Fprintln(os.Stderr, "bench: podman is not installed, so there is nothing to compare with (apt-get install podman slirp4netns runc)")
	}
	for i, t := range tools {
		out, err := t.run(ctx, "--version")
		if err != nil {
			return nil, err
		}
		tools[i].version = out
	}
	return tools, nil
}

// podman as Debian 12 has it, told to do without systemd and with the runtime
// that its crun's refusal of hybrid cgroups makes necessary.
func podman(h *home.Home) tool {
	dir := filepath.Join(h.Dir, "podman")
	return tool{
		name: "podman",
		command: []string{"podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file",
			"--storage-driver", "overlay", "--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"),
			"--tmpdir", filepath.Join(dir, "tmp")},
		env:     h.Env(),
		network: []string{"--network", "slirp4netns"},
		keepLog: []string{"--log-driver", "k8s-file"}, waitQuickly: []string{"--interval", "10ms"},
		processes: func() ([]home.Process, error) { return home.Named(h.Dir, "podman", "conmon", "slirp4netns") },
	}
}

// endPodman ends the process that podman leaves behind to hold its namespace.
func endPodman(h *home.Home) error {
	for _, pattern := range []string{"podman/tmp/pause.pid", "run/libpod/tmp/pause.pid"} {
		text, err := os.ReadFile(filepath.Join(h.Dir, pattern))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return fmt.Errorf("%s: %w", pattern, err)
		}
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end podman's process %d: %w", pid, err)
		}
	}
	return nil
}
