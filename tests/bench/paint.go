package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"davit/tests/screen"
)

// firstPaint times the window: from the start of the process until the display
// shows text, and the memory of all its processes then.
func (b *bench) firstPaint(ctx context.Context) error {
	for range 5 {
		if err := b.paintOnce(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) paintOnce(ctx context.Context) error {
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
	cmd := exec.CommandContext(ctx, filepath.Join(b.home.Bin, "davit-desktop"))
	cmd.Env = s.Env(b.home.Env()...)
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
	b.time(figure{"window: first paint", nil}, ours, time.Since(began))
	if err := pause(ctx, settle); err != nil {
		return err
	}
	all, err := b.home.Processes()
	if err != nil {
		return err
	}
	b.pss(figure{"memory, window open", nil}, ours, all)
	return nil
}
