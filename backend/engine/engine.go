package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"davit/backend/api"
	"davit/backend/image"
	"davit/backend/store"
)

// Config is what an engine is made of.
type Config struct {
	Dirs    store.Dirs
	Version string // of Davit
	// GuardBinary is the absolute path of davit-guard; it is needed where Guard is nil.
	GuardBinary string
	Log         *slog.Logger // nil: nothing is logged
	// Doctor makes the checks of api.System.Doctor; nil: there are none, for
	// the front makes them.
	Doctor func(context.Context) ([]api.Check, error)
	// Brief is called after the small things that are done every few seconds
	// while somebody looks; nil: nobody wants to know.
	Brief func()
	// Guard and Images are given by tests; nil: the real ones.
	Guard  Guard
	Images Images
}

// Engine is the real api.Service. Close ends what it has under way.
type Engine struct {
	cfg    Config
	dirs   store.Dirs
	log    *slog.Logger
	guard  Guard
	images lazyImages
	ops    operations
	news   news
	swept  sync.Once
	// settled: the guard has answered once, so that what ran before it is known.
	settled atomic.Bool

	life context.Context // of the engine's own goroutines
	end  context.CancelCauseFunc
	work sync.WaitGroup
}

var _ api.Service = (*Engine)(nil)

// New makes an engine. It touches nothing yet.
func New(c Config) *Engine {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Brief == nil {
		c.Brief = func() {}
	}
	e := &Engine{cfg: c, dirs: c.Dirs, log: c.Log, guard: c.Guard}
	e.life, e.end = context.WithCancelCause(context.Background())
	if e.guard == nil {
		e.guard = realGuard(c)
	}
	e.images.open = func() (Images, error) { return realImages(c) }
	if c.Images != nil {
		e.images.open = func() (Images, error) { return c.Images, nil }
	}
	e.ops.begin(e)
	e.news.begin(e)
	return e
}

// Close ends operations and watches and waits for both. A pull that it ends
// goes on from what it has fetched when it is asked for again.
func (e *Engine) Close() error {
	e.end(image.ErrShutdown)
	e.work.Wait()
	e.ops.leaveAll()
	return nil
}
