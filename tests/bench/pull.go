package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"davit/tests/home"
)

// pullRounds is how often each image is pulled by each tool, in turns.
const pullRounds = 3

// pulled is an image whose pulls are timed.
type pulled struct {
	name string
	make func() (v1.Image, error)
}

func toPull() []pulled {
	return []pulled{
		{"61 MB, 1 layer", func() (v1.Image, error) { return synthetic(1, 9_000, 61<<20) }},
		{"320 MB, 7 layers, 60,000 entries", func() (v1.Image, error) { return synthetic(7, 60_000, 320<<20) }},
	}
}

// pulls measures how images come from a registry on this machine, each time
// onto a file system of its own where root started the benchmark.
func (b *bench) pulls(ctx context.Context) (err error) {
	addr, end, err := dockerRegistry(b.home.Dir)
	if err != nil || addr == "" {
		return err
	}
	defer end()
	disks, err := openDisks()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disks.close()) }()
	tools := b.pullers(ctx)
	for n, i := range toPull() {
		ref := fmt.Sprintf("%s/bench/image:%d", addr, n)
		if err := fill(ctx, ref, i); err != nil {
			return err
		}
		for round := range pullRounds {
			for _, t := range tools {
				if err := b.pullOnce(ctx, disks, t, i.name, ref, round); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// fill puts an image into a registry.
func fill(ctx context.Context, ref string, i pulled) error {
	img, err := i.make()
	if err != nil {
		return err
	}
	tag, err := name.NewTag(ref, name.Insecure)
	if err != nil {
		return err
	}
	if err := remote.Write(tag, img, remote.WithContext(ctx), remote.WithJobs(2)); err != nil {
		return fmt.Errorf("fill the registry: %w", err)
	}
	return nil
}

// pullOnce pulls into a new place and looks at what that took.
func (b *bench) pullOnce(ctx context.Context, d *disks, t puller, what, ref string, round int) (err error) {
	h, done, err := d.home(b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, endPodman(h), done()) }()
	used, place, err := b.pullTimed(ctx, t, h, what, ref)
	if err != nil {
		return err
	}
	disk, err := diskOf(filepath.Join(h.Dir, t.disk))
	if err != nil {
		return err
	}
	b.time(ratio("pull "+what, 0.6), t.name, used.wall)
	b.add(ratio("pull "+what+", CPU", 0.8), "ms", t.name, float64(used.cpu.Milliseconds()))
	b.add(ratio("pull "+what+", peak memory", 1), "MB", t.name, float64(used.peak)*1024/1e6)
	b.add(ratio("pull "+what+", disk", 1.05), "MB", t.name, float64(disk)/1e6)
	for range 3 {
		began := time.Now()
		if t.again == nil {
			break
		}
		if _, err := place.run(ctx, t.again(h, ref)...); err != nil {
			return err
		}
		b.time(ratio("pull again "+what, 0.4), t.name, time.Since(began))
	}
	if t.name == ours && round == 0 {
		return b.look(ctx, place, what, ref)
	}
	return nil
}

// pullTimed makes the tool's store in a place and pulls into it.
func (b *bench) pullTimed(ctx context.Context, t puller, h *home.Home, what, ref string) (usage, tool, error) {
	place := t.in(h)
	if t.prepare != nil {
		if _, err := place.run(ctx, t.prepare...); err != nil {
			return usage{}, place, err
		}
	}
	used, err := watched(ctx, place, h, t.pull(h, ref))
	return used, place, err
}

// look times the layer view, the first and the second time.
func (b *bench) look(ctx context.Context, t tool, what, ref string) error {
	for _, f := range []figure{{"layers of " + what + ", first time", nil}, {"layers of " + what + ", again", []limit{{Most: 1000}}}} {
		began := time.Now()
		if _, err := t.run(ctx, "image", "dive", ref); err != nil {
			return err
		}
		b.time(f, ours, time.Since(began))
	}
	return nil
}
