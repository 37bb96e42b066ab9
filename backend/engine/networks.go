package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/routes"
	"davit/backend/store"
	"davit/netstack/netd"
)

// defaultMTU is that of a network that says none.
const defaultMTU = 1500

// Networks implements api.Service.
func (e *Engine) Networks(ctx context.Context) ([]api.Network, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	all, err := e.networks()
	if err != nil {
		return nil, explain(err)
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return nil, explain(err)
	}
	rows := []api.Network{}
	for _, n := range all {
		row, _ := e.network(ctx, n, entries)
		rows = append(rows, row)
	}
	return rows, nil
}

// networks are the records of all networks, the default one's first.
func (e *Engine) networks() ([]store.Network, error) {
	all, err := store.ListNetworks(e.dirs)
	if err != nil {
		e.log.Warn("a network cannot be read", "err", err)
	}
	if all == nil && err != nil {
		return nil, err
	}
	return append([]store.Network{defaultNetwork()}, all...), nil
}

// defaultNetwork stands for the network that has no record. Its id is one
// that no other has.
func defaultNetwork() store.Network {
	return store.Network{ID: strings.Repeat("d", 64), Name: api.NetworkDefault}
}

// network is a network's row, and what its process tells where one runs.
func (e *Engine) network(ctx context.Context, n store.Network, entries []store.Entry) (api.Network, *netd.Info) {
	row := api.Network{
		ID: n.ID, Name: n.Name, Created: n.Created, Subnet: n.Subnet, Gateway: n.Gateway,
		Subnet6: n.Subnet6, Gateway6: n.Gateway6, Internal: n.Internal, Isolated: n.Isolated,
		MTU: cmp.Or(n.MTU, defaultMTU), Labels: map[string]string{},
	}
	for k, v := range n.Labels {
		row.Labels[k] = v
	}
	for _, c := range entries {
		if belongs(c, n.Name) {
			row.Members++
			row.Running = row.Running || hasProcess(c.State.State)
		}
	}
	var info *netd.Info
	if row.Running {
		if got, err := netd.NewClient(e.dirs.NetdSocket(n.Name)).Info(ctx); err == nil {
			info = &got
			row.Subnet, row.Gateway, row.MTU = got.Subnet, got.Gateway.String(), got.MTU
			if got.Subnet6 != "" {
				row.Subnet6, row.Gateway6 = got.Subnet6, got.Gateway6.String()
			}
		}
	}
	row.Problem = routes.Collision(row.Subnet, row.Subnet6)
	if row.Problem == "" && info != nil {
		row.Problem = info.Problem
	}
	return row, info
}

func belongs(c store.Entry, network string) bool {
	return c.Err == nil && slices.ContainsFunc(c.Record.Joins(), func(j api.NetworkJoin) bool { return j.Network == network })
}

// Network implements api.Service.
func (e *Engine) Network(ctx context.Context, ref string) (api.NetworkDetail, error) {
	if err := ctx.Err(); err != nil {
		return api.NetworkDetail{}, explain(err)
	}
	n, err := e.findNetwork(ref)
	if err != nil {
		return api.NetworkDetail{}, explain(err)
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return api.NetworkDetail{}, explain(err)
	}
	d := api.NetworkDetail{Containers: []api.NetworkMember{}}
	var info *netd.Info
	d.Network, info = e.network(ctx, n, entries)
	var passed map[string]netd.Counters
	if info != nil {
		d.Guards = info.Guards
		passed = e.traffic(ctx, n.Name, "")
	}
	for _, c := range entries {
		if belongs(c, n.Name) {
			m := api.NetworkMember{ID: c.Record.ID, Name: c.Record.Name, Running: hasProcess(c.State.State)}
			m.Attachment = attachment(c, n.Name)
			addTraffic(&m.Attachment, passed, m.ID)
			d.Containers = append(d.Containers, m)
		}
	}
	return d, nil
}

// findNetwork finds a network by its name, id, or the beginning of its id.
func (e *Engine) findNetwork(ref string) (store.Network, error) {
	if ref == "bridge" { // docker's name for it
		ref = api.NetworkDefault
	}
	all, err := e.networks()
	if err != nil {
		return store.Network{}, err
	}
	var found []store.Network
	for _, n := range all {
		if n.Name == ref || n.ID == ref {
			return n, nil
		}
		if ref != "" && strings.HasPrefix(n.ID, ref) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return store.Network{}, api.Errorf(api.KindNotFound, "there is no network %q", ref).WithRef(ref).
			WithHint("davit network ls lists them; davit network create %s makes it.", ref)
	}
	return store.Network{}, api.Errorf(api.KindConflict, "more than one network's id begins with %s", ref).WithRef(ref).
		WithHint("Give more digits of the id, or the name.")
}

// CreateNetwork implements api.Service.
func (e *Engine) CreateNetwork(ctx context.Context, spec api.NetworkSpec) (api.Network, error) {
	n, err := e.createNetwork(ctx, spec)
	if err != nil {
		return api.Network{}, explain(err)
	}
	row, _ := e.network(ctx, n, nil)
	return row, nil
}

func (e *Engine) createNetwork(ctx context.Context, spec api.NetworkSpec) (store.Network, error) {
	if err := validNetworkSpec(spec); err != nil {
		return store.Network{}, err
	}
	lock, err := store.LockFile(ctx, e.dirs.NamesLock())
	if err != nil {
		return store.Network{}, err
	}
	defer func() { _ = lock.Unlock() }()
	if _, err := store.ReadNetwork(e.dirs, spec.Name); !errors.Is(err, fs.ErrNotExist) {
		return store.Network{}, api.Errorf(api.KindConflict, "there is a network %s already", spec.Name).WithRef(spec.Name).
			WithHint("Choose another name, or remove that network: davit network rm %s", spec.Name)
	}
	others, err := e.networks()
	if err != nil {
		return store.Network{}, err
	}
	n := store.Network{
		Version: store.NetworkVersion, ID: newID(), Name: spec.Name, Created: time.Now().UTC(),
		Internal: spec.Internal, Isolated: spec.Isolated, MTU: spec.MTU, Labels: spec.Labels,
	}
	if err := e.number(ctx, &n, spec, others); err != nil {
		return n, err
	}
	if err := store.WriteNetwork(e.dirs, n); err != nil {
		return n, err
	}
	e.news.tell("network", "create", n.ID, n.Name)
	e.news.networksChanged(ctx)
	return n, nil
}

func validNetworkSpec(s api.NetworkSpec) error {
	switch {
	case s.Name == api.NetworkDefault || s.Name == "bridge" || s.Name == api.NetworkNone || s.Name == api.NetworkHost:
		return invalid(s.Name, "%q is the name of a network that is always there", s.Name).WithHint("Choose another name.")
	case !store.IsNetworkName(s.Name):
		return invalid(s.Name, "%q cannot be the name of a network", s.Name).
			WithHint("Use at most 63 letters and digits, and after the first also _ . and -")
	case s.MTU != 0 && (s.MTU < 1280 || s.MTU > 65521):
		return invalid("", "an MTU of %d cannot be had", s.MTU).WithHint("It is from 1280 to 65521; without one it is 1500.")
	case s.IPv6Off && s.Subnet6 != "":
		return invalid(s.Subnet6, "a network without IPv6 has no IPv6 subnet")
	}
	return nil
}

// RemoveNetwork implements api.Service.
func (e *Engine) RemoveNetwork(ctx context.Context, ref string, o api.RemoveOptions) error {
	if err := ctx.Err(); err != nil {
		return explain(err)
	}
	n, err := e.findNetwork(ref)
	if err != nil {
		return explain(err)
	}
	if n.Name == api.NetworkDefault {
		return explain(api.Errorf(api.KindConflict, "the default network cannot be removed").WithRef(ref))
	}
	if o.Force {
		if err := e.clear(ctx, n.Name); err != nil {
			return explain(err)
		}
	}
	return explain(e.removeNetwork(ctx, n))
}

// clear takes all containers off a network.
func (e *Engine) clear(ctx context.Context, network string) error {
	members, err := e.members(network)
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := e.disconnect(ctx, network, m.Record.ID); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) members(network string) ([]store.Entry, error) {
	entries, err := store.ListContainers(e.dirs)
	return slices.DeleteFunc(entries, func(c store.Entry) bool { return !belongs(c, network) }), err
}

func (e *Engine) removeNetwork(ctx context.Context, n store.Network) error {
	lock, err := store.LockFile(ctx, e.dirs.NamesLock())
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	members, err := e.members(n.Name)
	if err != nil {
		return err
	}
	if len(members) > 0 {
		var names []string
		for _, m := range members[:min(3, len(members))] {
			names = append(names, m.Record.Name)
		}
		who := fmt.Sprintf("%d containers (%s)", len(members), strings.Join(names, ", "))
		if len(members) == 1 {
			who = "the container " + names[0]
		}
		return api.Errorf(api.KindConflict, "network %s is used by %s", n.Name, who).
			WithRef(n.Name).WithHint("Disconnect or remove them first, or take them off by force: davit network rm -f %s", n.Name)
	}
	if err := store.RemoveNetwork(e.dirs, n.Name); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody else was faster
		}
		return err
	}
	e.news.tell("network", "destroy", n.ID, n.Name)
	e.news.networksChanged(ctx)
	return nil
}

// PruneNetworks implements api.Service.
func (e *Engine) PruneNetworks(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	all, err := store.ListNetworks(e.dirs)
	if err != nil {
		return nil, explain(err)
	}
	gone := []string{}
	for _, n := range all {
		err := e.removeNetwork(ctx, n)
		switch {
		case err == nil:
			gone = append(gone, n.Name)
		case api.KindOf(err) != api.KindConflict: // used
			return gone, explain(err)
		}
	}
	return gone, nil
}
