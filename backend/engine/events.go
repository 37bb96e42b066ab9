package engine

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"davit/backend/api"
	"davit/backend/store"
)

const (
	// maxEvents is how far back a cursor may reach.
	maxEvents = 1024
	// checkEvery is how often containers that run are looked at while somebody
	// listens: where the guard was killed with its keeper, no file tells.
	checkEvery = 2 * time.Second
)

// news gathers events. What happened, in whatever process, is in the journal,
// which is followed, and is told as it stands there: once, and in that order. What
// the journal does not name, files tell: that something is different is then an
// event without an action. Watching begins with the first listener and ends
// with the engine.
type news struct {
	e        *Engine
	watching sync.Mutex // held while watching is begun

	looking  sync.Mutex // held while networks are looked at
	networks map[string]seenNetwork

	mu      sync.Mutex
	events  []api.Event // the newest last
	cursor  uint64      // of the newest
	changed chan struct{}
	journal *store.JournalReader // nil: nobody listens yet
	known   map[string]seen      // what containers were when they were last read, by id
	ahead   map[string]bool      // containers whose death was told before the journal tells it
}

// begin sets the first cursor by the clock, so that no cursor of an engine
// before this one means anything here; it stays below what a float64 counts.
func (n *news) begin(e *Engine) {
	n.e = e
	n.cursor = uint64(time.Now().UnixMilli()) * 1000
	n.changed = make(chan struct{})
}

// tell writes down what happened, for those who listen now, in any process,
// and for who asks later.
func (n *news) tell(kind, action, id, name string) {
	n.note(api.Event{Type: kind, Action: action, ID: id, Name: name})
}

func (n *news) note(e api.Event) {
	e.Time = time.Now().UTC()
	err := store.Note(n.e.dirs, e)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		n.e.log.Warn("journal", "action", e.Action, "err", err)
		n.add(e) // who listens here hears of it all the same
		return
	}
	n.drain()
}

// own tells of what concerns this engine alone.
func (n *news) own(kind, action, id, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.add(api.Event{Type: kind, Action: action, ID: id, Name: name})
}

// differs tells that something of a kind is not what it was.
func (n *news) differs(kind string) { n.own(kind, "", "", "") }

// add adds an event; mu is held.
func (n *news) add(e api.Event) {
	n.cursor++
	e.Cursor = n.cursor
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	n.events = append(n.events, e)
	if len(n.events) > maxEvents {
		n.events = slices.Clone(n.events[len(n.events)-maxEvents/2:])
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

// drain tells what was added to the journal; mu is held.
func (n *news) drain() {
	if n.journal == nil || n.e.life.Err() != nil {
		return
	}
	events, err := n.journal.Next()
	if err != nil {
		n.e.log.Warn("follow the journal", "err", err) // the next change brings the rest
	}
	read := map[string]bool{}
	for _, e := range events {
		if e.Type == "container" && !read[e.ID] {
			read[e.ID] = true
			n.reread(e.ID) // what changed with the event is no news besides
		}
		if !n.told(e) {
			n.add(e)
		}
	}
}

// told tells whether a container's death was told before the journal did; mu is held.
func (n *news) told(e api.Event) bool {
	if e.Type != "container" || !n.ahead[e.ID] || !slices.Contains([]string{"start", "die", "destroy"}, e.Action) {
		return false
	}
	delete(n.ahead, e.ID)
	return e.Action == "die"
}

// watch begins to watch, once.
func (n *news) watch() error {
	n.watching.Lock()
	defer n.watching.Unlock()
	if n.journal != nil { // only here it is set
		return nil
	}
	if err := n.e.dirs.Make(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(n.e.life)
	ids, files, err := n.watches(ctx)
	if err != nil {
		cancel()
		return err
	}
	n.lookNetworks(ctx)
	if err := n.start(); err != nil {
		cancel()
		return err
	}
	n.e.work.Go(func() {
		defer cancel()
		n.follow(ctx, ids, files)
	})
	n.e.work.Go(func() { n.followRoutes(ctx) })
	return nil
}

func (n *news) watches(ctx context.Context) (ids, files <-chan string, err error) {
	if ids, err = store.WatchContainers(ctx, n.e.dirs); err == nil {
		files, err = store.WatchStore(ctx, n.e.dirs)
	}
	return ids, files, err
}

// start reads how things are, once the watches stand: nothing falls between.
// The journal comes first: what it names afterwards is told in any case.
func (n *news) start() error {
	journal, err := store.FollowJournal(n.e.dirs)
	if err != nil {
		return err
	}
	entries, err := store.ListContainers(n.e.dirs)
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known, n.ahead = map[string]seen{}, map[string]bool{}
	for _, e := range entries {
		n.known[e.Record.ID] = see(e)
	}
	n.journal = journal
	n.drain() // in case that no watch tells of it
	return nil
}

// follow ends when both channels are closed, which is when the engine ends.
func (n *news) follow(ctx context.Context, ids, files <-chan string) {
	defer n.forget()
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for ids != nil || files != nil {
		select {
		case id, ok := <-ids:
			switch {
			case !ok:
				ids = nil
			case id == "":
				_ = n.lookAll() // unreadable now: told at the next change
			default:
				n.look(id)
			}
		case path, ok := <-files:
			switch {
			case !ok:
				files = nil
			case path == n.e.dirs.Journal() || path == n.e.dirs.Data:
				n.mu.Lock()
				n.drain()
				n.mu.Unlock()
			case path == n.e.dirs.Images() || path == filepath.Join(n.e.dirs.Images(), "index.json"):
				n.differs("image")
			case strings.HasPrefix(path, n.e.dirs.Networks()):
				n.lookNetworks(ctx)
			}
		case <-tick.C:
			if n.check() {
				n.e.cfg.Brief()
			}
		}
	}
}

func (n *news) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.journal.Close(); err != nil {
		n.e.log.Warn("follow the journal", "err", err)
	}
}

// since gives the events after cursor and what is closed when there are more.
func (n *news) since(cursor uint64) ([]api.Event, <-chan struct{}, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	oldest := n.cursor - uint64(len(n.events))
	if cursor < oldest || cursor > n.cursor {
		return nil, nil, api.Errorf(api.KindConflict, "what happened since then is not known any more").
			WithHint("List again, and listen from now on.")
	}
	return slices.Clone(n.events[cursor-oldest:]), n.changed, nil
}

// Events implements api.Service.
func (e *Engine) Events(ctx context.Context, cursor uint64, sink func(api.Event) error) error {
	if err := e.news.watch(); err != nil {
		return explain(err)
	}
	if cursor == 0 {
		e.news.mu.Lock()
		cursor = e.news.cursor
		e.news.mu.Unlock()
	}
	events, changed, err := e.news.since(cursor)
	if err != nil {
		return explain(err)
	}
	if err := sink(api.Event{Cursor: cursor, Time: time.Now().UTC(), Type: "hello"}); err != nil {
		return explain(err)
	}
	for {
		for _, ev := range events {
			if err := sink(ev); err != nil {
				return explain(err)
			}
			cursor = ev.Cursor
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return explain(ctx.Err())
		case <-e.life.Done():
			return api.Errorf(api.KindUnavailable, "the engine has ended").WithHint("Try again.")
		}
		if events, changed, err = e.news.since(cursor); err != nil {
			return explain(err)
		}
	}
}
