package engine

import (
	"context"
	"time"

	"davit/backend/api"
	"davit/netstack/netd"
)

// trafficPatience is how long a look at a container or a network waits for
// what passed it.
const trafficPatience = 2 * time.Second

// traffic asks a network what passed one of its members, or with "" each.
// Where nobody answers it is not known, which is no reason to tell nothing else.
func (e *Engine) traffic(ctx context.Context, network, id string) map[string]netd.Counters {
	ctx, cancel := context.WithTimeout(ctx, trafficPatience)
	defer cancel()
	all, err := netd.NewClient(e.dirs.NetdSocket(network)).Counters(ctx, id)
	if err != nil {
		e.log.Debug("ask what passed", "network", network, "err", err)
	}
	return all
}

// addTraffic puts what is known of a container into its place in a network.
func addTraffic(a *api.Attachment, all map[string]netd.Counters, id string) {
	if c, known := all[id]; known {
		a.Traffic, a.Connections = &c.Traffic, c.Connections
	}
}
