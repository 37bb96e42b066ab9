package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// The log that is written and read: a million lines, 100 MB.
const (
	logLines = 1_000_000
	logLine  = "a line of a log as services write them, of a hundred bytes in all with its newline, no more, no less"
)

// logs times how fast a container may write its log, and how fast it is read.
func (b *bench) logs(ctx context.Context) error {
	source := filepath.Join(b.home.Dir, "lines")
	if err := os.WriteFile(source, bytes.Repeat([]byte(logLine[:99]+"\n"), logLines), 0o644); err != nil {
		return err
	}
	defer os.Remove(source)
	loud := func(options ...string) step {
		flags := append([]string{"-d", "--name", "loud", "-v", source + ":/lines:ro"}, options...)
		return func(ctx context.Context, t tool) error {
			if err := made("run", append(flags, t.keepLog...), "cat", "/lines")(ctx, t); err != nil {
				return err
			}
			_, err := t.run(ctx, append([]string{"wait", "loud"}, t.waitQuickly...)...)
			return err
		}
	}
	rm := typed("rm", "-f", "loud")
	if err := b.inTurns(ctx, command{ratio("a log of 1,000,000 lines, 100 MB: run and written", 0.7), nil, loud(), rm}, max(b.rounds/3, 1)); err != nil {
		return err
	}
	for range 2 {
		if err := b.each(ctx, loud()); err != nil {
			return err
		}
		if err := b.each(ctx, func(ctx context.Context, t tool) error { return b.readBack(ctx, t) }); err != nil {
			return err
		}
		if err := b.inTurns(ctx, command{ratio("logs --tail 10 of it", 0.3), nil, typed("logs", "--tail", "10", "loud"), nil}, max(b.rounds/3, 1)); err != nil {
			return err
		}
		if err := b.each(ctx, rm); err != nil {
			return err
		}
	}
	return nil
}

// readBack times logs, and sees that every line comes.
func (b *bench) readBack(ctx context.Context, t tool) error {
	var n counter
	cmd := t.cmd(ctx, "logs", "loud")
	cmd.Stdout = &n
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s logs: %w", t.name, err)
	}
	b.time(ratio("logs of it", 0.1), t.name, time.Since(began))
	if n != logLines*100 {
		return fmt.Errorf("%s logs: %d bytes came back of %d", t.name, n, logLines*100)
	}
	return nil
}

// counter counts what is written to it.
type counter int

var _ io.Writer = (*counter)(nil)

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
