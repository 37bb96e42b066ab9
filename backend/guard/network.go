package guard

import (
	"context"
	"net/netip"
	"os"

	"davit/backend/api"
)

// Network gives containers their place in a network. The guard's main joins
// it with netd.
type Network interface {
	// Attach gives container id a network namespace of its own in network.
	Attach(ctx context.Context, network string, who Member) (Endpoint, *os.File, error)
	// Detach takes it back; an unknown id is no error.
	Detach(ctx context.Context, network, id string) error
	// Members are the ids of the containers that are attached to network.
	Members(ctx context.Context, network string) ([]string, error)
	// Publish opens host ports: all or none. Ports with HostPort 0 get a free one.
	Publish(ctx context.Context, network, id string, ports []api.Port) ([]api.Port, error)
}

// Member is a container as its network knows it.
type Member struct {
	ID       string
	Names    []string // that resolve to it
	Hostname string
}

// connected is a container's place in its network for one run.
type connected struct {
	Endpoint
	netns *os.File // nil without a network
	ports []api.Port
}

// connect attaches the container and publishes its ports.
func (c *container) connect(ctx context.Context) (connected, error) {
	if c.rec.Network == "none" {
		return connected{}, nil
	}
	who := Member{ID: c.rec.ID, Names: []string{c.name(), c.rec.ID[:12]}, Hostname: c.rec.Hostname}
	ep, netns, err := c.g.Network.Attach(ctx, c.rec.Network, who)
	if err != nil {
		return connected{}, err
	}
	n := connected{Endpoint: ep, netns: netns}
	if len(c.rec.Ports) == 0 {
		return n, nil
	}
	if n.ports, err = c.g.Network.Publish(ctx, c.rec.Network, c.rec.ID, c.rec.Ports); err != nil {
		c.disconnect(n)
		return connected{}, err
	}
	return n, nil
}

func (c *container) disconnect(n connected) {
	if n.netns != nil {
		_ = n.netns.Close()
	}
	if c.rec.Network == "none" {
		return
	}
	if err := c.g.Network.Detach(c.g.ctx, c.rec.Network, c.rec.ID); err != nil {
		c.log.Warn("leave the network", "err", err)
	}
}

// Endpoint is a container's address in its network; the zero value is none.
type Endpoint struct {
	IP, Gateway, DNS netip.Addr
	Search           []string // domains, as the host has them
}
