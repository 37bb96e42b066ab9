// Package home is a place of its own for real binaries under test: a store, a
// runtime directory and settings that no other test and no person shares.
//
// It runs in a test's process, as an unprivileged user, on the host.
package home

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"davit/backend/api"
)

// Home is such a place.
type Home struct {
	Bin string // directory of the binaries
	Dir string
}

// New makes one in the system's directory for temporary files, short enough
// for the addresses of unix sockets.
func New(bin string) (*Home, error) { return NewIn(bin, "") }

// NewIn makes one in a directory, whose name has to be as short.
func NewIn(bin, parent string) (*Home, error) {
	if bin == "" {
		return nil, errors.New("DAVIT_BIN does not name the directory of the binaries; build/test sets it")
	}
	dir, err := os.MkdirTemp(parent, "davit-")
	if err != nil {
		return nil, err
	}
	h := &Home{Bin: bin, Dir: dir}
	for _, d := range []string{"data", "run", "config", "cache"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Env names the place's directories.
func (h *Home) Env() []string {
	return []string{
		"XDG_DATA_HOME=" + filepath.Join(h.Dir, "data"),
		"XDG_RUNTIME_DIR=" + filepath.Join(h.Dir, "run"),
		"XDG_CONFIG_HOME=" + filepath.Join(h.Dir, "config"),
		"XDG_CACHE_HOME=" + filepath.Join(h.Dir, "cache"),
		"HTTPS_PROXY=http://127.0.0.1:9", // nothing is asked of the internet; loopback takes no proxy
	}
}

// Getenv is os.Getenv with the place's directories.
func (h *Home) Getenv(name string) string {
	for _, e := range h.Env() {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return os.Getenv(name)
}

// Command prepares one of the binaries.
func (h *Home) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(h.Bin, name), args...)
	cmd.Env = append(os.Environ(), h.Env()...)
	return cmd
}

// Davit runs a command line of davit and returns what it printed.
func (h *Home) Davit(ctx context.Context, args ...string) (string, error) {
	cmd := h.Command(ctx, "davit", args...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("davit %s: %w: %s", strings.Join(args, " "), err, &problems)
	}
	return string(out), nil
}

// Containers is `davit ps -a --json`.
func (h *Home) Containers(ctx context.Context) ([]api.Container, error) {
	out, err := h.Davit(ctx, "ps", "-a", "--json")
	if err != nil {
		return nil, err
	}
	var all []api.Container
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		return nil, fmt.Errorf("davit ps --json: %w", err)
	}
	return all, nil
}

// Close removes all containers, waits until nothing of Davit runs here any
// more, and removes the place.
func (h *Home) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	all, err := h.Containers(ctx)
	for _, c := range all {
		_, rmErr := h.Davit(ctx, "rm", "-f", c.ID)
		err = errors.Join(err, rmErr)
	}
	return errors.Join(err, h.quiet(ctx), h.remove(ctx))
}

// Quiet waits until nothing of Davit runs here any more; nothing is removed.
func (h *Home) Quiet() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return h.quiet(ctx)
}

// quiet waits for the end of every process that has its runtime directory here.
func (h *Home) quiet(ctx context.Context) error {
	for {
		left, err := h.Processes()
		if err != nil || len(left) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no container is left, but these processes run on: %v", left)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// remove deletes the place; files of other users of the containers, whose
// owners are subordinate ids, need the user namespace to be deleted in.
func (h *Home) remove(ctx context.Context) error {
	if os.RemoveAll(h.Dir) == nil {
		return nil
	}
	out, err := exec.CommandContext(ctx, "unshare", "--map-root-user", "--map-auto", "rm", "-rf", h.Dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("remove %s: %w: %s", h.Dir, err, out)
	}
	return nil
}
