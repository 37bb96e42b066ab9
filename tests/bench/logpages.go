package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"davit/backend/api"
)

// pages times what the view of a log asks for, in one of a million lines and
// 100 MB: over the wire to an engine that runs already. No command of a peer
// does the same.
func (b *bench) pages(ctx context.Context) (err error) {
	s, closeFront, err := b.engine(ctx)
	if err != nil {
		return err
	}
	defer closeFront()
	first, second, err := b.written(ctx)
	if err != nil {
		return err
	}
	mid, err := middle(ctx, s, first)
	if err != nil {
		return err
	}
	page, hits := 1000, 5000
	for _, ask := range []struct {
		what  string
		most  float64
		query api.LogQuery
		lines int
	}{
		{"first page of a log of 100 MB", 50, api.LogQuery{Tail: &page}, page},
		{"a page from its middle", 50, api.LogQuery{Before: mid, Tail: &page}, page},
		{"the lines since a moment in its middle, a page", 50, api.LogQuery{After: mid, Limit: page}, page},
		{"its last errors, a page", 500, api.LogQuery{Level: "error", Tail: &page}, page},
		{"the first page of two such logs as one", 50, api.LogQuery{With: []string{second}, Tail: &page}, page},
		{"search through it: nothing", 500, api.LogQuery{Search: "no such thing", Tail: &hits}, 0},
		{"search through it: the first line", 500, api.LogQuery{Search: "REQUEST 0 ", Tail: &hits}, 1},
		{"search through it: every line", 500, api.LogQuery{Search: "served", Tail: &hits}, hits},
	} {
		ask.query.Cursors, ask.query.Levels = true, true
		for range b.rounds {
			n := 0
			began := time.Now()
			if err := s.Logs(ctx, first, ask.query, func(api.LogLine) error { n++; return nil }); err != nil {
				return err
			}
			b.time(figure{ask.what, []limit{{Most: ask.most}}}, ours, time.Since(began))
			if n != ask.lines {
				return fmt.Errorf("%s: %d lines, want %d", ask.what, n, ask.lines)
			}
		}
	}
	return nil
}

// written are two containers that have written such logs.
func (b *bench) written(ctx context.Context) (first, second string, err error) {
	source := filepath.Join(b.home.Dir, "requests")
	var text bytes.Buffer
	for i := range logLines {
		level := "INFO"
		if i%500 == 0 {
			level = "ERROR"
		}
		fmt.Fprintf(&text, "%-99s\n", fmt.Sprintf("%s request %d was served by one of the workers of this service, in %d ms", level, i, i%97))
	}
	if err := os.WriteFile(source, text.Bytes(), 0o644); err != nil {
		return "", "", err
	}
	defer os.Remove(source)
	davit := b.tools[0]
	for _, name := range []string{"first", "second"} {
		if _, err := davit.run(ctx, "run", "-d", "--name", name, "-v", source+":/lines:ro", image, "cat", "/lines"); err != nil {
			return "", "", err
		}
		if _, err := davit.run(ctx, "wait", name); err != nil {
			return "", "", err
		}
	}
	return "first", "second", nil
}

// middle is the cursor of a line in the middle of a log.
func middle(ctx context.Context, s api.Service, ref string) (string, error) {
	cursor, tail := "", logLines/2
	err := s.Logs(ctx, ref, api.LogQuery{Tail: &tail, Limit: 1, Cursors: true}, func(l api.LogLine) error {
		cursor = l.Cursor
		return nil
	})
	return cursor, err
}
