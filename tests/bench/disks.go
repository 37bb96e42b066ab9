package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"davit/tests/home"
)

// disks hands out empty file systems. build/bench-disks, which root started,
// makes them; without it places lie in the directory for temporary files, and
// none is removed before the end: after a mass delete ext4 looks past freed
// inodes, and creating a file costs ten times as much.
type disks struct {
	ask    *os.File // nil: there are none
	answer *os.File
	lines  *bufio.Reader
}

func openDisks() (*disks, error) {
	dir := os.Getenv("DAVIT_BENCH_DISKS")
	if dir == "" {
		fmt.Fprintln(os.Stderr, "bench: only root can make file systems, so images are pulled onto that of", os.TempDir(), "as it is: expect other figures")
		return &disks{}, nil
	}
	answer, err := os.OpenFile(filepath.Join(dir, "answer"), os.O_RDWR, 0) // so that opening waits for nobody
	if err != nil {
		return nil, err
	}
	ask, err := os.OpenFile(filepath.Join(dir, "ask"), os.O_WRONLY, 0)
	if err != nil {
		return nil, errors.Join(err, answer.Close())
	}
	return &disks{ask: ask, answer: answer, lines: bufio.NewReader(answer)}, nil
}

// home makes a place on a file system of its own. done ends what runs there
// and takes both away.
func (d *disks) home(b *bench) (h *home.Home, done func() error, err error) {
	if d.ask == nil {
		h, err = home.New(os.Getenv("DAVIT_BIN"))
		b.stale = append(b.stale, h)
		return h, func() error { return nil }, err
	}
	dir, err := d.say("new")
	if err != nil {
		return nil, nil, err
	}
	if h, err = home.NewIn(os.Getenv("DAVIT_BIN"), dir); err != nil {
		return nil, nil, err
	}
	return h, func() error {
		_, err := d.say("done " + dir)
		return errors.Join(h.Quiet(), err)
	}, nil
}

func (d *disks) say(what string) (string, error) {
	if _, err := fmt.Fprintln(d.ask, what); err != nil {
		return "", fmt.Errorf("file systems: %s: %w", what, err)
	}
	line, err := d.lines.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("file systems: %s: %w", what, err)
	}
	line = strings.TrimSpace(line)
	if problem, ok := strings.CutPrefix(line, "error "); ok {
		return "", fmt.Errorf("file systems: %s: %s", what, problem)
	}
	return line, nil
}

func (d *disks) close() error {
	if d.ask == nil {
		return nil
	}
	return errors.Join(d.ask.Close(), d.answer.Close())
}
