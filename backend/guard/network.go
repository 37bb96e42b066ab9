package guard

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"davit/backend/api"
	"davit/backend/store"
)

// Network gives containers their place in networks. The guard's main joins it
// with netd.
type Network interface {
	// Attach gives container id a place in network: in the network namespace
	// netns, or, where that is nil, in a new one, which is the answer.
	Attach(ctx context.Context, network string, who Member, netns *os.File) (Endpoint, *os.File, error)
	// Change tells the network who's names, peers and whether it is offline.
	Change(ctx context.Context, network string, who Member) error
	// Detach takes it back; an unknown id is no error.
	Detach(ctx context.Context, network, id string) error
	// Members are the ids of the containers that are attached to network.
	Members(ctx context.Context, network string) ([]string, error)
	// Publish opens host ports: all or none. Ports with HostPort 0 get a free one.
	Publish(ctx context.Context, network, id string, ports []api.Port) ([]api.Port, error)
	// Unpublish closes them.
	Unpublish(ctx context.Context, network, id string, ports []api.Port) error
}

// Member is a container as its network knows it.
type Member struct {
	ID         string
	Names      []string // that resolve to it
	Hostname   string
	Endpoint   api.EndpointSpec // what was asked for
	Offline    bool
	HostAccess bool
	OwnSearch  bool     // its search domains are not the host's
	Peers      []string // the other networks that it belongs to
}

// Endpoint is a container's address in its network; the zero value is none.
type Endpoint struct {
	api.Attachment
	DNS      netip.Addr
	Host     netip.Addr // this computer's, for who may reach it
	Search   []string   // domains, as the host has them
	Internal bool       // no way outside
}

// connected is what a container has of networks for one run.
type connected struct {
	places []Endpoint
	netns  *os.File // nil: a new, empty one; the host's with shared
	shared bool     // nothing of it is the container's own
	ports  []api.Port
}

// gate is the place whose network carries the container's published ports and
// answers its questions for names: the first that has a way outside.
func (n connected) gate() (Endpoint, bool) {
	for _, p := range n.places {
		if !p.Internal {
			return p, true
		}
	}
	if len(n.places) > 0 {
		return n.places[0], false
	}
	return Endpoint{}, false
}

// connect gives the container its places in networks and publishes its ports.
func (c *container) connect(ctx context.Context) (connected, error) {
	now := c.currently()
	if id, ok := strings.CutPrefix(now.network, api.NetworkOf); ok {
		f, err := c.g.namespaceOf(id)
		return connected{netns: f, shared: true}, err
	}
	n := connected{shared: now.network == api.NetworkHost}
	for _, j := range now.joins {
		if err := c.enterNetwork(ctx, &n, j, n.netns); err != nil {
			c.disconnect(n)
			return connected{}, err
		}
	}
	if len(now.ports) == 0 {
		return n, nil
	}
	gate, outside := n.gate()
	if !outside {
		return n, nil // kept for a network that has one
	}
	var err error
	if n.ports, err = c.g.Network.Publish(ctx, gate.Network, c.rec.ID, now.ports); err != nil {
		c.disconnect(n)
		return connected{}, err
	}
	return n, nil
}

// enterNetwork adds one place.
func (c *container) enterNetwork(ctx context.Context, n *connected, j api.NetworkJoin, netns *os.File) error {
	ep, made, err := c.g.Network.Attach(ctx, j.Network, c.member(j, *n), netns)
	if err != nil {
		return err
	}
	ep.Network, ep.Aliases = j.Network, j.Aliases
	if n.netns == nil && netns == nil {
		n.netns = made
	}
	n.places = append(n.places, ep)
	// Who was joined before is asked for names of what comes after, too.
	return c.tellPlaces(ctx, *n, j.Network)
}

// member is how the network of j is to know the container.
func (c *container) member(j api.NetworkJoin, n connected) Member {
	m := Member{
		ID: c.rec.ID, Names: append([]string{c.name(), c.rec.ID[:12]}, j.Aliases...), Hostname: c.rec.Hostname,
		Endpoint: j.EndpointSpec, Offline: c.currently().offline, HostAccess: c.rec.Spec.HostAccess,
		OwnSearch: len(c.rec.Spec.DNSSearch) > 0,
	}
	for _, p := range n.places {
		if p.Network != j.Network {
			m.Peers = append(m.Peers, p.Network)
		}
	}
	return m
}

// tellPlaces tells all networks but one how they are to know the container now.
func (c *container) tellPlaces(ctx context.Context, n connected, but string) error {
	for _, p := range n.places {
		if p.Network == but {
			continue
		}
		j := api.NetworkJoin{Network: p.Network, EndpointSpec: api.EndpointSpec{Aliases: p.Aliases}}
		if err := c.g.Network.Change(ctx, p.Network, c.member(j, n)); err != nil {
			return err
		}
	}
	return nil
}

// namespaceOf opens the network namespace of a container that runs.
func (g *Guard) namespaceOf(id string) (*os.File, error) {
	other, err := g.container(id)
	if err != nil {
		return nil, api.Errorf(api.KindStart, "the container whose network is to be shared is not there: %w", err).WithExit(125)
	}
	r := other.running()
	if r == nil {
		return nil, api.Errorf(api.KindStart, "container %s, whose network is to be shared, does not run", other.name()).
			WithRef(other.name()).WithHint("Start it first: davit start %s", other.name()).WithExit(125)
	}
	return r.namespace()
}

// namespace opens the run's network namespace.
func (r *run) namespace() (*os.File, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", r.proc.PID()))
	if err != nil {
		return nil, fmt.Errorf("network namespace of %s: %w", r.c.name(), err)
	}
	return f, nil
}

// disconnect takes all places back.
func (c *container) disconnect(n connected) {
	if n.netns != nil {
		_ = n.netns.Close()
	}
	for _, p := range n.places {
		if err := c.g.Network.Detach(c.g.ctx, p.Network, c.rec.ID); err != nil {
			c.log.Warn("leave the network", "network", p.Network, "err", err)
		}
	}
}

// placesOf are the places that a state tells of, for who adopts a container.
func placesOf(s store.State) []Endpoint {
	var places []Endpoint
	for _, p := range s.Networks {
		e := Endpoint{Attachment: p.Attachment, Internal: p.Internal, Search: p.Search}
		e.DNS, _ = netip.ParseAddr(p.Gateway)
		e.Host, _ = netip.ParseAddr(p.Host) // none: it may not reach it
		places = append(places, e)
	}
	return places
}

// note writes into a state what places and ports the container has.
func (n connected) note(s *store.State) {
	s.IP, s.Gateway, s.Ports, s.Networks = "", "", n.ports, nil
	for _, p := range n.places {
		place := store.Place{Attachment: p.Attachment, Internal: p.Internal, Search: p.Search}
		if p.Host.IsValid() {
			place.Host = p.Host.String()
		}
		s.Networks = append(s.Networks, place)
	}
	if len(n.places) > 0 {
		s.IP, s.Gateway = n.places[0].IP, n.places[0].Gateway
	}
}

// without gives the places but that in one network.
func without(places []Endpoint, network string) []Endpoint {
	return slices.DeleteFunc(slices.Clone(places), func(p Endpoint) bool { return p.Network == network })
}
