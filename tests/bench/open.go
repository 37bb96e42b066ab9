package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"davit/tests/home"
)

// few is how many containers a person has running.
const few = 10

// How long an open window is left alone before it is looked at, and looked at.
const (
	grace = 10 * time.Second
	while = 20 * time.Second
)

// opened takes what an open window holds and does: with nothing running, and
// with a few containers whose statistics are on screen.
func (b *bench) opened(ctx context.Context, our, peer program) error {
	for range 3 {
		if err := b.held(ctx, peer, figure{"memory, window open, 10 containers", []limit{{Peer: bareWindow, Beyond: 60}}}, figure{}); err != nil {
			return err
		}
		if err := b.held(ctx, our, figure{"memory, window open, nothing runs", nil}, figure{"window: CPU, nothing runs", []limit{{Most: 0.5}}}); err != nil {
			return err
		}
	}
	if err := b.people(ctx); err != nil {
		return err
	}
	for range 3 {
		if err := b.held(ctx, our, figure{"memory, window open, 10 containers", nil}, figure{"window: CPU, 10 containers' statistics on screen", []limit{{Most: 3}}}); err != nil {
			return err
		}
	}
	return nil
}

// people has a few containers run, once.
func (b *bench) people(ctx context.Context) error {
	for i := 0; i < few && !b.peopled; i++ {
		if err := runNumbered(ctx, b.tools[0], i); err != nil {
			return err
		}
	}
	b.peopled = true
	return nil
}

// held opens a window and takes its memory and, where that is asked for, the
// share of one processor that all its processes take.
func (b *bench) held(ctx context.Context, p program, memory, busy figure) error {
	w, err := open(p)
	if err != nil {
		return err
	}
	defer w.close()
	if _, err := w.shown(ctx, p.text); err != nil {
		return err
	}
	if err := pause(ctx, grace); err != nil {
		return err
	}
	all, err := p.home.Processes()
	if err != nil {
		return err
	}
	b.pss(memory, p.name, all)
	if busy.what == "" {
		return nil
	}
	before, began := ticks(all), time.Now()
	if err := pause(ctx, while); err != nil {
		return err
	}
	b.add(busy, "%", p.name, 100*float64(ticks(all)-before)/ticksPerSecond/time.Since(began).Seconds())
	return w.stillThere()
}

// ticksPerSecond is USER_HZ, the same on all machines that Linux runs on today.
const ticksPerSecond = 100

// ticks adds up the processor time of processes.
func ticks(all []home.Process) int {
	sum := 0
	for _, p := range all {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID), "stat"))
		if err != nil {
			continue
		}
		// The name may hold spaces; after it come state, …, utime (14th) and stime (15th).
		f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, field := range f[11:13] {
			n, _ := strconv.Atoi(field)
			sum += n
		}
	}
	return sum
}

// stillThere says so where a window has ended while it was looked at.
func (w *opened) stillThere() error {
	if !w.watch.Text(w.text) {
		return fmt.Errorf("%s shows nothing any more", w.name)
	}
	return nil
}
