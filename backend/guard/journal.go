package guard

import (
	"time"

	"davit/backend/api"
	"davit/backend/store"
)

// lastNoted is, for each container that the journal names, whether it was made,
// started, ended or removed last. What a guard records comes before what it
// notes, so that one that was killed in between leaves something to be noted by
// the next: this one, before it serves anybody.
func (g *Guard) lastNoted() map[string]string {
	events, err := store.ReadJournal(g.Dirs, api.EventQuery{})
	if err != nil {
		g.Log.Warn("read the journal", "err", err)
	}
	last := map[string]string{}
	for _, e := range events {
		if e.Type != "container" {
			continue
		}
		switch e.Action {
		case "create", "start", "die", "destroy":
			last[e.ID] = e.Action
		}
	}
	return last
}

// tellStart notes the start of a container that was recorded as running.
func (c *container) tellStart() {
	if last := c.g.noted()[c.rec.ID]; last == "create" || last == "die" {
		c.tell("start")
	}
}

// tellEnd notes the end of a container that was recorded as ended.
func (g *Guard) tellEnd(id string) {
	g.mu.Lock()
	killed := len(g.exits) > 0 // a guard, and what it was to reap fell to the keeper
	g.mu.Unlock()
	if !killed || g.noted()[id] != "start" {
		return
	}
	c, err := g.container(id)
	if err != nil {
		g.Log.Warn("note its end", "container", id, "err", err)
		return
	}
	if !c.hasRun() { // else its end is, or is being, noted
		c.tell("die")
	}
}

// tellRemoval notes that a container is gone whose directory was being removed.
func (g *Guard) tellRemoval(id string, left store.ContainerDir) {
	if last := g.noted()[id]; last == "" || last == "destroy" {
		return
	}
	rec, err := store.ReadRecord(left)
	if err != nil {
		rec = store.Record{ID: id} // it was the first to be removed
	}
	(&container{g: g, rec: rec, now: currently(rec), log: g.Log}).tell("destroy")
}

// tell notes in the journal that something happened to the container.
func (c *container) tell(action string) {
	c.mu.Lock()
	e := api.Event{
		Time: time.Now().UTC(), Type: "container", Action: action,
		ID: c.rec.ID, Name: c.now.name, Image: c.rec.Image,
	}
	if action == "die" {
		code := c.state.ExitCode
		e.ExitCode = &code
	}
	c.mu.Unlock()
	if err := store.Note(c.g.Dirs, e); err != nil {
		c.log.Warn("journal", "action", action, "err", err)
	}
}
