package usage

import (
	"context"
	"time"

	"davit/backend/store"
	"davit/netstack/netd"
)

// trafficPatience is how long a network's process may take to tell; it may be
// coming back at this moment.
const trafficPatience = 2 * time.Second

// Traffic asks each network once for what went through its members' published
// ports beside their interfaces. It is made anew for each round of samples.
type Traffic struct {
	Dirs     store.Dirs
	networks map[string]map[string]netd.Traffic // by network and container
}

// Add puts it into target, a container with published ports in these networks.
// Of a network whose process does not answer nothing is known.
func (t *Traffic) Add(ctx context.Context, target *Target, networks []string) {
	for _, name := range networks {
		got := t.of(ctx, name)[target.ID]
		target.In, target.Out = target.In+got.In, target.Out+got.Out
	}
}

func (t *Traffic) of(ctx context.Context, network string) map[string]netd.Traffic {
	if known, ok := t.networks[network]; ok {
		return known
	}
	if t.networks == nil {
		t.networks = map[string]map[string]netd.Traffic{}
	}
	ctx, cancel := context.WithTimeout(ctx, trafficPatience)
	defer cancel()
	all := map[string]netd.Traffic{}
	if info, err := netd.NewClient(t.Dirs.NetdSocket(network)).Info(ctx); err == nil {
		for _, m := range info.Endpoints {
			all[m.ID] = m.Traffic
		}
	}
	t.networks[network] = all
	return all
}
