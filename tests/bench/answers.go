package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"davit/backend/api"
	"davit/tests/screen"
)

// crowded is how many containers a long list has.
const crowded = 500

// answers times the window's answers to clicks.
func (b *bench) answers(ctx context.Context, our, _ program) error {
	if err := b.people(ctx); err != nil {
		return err
	}
	if err := b.inWindow(ctx, our, b.clicks); err != nil {
		return err
	}
	done, err := b.addContainers(ctx, crowded-few)
	if err != nil {
		return err
	}
	if err := b.inWindow(ctx, our, b.longList); err != nil {
		return err
	}
	return done()
}

// inWindow opens a window, lets it come to rest, and does something with it.
func (b *bench) inWindow(ctx context.Context, p program, do func(context.Context, *opened) error) error {
	w, err := open(p)
	if err != nil {
		return err
	}
	defer w.close()
	if _, err := w.shown(ctx, p.text); err != nil {
		return err
	}
	if err := pause(ctx, settle); err != nil {
		return err
	}
	return do(ctx, w)
}

// clicks times click to visible reaction: another view in the content's place.
func (b *bench) clicks(ctx context.Context, w *opened) error {
	for i := range 2 * b.rounds {
		to := toOther
		if i%2 == 1 {
			to = toList
		}
		took, err := w.click(ctx, to)
		if err != nil {
			return err
		}
		b.time(figure{"window: click to visible reaction", []limit{{Most: 50}}}, ours, took)
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}

// click presses something and tells when the content was first another.
func (w *opened) click(ctx context.Context, on screen.Box) (time.Duration, error) {
	if err := w.pointer.Move(on.X+on.Width/2, on.Y+on.Height/2); err != nil {
		return 0, err
	}
	// What hovering does is over.
	if err := pause(ctx, 300*time.Millisecond); err != nil {
		return 0, err
	}
	before := w.watch.Copy(panel, nil)
	w.clicked = time.Now()
	if err := w.pointer.Press(); err != nil {
		return 0, err
	}
	err := w.soon(ctx, func() bool { return !w.watch.Same(panel, before) })
	if err != nil {
		return 0, w.failed(fmt.Errorf("nothing comes of a click at %d, %d: %w", on.X, on.Y, err))
	}
	return time.Since(w.clicked), nil
}

// longList times a click on the section until the list has become what it
// stays: nothing in it moves by itself.
func (b *bench) longList(ctx context.Context, w *opened) error {
	for range b.rounds {
		if _, err := w.click(ctx, toOther); err != nil {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		if _, err := w.click(ctx, toList); err != nil {
			return err
		}
		took, err := w.lastChange(ctx)
		if err != nil {
			return err
		}
		b.time(figure{"window: list of 500 drawn", []limit{{Most: 100}}}, ours, took)
	}
	return nil
}

// still is how long nothing must have changed for a list to be drawn: longer
// than anything takes, shorter than to the next statistics.
const still = 400 * time.Millisecond

// lastChange watches the content until it has been still, and tells how long
// after the last click it last changed.
func (w *opened) lastChange(ctx context.Context) (time.Duration, error) {
	last := time.Now()
	now := w.watch.Copy(panel, nil)
	for time.Since(last) < still {
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return 0, err
		}
		if !w.watch.Same(panel, now) {
			last, now = time.Now(), w.watch.Copy(panel, now)
		}
	}
	return last.Sub(w.clicked), nil
}

// addContainers makes containers that do not run; done removes them.
func (b *bench) addContainers(ctx context.Context, n int) (done func() error, err error) {
	s, closeFront, err := b.engine(ctx)
	if err != nil {
		return nil, err
	}
	defer closeFront()
	var ids []string
	for range n {
		c, err := s.Create(ctx, api.RunSpec{Image: image, Command: patient})
		if err != nil {
			return nil, err
		}
		ids = append(ids, c.ID)
	}
	return func() error {
		var errs []error
		for some := range slices.Chunk(ids, many) {
			_, err := b.tools[0].run(ctx, append([]string{"rm"}, some...)...)
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}, nil
}
