package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"davit/tests/home"
	"davit/tests/screen"
)

// firstPaint times the window: from the start of the process until the display
// shows text, and the memory of all its processes then.
func firstPaint(ctx context.Context, r *report, h *home.Home, _ []tool, _ int) error {
	for range 5 {
		if err := paintOnce(ctx, r, h); err != nil {
			return err
		}
	}
	return nil
}

func paintOnce(ctx context.Context, r *report, h *home.Home) error {
	dir, err := os.MkdirTemp("", "davit-display-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := screen.Start(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	cmd := exec.CommandContext(ctx, filepath.Join(h.Bin, "davit-desktop"))
	cmd.Env = s.Env(h.Env()...)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = screen.Until(ctx, func() (bool, error) {
		p, err := s.Picture()
		return err == nil && screen.Colours(p) >= screen.Drawn, err
	})
	if err != nil {
		return err
	}
	r.time("window: first paint", "davit", time.Since(began))
	if err := pause(ctx, settle); err != nil {
		return err
	}
	all, err := h.Processes()
	if err != nil {
		return err
	}
	r.memory("memory, window open", "davit", all)
	return nil
}
