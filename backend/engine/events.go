package engine

import (
	"context"
	"errors"
	"io/fs"
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

// news gathers events: what this engine does, and what others do to the files.
// Watching begins with the first listener and ends with the engine.
type news struct {
	e        *Engine
	watching sync.Mutex // held while watching is begun

	looking  sync.Mutex // held while networks are looked at
	networks map[string]seenNetwork

	mu      sync.Mutex
	events  []api.Event // the newest last
	cursor  uint64      // of the newest
	changed chan struct{}
	known   map[string]seen // containers by id; nil: nobody listens yet
}

// seen is what was last known of a container.
type seen struct {
	name    string
	image   string
	state   api.State
	started time.Time
	code    int
	oom     bool
	health  string
	restart string
	limits  api.Limits
}

func see(e store.Entry) seen {
	return seen{
		name: e.Record.Name, image: e.Record.Image, state: e.State.State, started: e.State.Started,
		code: e.State.ExitCode, oom: e.State.OOMKilled, health: e.State.Health,
		restart: e.Record.Restart, limits: e.Record.Limits,
	}
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
	n.add(api.Event{Type: kind, Action: action, ID: id, Name: name})
}

// add is tell with mu held.
func (n *news) add(e api.Event) {
	n.cursor++
	e.Cursor, e.Time = n.cursor, time.Now().UTC()
	n.events = append(n.events, e)
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
			n.happened("die", id, old)
		}
		n.happened("destroy", id, old)
		return
	}
	now := see(entry)
	n.known[id] = now
	if !was {
		old = now
		old.state, old.started, old.oom, old.health = api.StateCreated, time.Time{}, false, ""
		n.happened("create", id, now)
	}
	for _, action := range changes(old, now) {
		n.happened(action, id, now)
	}
}

// happened tells of a container; mu is held.
func (n *news) happened(action, id string, c seen) {
	e := api.Event{Type: "container", Action: action, ID: id, Name: c.name, Image: c.image}
	if action == "die" && !active(c.state) {
		e.ExitCode = &c.code
	}
	n.add(e)
}

// changes names what must have happened between two looks.
func changes(old, now seen) []string {
	var actions []string
	if old.name != now.name {
		actions = append(actions, "rename")
	}
	if old.restart != now.restart || old.limits != now.limits {
		actions = append(actions, "update")
	}
	again := !now.started.IsZero() && !now.started.Equal(old.started)
	if again && hasProcess(old.state) {
		actions = append(actions, "die")
	}
	if again {
		actions = append(actions, "start")
	}
	ran := hasProcess(old.state) || again
	if now.oom && !old.oom && !hasProcess(now.state) {
		actions = append(actions, "oom")
	}
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
	if now.health != old.health && now.health != "" && now.health != api.HealthStarting {
		actions = append(actions, "health_status: "+now.health)
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
			n.known[e.Record.ID] = see(e)
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
	files, err := store.Watch(ctx, n.e.dirs.Images(), n.e.dirs.Networks())
	if err == nil {
		n.lookNetworks(ctx)
		err = n.lookAll() // after the watches stand: nothing falls between
	}
	if err != nil {
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

// follow ends when both channels are closed, which is when the engine ends.
func (n *news) follow(ctx context.Context, ids, files <-chan string) {
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

// check looks at the containers that run; false: there are none.
func (n *news) check() bool {
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
	return len(ids) > 0
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
