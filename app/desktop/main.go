// Command davit-desktop is Davit's window: the pages of package frontend in
// WebKitGTK, by Wails, over the same API that the browser front has.
//
// It runs as the person, in the host's namespaces, and never starts a
// container itself: WebKit overrides signal handlers and Wails keeps pipes
// without close-on-exec, so all work is the engine's. Its end, however it
// comes, ends no container. It is the only package that knows Wails.
package main

import (
	"fmt"
	"log/slog"
	"os"

	"davit/backend/store"
)

// version is stamped by build/compile.
var version = "dev"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "davit-desktop:", err)
		os.Exit(1)
	}
}

func run() error {
	if err := usable(os.Getuid(), os.Getenv); err != nil {
		return err
	}
	// Without it windows stay blank with some NVIDIA drivers and compositors:
	// https://github.com/wailsapp/wails/issues/2977
	if os.Getenv(dmabuf) == "" {
		if err := os.Setenv(dmabuf, "1"); err != nil {
			return err
		}
	}
	dirs, err := store.Locate(os.Getenv)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	d := newDesktop(log)
	defer d.close()
	if !generating {
		alone, err := d.alone(os.Args[1:])
		if err != nil {
			log.Warn("the session bus does not know this window", "error", err)
		}
		if !alone {
			return nil
		}
	}
	w, err := newWindow(dirs, d, log)
	if err != nil {
		return err
	}
	return w.run()
}
