package engine

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
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

// news gathers events: what this engine does, and what others do to the files.
// Watching begins with the first listener and ends with the engine.
type news struct {
	e        *Engine
	watching sync.Mutex // held while watching is begun

	mu      sync.Mutex
	events  []api.Event // the newest last
	cursor  uint64      // of the newest
	changed chan struct{}
	known   map[string]seen // containers by id; nil: nobody listens yet
}

// seen is what was last known of a container.
type seen struct {
	name    string
	state   api.State
	started time.Time
}

// begin sets the first cursor by the clock, so that no cursor of an engine
// before this one means anything here; it stays below what a float64 counts.
func (n *news) begin(e *Engine) {
	n.e = e
	n.cursor = uint64(time.Now().UnixMilli()) * 1000
	n.changed = make(chan struct{})
}

// tell adds an event.
func (n *news) tell(kind, action, id, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.add(kind, action, id, name)
}

// add is tell with mu held.
func (n *news) add(kind, action, id, name string) {
	n.cursor++
	n.events = append(n.events, api.Event{
		Cursor: n.cursor, Time: time.Now().UTC(), Type: kind, Action: action, ID: id, Name: name,
	})
	if len(n.events) > maxEvents {
		n.events = slices.Clone(n.events[len(n.events)-maxEvents/2:])
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

// look reads one container and tells what is different from when it was last
// read. Whoever changes a container calls it, and so does the watch; the
// second of them finds nothing new.
func (n *news) look(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil {
		return
	}
	entry, err := store.ReadContainer(n.e.dirs, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return // no descriptors left, say: the next look tells
	}
	n.compare(id, entry, err == nil)
}

// compare tells the difference; mu is held.
func (n *news) compare(id string, entry store.Entry, there bool) {
	old, was := n.known[id]
	if !there {
		if !was {
			return
		}
		delete(n.known, id)
		if active(old.state) {
			n.add("container", "die", id, old.name)
		}
		n.add("container", "destroy", id, old.name)
		return
	}
	now := seen{name: entry.Record.Name, state: entry.State.State, started: entry.State.Started}
	n.known[id] = now
	if !was {
		old = seen{name: now.name, state: api.StateCreated}
		n.add("container", "create", id, now.name)
	}
	for _, action := range changes(old, now) {
		n.add("container", action, id, now.name)
	}
}

// changes names what must have happened between two looks.
func changes(old, now seen) []string {
	var actions []string
	again := !now.started.IsZero() && !now.started.Equal(old.started)
	if again && hasProcess(old.state) {
		actions = append(actions, "die")
	}
	if again {
		actions = append(actions, "start")
	}
	ran := hasProcess(old.state) || again
	switch {
	case old.state == now.state:
		if again && now.state == api.StateExited {
			actions = append(actions, "die")
		}
	case ran && !hasProcess(now.state):
		actions = append(actions, "die")
	case now.state == api.StatePaused:
		actions = append(actions, "pause")
	case old.state == api.StatePaused && now.state == api.StateRunning:
		actions = append(actions, "unpause")
	case !again:
		actions = append(actions, "update")
	}
	return actions
}

// lookAll reads all containers. The first time nothing is told: everything is new.
func (n *news) lookAll() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	entries, err := store.ListContainers(n.e.dirs)
	if err != nil {
		return err
	}
	if n.known == nil {
		n.known = map[string]seen{}
		for _, e := range entries {
			n.known[e.Record.ID] = seen{name: e.Record.Name, state: e.State.State, started: e.State.Started}
		}
		return nil
	}
	there := map[string]bool{}
	for _, e := range slices.Backward(entries) { // oldest first, as it happened
		there[e.Record.ID] = true
		n.compare(e.Record.ID, e, true)
	}
	for id := range n.known {
		if !there[id] {
			n.compare(id, store.Entry{}, false)
		}
	}
	return nil
}

// watch begins to watch, once.
func (n *news) watch() error {
	n.watching.Lock()
	defer n.watching.Unlock()
	n.mu.Lock()
	begun := n.known != nil
	n.mu.Unlock()
	if begun {
		return nil
	}
	if err := n.e.dirs.Make(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(n.e.life)
	ids, err := store.WatchContainers(ctx, n.e.dirs)
	if err != nil {
		cancel()
		return err
	}
	files, err := store.Watch(ctx, n.e.dirs.Images())
	if err == nil {
		err = n.lookAll() // after the watches stand: nothing falls between
	}
	if err != nil {
		cancel()
		return err
	}
	n.e.work.Go(func() {
		defer cancel()
		n.follow(ids, files)
	})
	return nil
}

// follow ends when both channels are closed, which is when the engine ends.
func (n *news) follow(ids, files <-chan string) {
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
			case filepath.Base(path) == "index.json" || path == n.e.dirs.Images():
				n.tell("image", "update", "", "")
			}
		case <-tick.C:
			n.check()
		}
	}
}

// check looks at the containers that run.
func (n *news) check() {
	n.mu.Lock()
	var ids []string
	for id, s := range n.known {
		if active(s.state) {
			ids = append(ids, id)
		}
	}
	n.mu.Unlock()
	for _, id := range ids {
		if st, err := store.ReadState(n.e.dirs.Container(id)); err != nil || st.Effective().State != st.State {
			n.look(id)
		}
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
