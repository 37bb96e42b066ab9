package guard

import (
	"context"
	"errors"
	"slices"

	"davit/backend/api"
	"davit/backend/store"
)

// What changes of a running container's networks. Of one that only waits for a
// restart nothing has to be changed: the next start reads the record.

// relink changes the places and ports of a running container by do, and notes
// what it has then, also where do did half of its work.
func (c *container) relink(do func(*run, *connected) error) error {
	c.op.Lock()
	defer c.op.Unlock()
	r := c.running()
	if r == nil {
		return nil
	}
	if r.network().shared {
		return api.Errorf(api.KindConflict, "container %s has no network of its own", c.name()).WithRef(c.name())
	}
	n := r.network()
	n.places, n.ports = slices.Clone(n.places), slices.Clone(n.ports)
	err := do(r, &n)
	c.mu.Lock()
	r.net = n
	over := c.run != r
	c.mu.Unlock()
	if over { // it ended meanwhile, and left what it knew of
		c.disconnect(n)
		return err
	}
	return errors.Join(err, c.record(n.note), writeIdentity(c, n))
}

// network is what the run has of networks now.
func (r *run) network() connected {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.net
}

// joinLive connects what runs to a further network.
func (c *container) joinLive(ctx context.Context, j api.NetworkJoin) error {
	return c.relink(func(r *run, n *connected) error {
		f, err := r.namespace()
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		_, outside := n.gate()
		if err := c.enterNetwork(ctx, n, j, f); err != nil {
			return err
		}
		if outside || len(c.currently().ports) == 0 {
			return nil
		}
		return c.publishAt(ctx, n, c.currently().ports) // they waited for a way outside
	})
}

// publishAt publishes ports over the gate, where there is one.
func (c *container) publishAt(ctx context.Context, n *connected, ports []api.Port) error {
	gate, outside := n.gate()
	if !outside || len(ports) == 0 {
		return nil
	}
	got, err := c.g.Network.Publish(ctx, gate.Network, c.rec.ID, ports)
	n.ports = append(n.ports, got...)
	return err
}

// leaveLive takes what runs off a network. Its ports move to the next that has
// a way outside.
func (c *container) leaveLive(ctx context.Context, network string) error {
	return c.relink(func(_ *run, n *connected) error {
		gate, _ := n.gate()
		if err := c.g.Network.Detach(ctx, network, c.rec.ID); err != nil {
			return err
		}
		n.places = without(n.places, network)
		err := c.tellPlaces(ctx, *n, "")
		if gate.Network != network {
			return err
		}
		ports := n.ports
		n.ports = nil
		return errors.Join(err, c.publishAt(ctx, n, ports))
	})
}

// changePorts opens and closes ports of what runs. What it is to have then is
// the engine's to write down.
func (c *container) changePorts(ctx context.Context, change api.PortChange) ([]api.Port, error) {
	var now []api.Port
	err := c.relink(func(_ *run, n *connected) error {
		before := len(n.ports)
		if err := c.publishAt(ctx, n, change.Add); err != nil {
			return err
		}
		added := n.ports[before:]
		gate, _ := n.gate()
		gone, left := parted(n.ports[:before], change.Remove)
		n.ports = append(left, added...)
		now = n.ports
		if len(gone) == 0 {
			return nil
		}
		return c.g.Network.Unpublish(ctx, gate.Network, c.rec.ID, gone)
	})
	return now, err
}

// parted takes from ports those that are to go. Of a range, another port may be
// open than the one that was chosen first.
func parted(ports, remove []api.Port) (gone, left []api.Port) {
	left = slices.Clone(ports)
	for _, want := range remove {
		i := slices.Index(left, want)
		if i < 0 && want.Ranged() {
			i = slices.IndexFunc(left, func(p api.Port) bool { return p.Asked() == want.Asked() })
		}
		if i >= 0 {
			gone, left = append(gone, left[i]), slices.Delete(left, i, i+1)
		}
	}
	return gone, left
}

// setOffline cuts what runs off, or lets it back.
func (c *container) setOffline(ctx context.Context, offline bool) error {
	return c.relink(func(_ *run, n *connected) error {
		c.mu.Lock()
		was := c.now.offline
		c.now.offline = offline
		c.mu.Unlock()
		err := c.tellPlaces(ctx, *n, "")
		if err != nil {
			c.mu.Lock()
			c.now.offline = was
			c.mu.Unlock()
		}
		return err
	})
}

// renamed tells the networks a new name.
func (c *container) renamed(ctx context.Context) error {
	r := c.running()
	if r == nil {
		return nil
	}
	err := c.tellPlaces(ctx, r.network(), "")
	if r.ended.Load() { // it is off its networks, or about to be: the next run has the name
		return nil
	}
	return err
}

// rejoin does what a request about networks asks for.
func (c *container) rejoin(ctx context.Context, req request) ([]api.Port, error) {
	switch req.Op {
	case opJoin:
		return nil, c.joinLive(ctx, req.Join)
	case opLeave:
		return nil, c.leaveLive(ctx, req.Name)
	case opOffline:
		return nil, c.setOffline(ctx, req.Offline)
	}
	return c.changePorts(ctx, req.Ports)
}

// Join connects a running container to a further network.
func (c *Client) Join(ctx context.Context, id string, j api.NetworkJoin) error {
	_, err := c.call(ctx, request{Op: opJoin, ID: id, Join: j})
	return err
}

// Leave takes a running container off a network.
func (c *Client) Leave(ctx context.Context, id, network string) error {
	_, err := c.call(ctx, request{Op: opLeave, ID: id, Name: network})
	return err
}

// Ports opens and closes ports of a running container, and tells those that it
// has then; none where it only waits for a restart. Remove names them exactly.
func (c *Client) Ports(ctx context.Context, id string, change api.PortChange) ([]api.Port, error) {
	r, err := c.call(ctx, request{Op: opPorts, ID: id, Ports: change})
	return r.Ports, err
}

// Offline cuts a running container off, or lets it back.
func (c *Client) Offline(ctx context.Context, id string, offline bool) error {
	_, err := c.call(ctx, request{Op: opOffline, ID: id, Offline: offline})
	return err
}

// noNetworks is what a state says of networks when nothing runs.
func noNetworks(s *store.State) { s.IP, s.Gateway, s.Ports, s.Networks = "", "", nil, nil }
