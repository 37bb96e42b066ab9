package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"davit/backend/api"
)

// runDesktop becomes the window. It returns only where there is none.
func runDesktop(e *env) error {
	if e.getenv("DISPLAY") == "" && e.getenv("WAYLAND_DISPLAY") == "" {
		return api.Errorf(api.KindHost, "there is no display to open the window on").
			WithHint("davit serve opens the same in a browser; davit help lists the commands")
	}
	path, err := sibling("davit-desktop")
	if err != nil {
		return api.AsError(err).WithHint("davit serve opens the same in a browser")
	}
	if err := syscall.Exec(path, []string{path}, os.Environ()); err != nil {
		return api.Errorf(api.KindHost, "start %s: %w", path, err)
	}
	return nil
}

// sibling finds another binary of ours: beside this one, or in ../libexec/davit.
func sibling(name string) (string, error) {
	dir, err := ownDir()
	if err != nil {
		return "", err
	}
	for _, path := range []string{filepath.Join(dir, name), filepath.Join(dir, "..", "libexec", "davit", name)} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", api.Errorf(api.KindHost, "find %s: %w", name, err)
		}
	}
	return "", api.Errorf(api.KindHost, "%s is not installed beside davit (in %s)", name, dir)
}

// ownDir is where this binary is, links resolved.
func ownDir() (string, error) {
	path, err := os.Executable()
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return "", api.Errorf(api.KindHost, "find davit itself: %w", err)
	}
	return filepath.Dir(path), nil
}
