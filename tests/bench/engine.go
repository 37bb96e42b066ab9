package main

import (
	"context"
	"os"
	"strings"
	"time"

	"davit/app/front"
	"davit/backend/api"
	"davit/backend/store"
	"davit/tests/home"
)

// engineSide times create and start as the window has them: over the wire to
// an engine that runs already. No command of a peer does the same.
func engineSide(ctx context.Context, r *report, h *home.Home, _ []tool, rounds int) error {
	dirs, err := store.Locate(h.Getenv)
	if err != nil {
		return err
	}
	// The front hands its own environment to what it starts.
	for _, e := range h.Env() {
		name, value, _ := strings.Cut(e, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	f, err := front.Open(ctx, front.Options{Dirs: dirs, Bin: h.Bin})
	if err != nil {
		return err
	}
	defer f.Close()
	s := f.Service()
	if _, err := s.Containers(ctx, api.ContainerFilter{}); err != nil { // an engine runs from here on
		return err
	}
	for range rounds {
		began := time.Now()
		c, err := s.Create(ctx, api.RunSpec{Image: image, Command: patient})
		if err != nil {
			return err
		}
		created := time.Now()
		if err := s.Start(ctx, c.ID); err != nil {
			return err
		}
		r.time("engine: create", "davit", created.Sub(began))
		r.time("engine: start", "davit", time.Since(created))
		r.time("engine: create and start", "davit", time.Since(began))
		if err := s.Remove(ctx, c.ID, api.RemoveOptions{Force: true}); err != nil {
			return err
		}
	}
	return nil
}
