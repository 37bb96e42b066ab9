package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"davit/backend/api"
	"davit/backend/store"
)

// seen is what was last read of a container.
type seen struct {
	name    string
	image   string
	record  string // its stamp
	state   api.State
	started int64 // a time would be another one in another zone
	code    int
	reason  string
	health  string
	places  string // where it is reached
}

func see(e store.Entry) seen {
	return seen{
		name: e.Record.Name, image: e.Record.Image, record: e.Record.Stamp(), state: e.State.State, started: e.State.Started.UnixNano(),
		code: e.State.ExitCode, reason: e.State.Reason, health: e.State.Health, places: fmt.Sprint(e.State.Ports, e.State.Networks),
	}
}

// look tells what is new of a container. Whoever changes one calls it, and so
// does the watch; the second of them finds nothing new.
func (n *news) look(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.journal == nil {
		return
	}
	n.drain()
	n.hint(id)
}

// hint tells that a container is different, where the journal does not say
// how; mu is held.
func (n *news) hint(id string) {
	before := n.known[id]
	if n.reread(id) {
		n.add(api.Event{Type: "container", ID: id, Name: cmp.Or(n.known[id].name, before.name)})
	}
}

// reread reads a container and tells whether it is different from when it was
// last read; mu is held.
func (n *news) reread(id string) bool {
	entry, err := store.ReadContainer(n.e.dirs, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false // no descriptors left, say: the next look tells
	}
	return n.compare(id, entry, err == nil)
}

// compare is reread for what was read; mu is held.
func (n *news) compare(id string, entry store.Entry, there bool) bool {
	old, was := n.known[id]
	if !there {
		delete(n.known, id)
		return was
	}
	now := see(entry)
	n.known[id] = now
	if was && hasProcess(entry.Written.State) && hasProcess(old.state) && !active(now.state) {
		// No guard is there that could note it. The next one will.
		n.ahead[id] = true
		n.add(api.Event{Type: "container", Action: "die", ID: id, Name: now.name, Image: now.image, ExitCode: &now.code})
		return false
	}
	return now != old
}

// lookAll reads all containers.
func (n *news) lookAll() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.drain()
	entries, err := store.ListContainers(n.e.dirs)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	different := false
	for _, e := range entries {
		there[e.Record.ID] = true
		different = n.compare(e.Record.ID, e, true) || different
	}
	for id := range n.known {
		if !there[id] {
			delete(n.known, id)
			different = true
		}
	}
	if different {
		n.add(api.Event{Type: "container"})
	}
	return nil
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
