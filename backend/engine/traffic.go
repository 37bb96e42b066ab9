package engine

import (
	"context"

	"davit/backend/guard/usage"
	"davit/backend/store"
	"davit/netstack/netd"
)

// traffic asks each network once for what went through its members' published
// ports beside their interfaces.
type traffic struct {
	dirs     store.Dirs
	networks map[string]map[string]netd.Traffic // by network and container
}

// add puts it into t. Of a network whose process does not answer nothing is known.
func (t *traffic) add(ctx context.Context, target *usage.Target, s store.State) {
	if len(s.Ports) == 0 {
		return
	}
	for _, p := range s.Networks {
		got := t.of(ctx, p.Network)[target.ID]
		target.In, target.Out = target.In+got.In, target.Out+got.Out
	}
}

func (t *traffic) of(ctx context.Context, network string) map[string]netd.Traffic {
	if known, ok := t.networks[network]; ok {
		return known
	}
	if t.networks == nil {
		t.networks = map[string]map[string]netd.Traffic{}
	}
	all := map[string]netd.Traffic{}
	if info, err := netd.NewClient(t.dirs.NetdSocket(network)).Info(ctx); err == nil {
		for _, m := range info.Endpoints {
			all[m.ID] = m.Traffic
		}
	}
	t.networks[network] = all
	return all
}
