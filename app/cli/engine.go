package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"davit/app/front"
	"davit/backend/engine"
	"davit/backend/store"
	"davit/backend/userns"
)

// engineArg is the hidden first argument by which the keeper starts this
// binary as an engine.
const engineArg = "engine"

func engineMain() int {
	if err := runEngine(); err != nil {
		fmt.Fprintln(os.Stderr, "davit engine:", err)
		return 1
	}
	return 0
}

// runEngine serves the front at the other end of descriptor 3 until it goes.
// It runs as root of the user namespace.
func runEngine() error {
	dirs, err := store.Locate(os.Getenv)
	if err != nil {
		return err
	}
	guard, err := sibling("davit-guard")
	if err != nil {
		return err
	}
	trim := userns.Trimmer{Grow: 100} // as Go has it
	e := engine.New(engine.Config{
		Dirs: dirs, Version: version, GuardBinary: guard, Brief: trim.Brief,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)).With("role", "engine"),
	})
	err = front.ServeEngine(context.Background(), os.NewFile(3, "control"), e, trim.Touch)
	if cerr := e.Close(); err == nil {
		err = cerr
	}
	return err
}
