package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"davit/app/front"
	"davit/backend/api"
	"davit/backend/store"
)

// engine opens a front of our own, with an engine that runs.
func (b *bench) engine(ctx context.Context) (api.Service, func(), error) {
	dirs, err := store.Locate(b.home.Getenv)
	if err != nil {
		return nil, nil, err
	}
	// The front hands its own environment to what it starts.
	for _, e := range b.home.Env() {
		name, value, _ := strings.Cut(e, "=")
		if err := os.Setenv(name, value); err != nil {
			return nil, nil, err
		}
	}
	f, err := front.Open(ctx, front.Options{Dirs: dirs, Bin: b.home.Bin})
	if err != nil {
		return nil, nil, err
	}
	closeFront := func() { _ = f.Close() }
	if _, err := f.Service().Containers(ctx, api.ContainerFilter{}); err != nil {
		closeFront()
		return nil, nil, err
	}
	return f.Service(), closeFront, nil
}

// resident times create and start as the window has them: over the wire to an
// engine that runs already. No command of a peer does the same; beside it
// stands the barest start there can be.
func (b *bench) resident(ctx context.Context) error {
	s, closeFront, err := b.engine(ctx)
	if err != nil {
		return err
	}
	defer closeFront()
	floor, err := newFloor(ctx, filepath.Join(b.home.Dir, "floor"))
	if err != nil {
		return err
	}
	defer floor.close()
	both := figure{"engine: create and start", []limit{{Most: 35}, {Peer: "floor", Most: 2}}}
	for range 2 * b.rounds {
		began := time.Now()
		c, err := s.Create(ctx, api.RunSpec{Image: image, Command: patient})
		if err != nil {
			return err
		}
		created := time.Now()
		if err := s.Start(ctx, c.ID); err != nil {
			return err
		}
		b.time(both, ours, time.Since(began))
		b.time(figure{"engine: create", nil}, ours, created.Sub(began))
		b.time(figure{"engine: start", nil}, ours, time.Since(created))
		if err := s.Remove(ctx, c.ID, api.RemoveOptions{Force: true}); err != nil {
			return err
		}
		took, err := floor.start()
		if err != nil {
			return err
		}
		b.time(both, "floor", took)
	}
	return nil
}

// floor is the program of that name beside ours, which starts bare containers.
type floor struct {
	cmd   *exec.Cmd
	ask   io.WriteCloser
	reply *bufio.Scanner
}

func newFloor(ctx context.Context, dir string) (*floor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &floor{cmd: exec.CommandContext(ctx, filepath.Join(filepath.Dir(self), "floor"), dir)}
	f.cmd.Stderr = os.Stderr
	if f.ask, err = f.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	f.reply = bufio.NewScanner(out)
	return f, f.cmd.Start()
}

func (f *floor) start() (time.Duration, error) {
	if _, err := fmt.Fprintln(f.ask); err != nil {
		return 0, err
	}
	if !f.reply.Scan() {
		return 0, fmt.Errorf("floor ended: %w", io.ErrUnexpectedEOF)
	}
	us, err := strconv.Atoi(f.reply.Text())
	return time.Duration(us) * time.Microsecond, err
}

func (f *floor) close() {
	_ = f.ask.Close()
	_ = f.cmd.Wait()
}
