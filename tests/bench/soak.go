package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"davit/tests/home"
	"davit/tests/screen"
)

// soak is only measured when it is asked for: it takes as long as -soak says.
const soak = "soak"

// The tabs of an open container beside the list, and how long the window stays
// on each.
var (
	logsTab  = screen.Box{X: 667, Y: 56, Width: 30, Height: 18}
	statsTab = screen.Box{X: 851, Y: 56, Width: 34, Height: 18}
)

const stay = 30 * time.Second

// soak leaves the window open for a long time with a log that streams, and
// statistics of ten containers, on screen, and sees what its memory does.
func (b *bench) soak(ctx context.Context) error {
	our, _, err := b.windows()
	if err != nil {
		return err
	}
	for i := range few - 1 {
		if err := runNumbered(ctx, b.tools[0], i); err != nil {
			return err
		}
	}
	source, err := b.pour(ctx, "stream", 100)
	if err != nil {
		return err
	}
	defer os.Remove(source)
	return b.inWindow(ctx, our, b.stream)
}

// stream takes the memory again and again, and compares the last quarter of
// the time with the second: the first is for what is filled once.
func (b *bench) stream(ctx context.Context, w *opened) error {
	if err := w.showLogs(ctx, "stream"); err != nil {
		return err
	}
	var series [][]home.Process
	for end := time.Now().Add(b.long); time.Now().Before(end); {
		for _, tab := range []screen.Box{logsTab, statsTab} {
			if _, err := w.click(ctx, tab); err != nil {
				return err
			}
			if err := pause(ctx, stay); err != nil {
				return err
			}
			all, err := w.home.Processes()
			if err != nil {
				return err
			}
			series = append(series, all)
			fmt.Fprintf(os.Stderr, "bench: %s\n", parts(all))
		}
	}
	quarter := len(series) / 4
	for i := range quarter {
		b.pss(figure{"soak: memory, second quarter", nil}, ours, series[quarter+i])
		b.pss(figure{"soak: memory, last quarter", nil}, ours, series[len(series)-quarter+i])
		b.add(figure{"soak: growth between the two", []limit{{Most: 5}}}, "MB", ours, sum(series[len(series)-quarter+i])-sum(series[quarter+i]))
	}
	return nil
}
