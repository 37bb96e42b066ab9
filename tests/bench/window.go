package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"davit/tests/home"
	"davit/tests/screen"
)

// bareWindow is the peer of the window: one word, by the same Wails and WebKitGTK.
const bareWindow = "bare window"

// program is something that opens a window.
type program struct {
	name string // in the table
	path string
	home *home.Home
	text screen.Box // where its first content comes
}

// Where the window of its first size has its parts, in pixels; the display has
// that size. What a measurement clicks is checked by what comes of it.
var (
	whole   = screen.Box{Width: screen.Width, Height: screen.Height}
	panel   = screen.Box{X: 232, Y: 60, Width: 860, Height: 640}
	toList  = screen.Box{X: 20, Y: 60, Width: 100, Height: 18}  // "Containers" in the sidebar
	toOther = screen.Box{X: 20, Y: 208, Width: 100, Height: 18} // "Networks"
)

// opened is a window on a display of its own.
type opened struct {
	program
	dir     string
	screen  *screen.Session
	watch   *screen.Watch
	pointer *screen.Pointer
	cmd     *exec.Cmd
	began   time.Time
	clicked time.Time
}

// open starts a program on a new display.
func open(p program) (*opened, error) {
	dir, err := os.MkdirTemp("", "davit-display-")
	if err != nil {
		return nil, err
	}
	w := &opened{program: p, dir: dir}
	if err := w.start(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *opened) start() (err error) {
	if w.screen, err = screen.Start(w.dir); err != nil {
		return err
	}
	if w.watch, err = w.screen.Watch(); err != nil {
		return err
	}
	if w.pointer, err = w.screen.Pointer(); err != nil {
		return err
	}
	// Nothing is where the pointer is at first.
	if err := w.pointer.Move(screen.Width-1, screen.Height-1); err != nil {
		return err
	}
	w.cmd = exec.Command(w.path)
	w.cmd.Env = w.screen.Env(w.home.Env()...)
	w.began = time.Now()
	return w.cmd.Start()
}

// close ends the window, and waits until its web views and engine have ended.
func (w *opened) close() {
	if w.cmd != nil && w.cmd.Process != nil {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
	}
	if w.watch != nil {
		_ = w.watch.Close()
	}
	if w.pointer != nil {
		_ = w.pointer.Close()
	}
	if w.screen != nil {
		w.screen.Close()
	}
	_ = os.RemoveAll(w.dir)
}

// shown waits until a box shows text, and tells when since the start.
func (w *opened) shown(ctx context.Context, box screen.Box) (time.Duration, error) {
	err := w.soon(ctx, func() bool { return w.watch.Text(box) })
	if err != nil {
		return 0, w.failed(fmt.Errorf("%s shows no text: %w", w.name, err))
	}
	return time.Since(w.began), nil
}

// failed keeps what the display shows beside the numbers, for whoever wonders.
func (w *opened) failed(err error) error {
	return errors.Join(err, w.screen.Save(filepath.Join(os.Getenv("DAVIT_OUT"), "bench-failed.png")))
}

var errNotSoon = errors.New("not within 30 s")

// soon looks again and again until ok says so.
func (w *opened) soon(ctx context.Context, ok func() bool) error {
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return err
		}
		if time.Now().After(end) {
			return errNotSoon
		}
	}
	return nil
}

// windows are ours and the bare one, each with a place of its own.
func (b *bench) windows() (our, peer program, err error) {
	self, err := os.Executable()
	if err != nil {
		return our, peer, err
	}
	h, err := home.New(b.home.Bin)
	if err != nil {
		return our, peer, err
	}
	b.stale = append(b.stale, h)
	our = program{ours, filepath.Join(b.home.Bin, "davit-desktop"), b.home, panel}
	peer = program{bareWindow, filepath.Join(filepath.Dir(self), "davit-bare"), h, whole}
	return our, peer, nil
}

// inWindows makes a measure of one that is taken of our window beside the bare
// one: opening it, what it holds and does while it is open, how fast it answers.
func inWindows(take func(*bench, context.Context, program, program) error) func(*bench, context.Context) error {
	return func(b *bench, ctx context.Context) error {
		our, peer, err := b.windows()
		if err != nil {
			return err
		}
		return take(b, ctx, our, peer)
	}
}

// contents times the first content, in turns, warm and cold.
func (b *bench) contents(ctx context.Context, our, peer program) error {
	both := []program{our, peer}
	warm := figure{"window: first content, warm", []limit{{Peer: bareWindow, Most: 1.25}}}
	cold := figure{"window: first content, cold", []limit{{Peer: bareWindow, Most: 1.25}}}
	for _, p := range both { // what only the first start of all pays
		if _, _, err := b.contentOf(ctx, p); err != nil {
			return err
		}
	}
	for range 5 {
		for _, p := range both {
			took, _, err := b.contentOf(ctx, p)
			if err != nil {
				return err
			}
			b.time(warm, p.name, took)
		}
	}
	files := map[string][]string{}
	for range 4 {
		for _, p := range both {
			forget(files[p.name])
			took, mapped, err := b.contentOf(ctx, p)
			if err != nil {
				return err
			}
			if files[p.name] != nil {
				b.time(cold, p.name, took)
			}
			files[p.name] = mapped
		}
	}
	return nil
}

// contentOf opens a window until it shows its first content, and lists the files
// that its processes have mapped then.
func (b *bench) contentOf(ctx context.Context, p program) (time.Duration, []string, error) {
	w, err := open(p)
	if err != nil {
		return 0, nil, err
	}
	defer w.close()
	took, err := w.shown(ctx, p.text)
	if err != nil {
		return 0, nil, err
	}
	all, err := p.home.Processes()
	return took, mapped(all), err
}
