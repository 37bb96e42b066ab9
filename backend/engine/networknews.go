package engine

import (
	"context"
	"maps"

	"davit/backend/routes"
)

// seenNetwork is what was last known of a network. Its problem is a collision.
type seenNetwork struct{ name, problem string }

// lookNetworks reads all networks and tells what is different from when they
// were last read: that some were made or removed, by whomever, and those whose
// addresses this computer begins to reach elsewhere, as over a VPN that
// has just come, or does so no more. The first time nothing is told.
func (n *news) lookNetworks(ctx context.Context) {
	n.looking.Lock() // so that no older look comes after a newer one
	defer n.looking.Unlock()
	all, err := n.e.Networks(ctx)
	if err != nil {
		n.e.log.Warn("look at networks", "err", err)
		return
	}
	now := map[string]seenNetwork{}
	for _, row := range all {
		now[row.ID] = seenNetwork{row.Name, routes.Collision(row.Subnet, row.Subnet6)}
	}
	was := n.networks
	n.networks = now
	if was == nil {
		return
	}
	if !maps.EqualFunc(was, now, func(a, b seenNetwork) bool { return a.name == b.name }) {
		n.differs("network") // who made or removed one noted it
	}
	for id, s := range now {
		if action := s.since(was, id); action != "" {
			n.own("network", action, id, s.name)
		}
	}
}

// since names what has befallen a network; "": nothing.
func (s seenNetwork) since(was map[string]seenNetwork, id string) string {
	old, there := was[id]
	switch {
	case !there || s.problem == old.problem:
		return ""
	case s.problem == "":
		return "update"
	}
	return "collide"
}

// networksChanged looks at them, where somebody listens.
func (n *news) networksChanged(ctx context.Context) {
	n.mu.Lock()
	listened := n.journal != nil
	n.mu.Unlock()
	if listened {
		n.lookNetworks(ctx)
	}
}

// followRoutes looks at the networks again when routes have changed.
func (n *news) followRoutes(ctx context.Context) {
	if err := routes.Watch(ctx, func() { n.lookNetworks(ctx) }); err != nil {
		n.e.log.Warn("changes of this computer's routes are not followed", "err", err)
	}
}
