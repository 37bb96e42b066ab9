package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"davit/tests/screen"
)

// pour starts a container that writes so many lines into its log, each tenth of
// a second.
func (b *bench) pour(ctx context.Context, name string, lines int) (source string, err error) {
	// The number is for the picture to change: the lines are all alike.
	const loop = `n=0; while :; do cat /lines; n=$((n+1)); echo "$n"; usleep 95000; done`
	source = filepath.Join(b.home.Dir, name+".lines")
	if err := os.WriteFile(source, bytes.Repeat([]byte(logLine[:99]+"\n"), lines), 0o644); err != nil {
		return "", err
	}
	_, err = b.tools[0].run(ctx, "run", "-d", "--name", name, "-v", source+":/lines:ro", image, "sh", "-c", loop)
	return source, err
}

// flood has the window follow a log that grows by some 10,000 lines a second,
// and times what the page answers to the pointer meanwhile: a frame that comes
// late shows there.
func (b *bench) flood(ctx context.Context, our, _ program) error {
	if err := b.people(ctx); err != nil {
		return err
	}
	source, err := b.pour(ctx, "flood", 1000)
	if err != nil {
		return err
	}
	defer os.Remove(source)
	if err := b.inWindow(ctx, our, b.followed); err != nil {
		return err
	}
	_, err = b.tools[0].run(ctx, "rm", "-f", "flood")
	return err
}

// logText is where the lines of a log beside the list are.
var logText = screen.Box{X: 572, Y: 180, Width: 530, Height: 500}

func (b *bench) followed(ctx context.Context, w *opened) error {
	if err := w.showLogs(ctx, "flood"); err != nil {
		return err
	}
	var all []time.Duration
	frames, blank := 0, 0
	before := w.watch.Copy(panel, nil)
	for i := range 200 {
		on := toOther
		if i%2 == 1 {
			on = toList
		}
		took, err := w.hover(ctx, on)
		if err != nil {
			return err
		}
		all = append(all, took)
		if !w.watch.Text(logText) {
			blank++
		}
		if !w.watch.Same(panel, before) {
			frames, before = frames+1, w.watch.Copy(panel, before)
		}
	}
	if frames < len(all)/4 {
		return w.failed(fmt.Errorf("the log moved %d times in %d: it is not followed", frames, len(all)))
	}
	if blank > 0 {
		return w.failed(fmt.Errorf("the log was blank %d times in %d", blank, len(all)))
	}
	slices.Sort(all)
	b.time(figure{"window: hover to reaction, 10,000 log lines/s followed", []limit{{Most: 50}}}, ours, all[len(all)/2])
	b.time(figure{"window: the same, 99 of 100", []limit{{Most: 50}}}, ours, all[len(all)*99/100])
	b.time(figure{"window: the same, slowest of 200", nil}, ours, all[len(all)-1])
	return nil
}

// hover puts the pointer on something, and tells when that looked otherwise.
func (w *opened) hover(ctx context.Context, on screen.Box) (time.Duration, error) {
	if err := w.pointer.Move(screen.Width/2, 20); err != nil {
		return 0, err
	}
	if err := pause(ctx, 200*time.Millisecond); err != nil {
		return 0, err
	}
	before := w.watch.Copy(on, nil)
	began := time.Now()
	if err := w.pointer.Move(on.X+on.Width/2, on.Y+on.Height/2); err != nil {
		return 0, err
	}
	err := w.soon(ctx, func() bool { return !w.watch.Same(on, before) })
	if err != nil {
		return 0, w.failed(fmt.Errorf("nothing comes of the pointer at %d, %d: %w", on.X, on.Y, err))
	}
	return time.Since(began), nil
}

// showLogs opens a container's log by the palette, as fast as a person types.
func (w *opened) showLogs(ctx context.Context, container string) error {
	for _, do := range []func() error{
		func() error { return w.screen.Press("ctrl+k") },
		func() error { return w.screen.Type(container) },
		func() error { return w.screen.Press("Tab") },
		func() error { return w.screen.Type("Show Logs") },
		func() error { return w.screen.Press("Return") },
	} {
		if err := do(); err != nil {
			return err
		}
		if err := pause(ctx, 700*time.Millisecond); err != nil {
			return err
		}
	}
	return pause(ctx, settle)
}
