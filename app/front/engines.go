package front

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"davit/backend/api"
	"davit/backend/userns/keeper"
	"davit/backend/wire"
)

// starter starts an engine that inherits the control socket as descriptor 3.
// Closing what it gives ends the engine for certain; the control socket's
// end does so politely.
type starter func(ctx context.Context, control *os.File) (interface{ Close() error }, error)

// keeperStart has the person's keeper start engines, and the keeper itself
// where none runs.
func keeperStart(o Options, bin map[string]string) starter {
	return func(ctx context.Context, control *os.File) (interface{ Close() error }, error) {
		for n := 1; ; n++ {
			hold, err := spawn(ctx, o, bin, control)
			if !died(err) || n == spawnLimit {
				return hold, err
			}
		}
	}
}

// spawnLimit bounds how often a keeper may be killed while it starts an engine.
const spawnLimit = 5

func died(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func spawn(ctx context.Context, o Options, bin map[string]string, control *os.File) (interface{ Close() error }, error) {
	// One connection for each engine: the keeper ends with it what it spawned for it.
	k, err := keeper.Ensure(ctx, keeper.Options{Dirs: o.Dirs, GuardBinary: bin["davit-guard"], Log: o.Log})
	if err != nil {
		return nil, err
	}
	_, err = k.Spawn(ctx, keeper.Spawn{
		Args: []string{bin["davit"], "engine"}, Env: environment(os.Environ(), os.Getuid()), Files: []*os.File{control}, DieWith: true,
	})
	if err != nil {
		_ = k.Close()
		return nil, err
	}
	return k, nil
}

// environment is what an engine gets of ours: all of it, for proxies and
// credential helpers, within what one message to the keeper holds, and with
// the uid that 0 stands for inside.
func environment(ours []string, uid int) []string {
	env := []string{"DAVIT_UID=" + strconv.Itoa(uid)}
	room := 64 << 10
	for _, e := range ours {
		name, _, _ := strings.Cut(e, "=")
		mine := name == "DAVIT_UID" || name == "DAVIT_FILES" || name == "DAVIT_DEPOSITS"
		if mine || len(e) > room/4 {
			continue
		}
		room -= len(e)
		env = append(env, e)
	}
	return env
}

// engines are the engines of one front, one at a time.
type engines struct {
	life  context.Context // of the front: an engine outlives the call that started it
	end   context.CancelFunc
	start starter
	log   *slog.Logger
	gone  func() // called when an engine has ended
	watch sync.WaitGroup

	mu      sync.Mutex
	current *engine
	closed  bool
}

// engine is a running one.
type engine struct {
	*wire.Dialer
	hold interface{ Close() error }
}

func newEngines(life context.Context, start starter, log *slog.Logger) *engines {
	e := &engines{start: start, log: log, gone: func() {}}
	e.life, e.end = context.WithCancel(life)
	return e
}

// dial connects to the engine, starting one where none runs.
func (e *engines) dial(ctx context.Context) (net.Conn, error) {
	for retry := true; ; retry = false {
		g, err := e.running(ctx)
		if err != nil {
			return nil, hostError(err)
		}
		c, err := g.Dial(ctx)
		if err == nil || !retry {
			return c, err
		}
		e.forget(g) // it died a moment ago
	}
}

// hostError: everything between this front and its engine is the host's
// doing, and the checks of the set-up page find out which.
func hostError(err error) error {
	x := api.AsError(err)
	if x.Kind != api.KindInternal {
		return x
	}
	return api.Errorf(api.KindHost, "start the engine: %w", err).
		WithHint("`davit doctor` tries each thing that Davit needs from this machine and says how to mend it.")
}

func (e *engines) running(ctx context.Context) (*engine, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return nil, api.Errorf(api.KindUnavailable, "this front is closed")
	case e.current != nil:
		return e.current, nil
	case ctx.Err() != nil:
		return nil, api.AsError(ctx.Err())
	}
	d, control, err := wire.DialControl()
	if err != nil {
		return nil, err
	}
	hold, err := e.start(e.life, control)
	_ = control.Close() // the engine has its own
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	g := &engine{Dialer: d, hold: hold}
	e.current = g
	e.watch.Go(func() {
		d.Gone()
		e.forget(g)
	})
	return g, nil
}

// forget lets go of an engine that has ended.
func (e *engines) forget(g *engine) {
	e.mu.Lock()
	mine := e.current == g
	if mine {
		e.current = nil
	}
	closed := e.closed
	e.mu.Unlock()
	if !mine {
		return
	}
	if !closed {
		e.log.Warn("the engine has ended; the next call starts another")
	}
	_ = g.Close()
	_ = g.hold.Close()
	e.gone()
}

func (e *engines) close() error {
	e.end() // first: an engine that is just being started holds the lock
	e.mu.Lock()
	e.closed = true
	g := e.current
	e.mu.Unlock()
	if g != nil {
		e.forget(g)
	}
	e.watch.Wait()
	return nil
}
