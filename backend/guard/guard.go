package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/userns"
	"davit/backend/userns/fdmsg"
	"davit/backend/userns/keeper"
)

// linger is how long a guard without running containers waits for the next one.
const linger = 10 * time.Second

// Config is what the guard works with.
type Config struct {
	Dirs    store.Dirs
	Runtime Runtime
	Network Network
	Log     *slog.Logger
}

// Guard is the guard's state.
type Guard struct {
	Config
	keeper *keeper.Client // deposits

	ctx    context.Context // the guard's own life
	cancel context.CancelCauseFunc

	mu         sync.Mutex
	containers map[string]*container
	exits      map[process]keeper.Exit  // of what earlier guards started
	busy       int                      // requests under way, and runs
	noted      func() map[string]string // see lastNoted
	trim       userns.Trimmer
	idle       *time.Timer
}

// process tells processes apart: pids are used again.
type process struct {
	pid   int
	start uint64
}

// errIdle ends a guard that nothing needs.
var errIdle = errors.New("nothing to guard")

// Main is the guard's role: it serves until nothing needs it or the keeper
// has gone.
func Main(cfg Config) error {
	userns.Deaf()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	k, err := keeper.Dial(ctx, cfg.Dirs)
	if err != nil {
		return err
	}
	defer func() { _ = k.Close() }()
	// One that lost its keeper may still be ending its containers.
	if lock, err := store.AwaitDir(ctx, cfg.Dirs.Containers()); err == nil { // else there are no containers
		defer func() { _ = lock.Unlock() }()
	}
	g := &Guard{Config: cfg, keeper: k, ctx: ctx, cancel: cancel, containers: map[string]*container{}, exits: map[process]keeper.Exit{}}
	g.noted = sync.OnceValue(g.lastNoted)
	g.idle = time.AfterFunc(linger, func() { g.tryEnd() })
	exits, err := keeper.Dial(ctx, cfg.Dirs)
	if err != nil {
		return err
	}
	told := make(chan struct{})
	go g.watchExits(exits, func() { close(told) })
	select { // how containers ended that an earlier guard left
	case <-told:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	g.adopt()
	l, err := fdmsg.Open(cfg.Dirs.GuardSocket())
	if err != nil {
		return err
	}
	go g.sampling()
	g.reconcile()
	go g.accept(l) // who connected before has waited for it
	<-ctx.Done()
	_ = l.Close()
	if cause := context.Cause(ctx); cause != errIdle {
		g.killAll()
		return cause
	}
	return nil
}

// watchExits hears of containers that an earlier guard started. When the
// keeper goes, so does everything.
func (g *Guard) watchExits(c *keeper.Client, past func()) {
	err := c.Exits(g.ctx, past, func(e keeper.Exit) {
		g.mu.Lock()
		g.exits[process{e.PID, e.Start}] = e
		g.mu.Unlock()
		for _, ct := range g.all() {
			ct.orphanEnded(e)
		}
	})
	g.cancel(fmt.Errorf("the keeper has gone: %w", err))
}

func (g *Guard) accept(l *fdmsg.Door) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go g.serve(c)
	}
}

func (g *Guard) serve(c *net.UnixConn) {
	defer func() { _ = c.Close() }()
	g.enter()
	defer g.leave()
	var req request
	files, err := fdmsg.Receive(c, &req)
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(g.ctx)
	defer cancel()
	// Who goes away does not wait any longer. Nothing else is ever sent.
	go func() {
		var none struct{}
		_, _ = fdmsg.Receive(c, &none)
		cancel()
	}()
	r, err := g.answer(ctx, req, files)
	r.Error = api.AsError(err)
	if err := fdmsg.Send(c, r); err != nil && r.Error == nil {
		g.Log.Debug("nobody waited for the answer", "op", req.Op, "err", err)
	}
}

// do owns files.
func (g *Guard) do(ctx context.Context, req request, files []*os.File) (api.Exit, error) {
	var conn *net.UnixConn
	if req.Op == opAttach || req.Op == opExec || req.Op == opHold {
		if len(files) != 1 {
			fdmsg.CloseAll(files)
			return api.Exit{}, api.Errorf(api.KindInvalid, "guard: %s without a stream", req.Op)
		}
		var err error
		if conn, err = fdmsg.Conn(files[0]); err != nil {
			return api.Exit{}, err
		}
	} else {
		fdmsg.CloseAll(files)
	}
	if req.Op == opSettle { // nobody is served before reconcile has returned
		return api.Exit{}, nil
	}
	c, err := g.container(req.ID)
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return api.Exit{}, err
	}
	switch req.Op {
	case opStart:
		return api.Exit{}, c.start(ctx)
	case opStop:
		return api.Exit{}, c.stop(ctx, req.Stop)
	case opKill:
		return api.Exit{}, c.kill(req.Signal)
	case opWait:
		return c.wait(ctx)
	case opAttach:
		return api.Exit{}, c.attach(ctx, conn, req.Attach)
	case opExec:
		return api.Exit{}, c.exec(conn, req.Exec)
	case opHold:
		return api.Exit{}, c.hold(conn)
	case opRelease:
		return api.Exit{}, c.release()
	}
	return api.Exit{}, api.Errorf(api.KindInvalid, "guard: unknown request %q", req.Op)
}

// container gives the container with that complete id. What comes over the
// wire or from a deposit's tag becomes a path only if it is an id.
func (g *Guard) container(id string) (*container, error) {
	if !store.IsID(id) {
		return nil, api.Errorf(api.KindNotFound, "no container %q", id).WithRef(id)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.containers[id]; c != nil {
		return c, nil
	}
	c, err := g.load(id)
	if err != nil {
		return nil, err
	}
	g.containers[id] = c
	return c, nil
}

// forget drops a container whose directory goes.
func (g *Guard) forget(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.containers, id)
}

// enter and leave count what keeps the guard from ending.
func (g *Guard) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy++
	g.idle.Stop()
}

func (g *Guard) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trim.Touch()
	g.busy--
	if g.busy == 0 {
		g.idle.Reset(linger)
	}
}

// tryEnd ends the guard if it is idle. Runs and restarts under way count as
// busy (see run).
func (g *Guard) tryEnd() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy == 0 {
		g.cancel(errIdle)
	}
}

// killAll ends every container: without a keeper there is nobody left to
// see them end.
func (g *Guard) killAll() {
	var wg sync.WaitGroup
	for _, c := range g.all() {
		wg.Go(c.killForGood)
	}
	wg.Wait()
}

// all lists the containers known. Containers lock themselves before the guard,
// so that nobody may hold the guard's lock while asking one.
func (g *Guard) all() []*container {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Values(g.containers))
}
