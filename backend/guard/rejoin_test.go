package guard

import (
	"context"
	"errors"
	"testing"

	"davit/backend/api"
)

// closedNetwork is one that has let go of who asks.
type closedNetwork struct{ Network }

var errNotThere = errors.New("is not attached to the network")

func (closedNetwork) Change(context.Context, string, Member) error { return errNotThere }

// A new name comes to nothing where a network does not take it, but not because
// the container ended meanwhile.
func TestRenamedAsItEnds(t *testing.T) {
	g, c := journaled(t, api.StateRunning, "create start")
	g.Network = closedNetwork{}
	r := &run{c: c, net: connected{places: []Endpoint{{Attachment: api.Attachment{Network: "app"}}}}}
	c.run = r
	if err := c.renamed(t.Context()); !errors.Is(err, errNotThere) {
		t.Errorf("while it runs: %v", err)
	}
	r.ended.Store(true)
	if err := c.renamed(t.Context()); err != nil {
		t.Errorf("as it ends: %v", err)
	}
}
