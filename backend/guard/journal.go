package guard

import (
	"time"

	"davit/backend/api"
	"davit/backend/store"
)

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
