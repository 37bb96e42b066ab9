package main

import (
	"context"
	"io"

	"davit/app/front"
	"davit/backend/api"
	"davit/backend/store"
)

// openFront is where commands get their Service from outside of tests.
func openFront(ctx context.Context, e *env) (api.Service, io.Closer, error) {
	dirs, err := store.Locate(e.getenv)
	if err != nil {
		return nil, nil, err
	}
	bin, err := ownDir()
	if err != nil {
		return nil, nil, err
	}
	f, err := front.Open(ctx, front.Options{Dirs: dirs, Bin: bin, Log: e.log})
	if err != nil {
		return nil, nil, err
	}
	return f.Service(), f, nil
}
