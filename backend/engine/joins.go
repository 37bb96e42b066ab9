package engine

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"

	"davit/backend/api"
	"davit/backend/form"
	"davit/backend/store"
)

// Connect implements api.Service.
func (e *Engine) Connect(ctx context.Context, network, ref string, spec api.EndpointSpec) error {
	n, err := e.findNetwork(network)
	if err != nil {
		return explain(err)
	}
	join := api.NetworkJoin{Network: n.Name, EndpointSpec: spec}
	if err := e.checkJoin(join); err != nil {
		return explain(err)
	}
	return explain(e.rejoin(ctx, ref, change{"connect", n}, func(rec *store.Record) error {
		if err := ownNetwork(*rec); err != nil {
			return err
		}
		if slices.ContainsFunc(rec.Joins(), func(j api.NetworkJoin) bool { return j.Network == n.Name }) {
			return api.Errorf(api.KindConflict, "container %s is in network %s already", rec.Name, n.Name).WithRef(rec.Name)
		}
		if err := e.checkAddresses([]api.NetworkJoin{join}, rec.ID); err != nil {
			return err
		}
		rec.Networks = append(slices.Clone(rec.Joins()), join)
		if len(rec.Networks) == 1 {
			rec.Network = n.Name
		}
		return nil
	}, func(id string) error { return e.guard.Join(ctx, id, join) }))
}

// ownNetwork refuses what shares somebody's network.
func ownNetwork(rec store.Record) error {
	if rec.Network == api.NetworkHost || strings.HasPrefix(rec.Network, api.NetworkOf) {
		return api.Errorf(api.KindConflict, "container %s has no network of its own: it was made with --network %s", rec.Name, rec.Network).
			WithRef(rec.Name).WithHint("Make it anew without that.")
	}
	return nil
}

// Disconnect implements api.Service.
func (e *Engine) Disconnect(ctx context.Context, network, ref string) error {
	n, err := e.findNetwork(network)
	if err != nil {
		return explain(err)
	}
	return explain(e.disconnect(ctx, n.Name, ref))
}

func (e *Engine) disconnect(ctx context.Context, network, ref string) error {
	n, err := e.findNetwork(network)
	if err != nil {
		return err
	}
	return e.rejoin(ctx, ref, change{"disconnect", n}, func(rec *store.Record) error {
		left := slices.DeleteFunc(slices.Clone(rec.Joins()), func(j api.NetworkJoin) bool { return j.Network == n.Name })
		if len(left) == len(rec.Joins()) {
			return api.Errorf(api.KindConflict, "container %s is not in network %s", rec.Name, n.Name).WithRef(rec.Name)
		}
		rec.Networks, rec.Network = list(left), api.NetworkNone
		if len(left) > 0 {
			rec.Network = left[0].Network
		}
		return nil
	}, func(id string) error { return e.guard.Leave(ctx, id, n.Name) })
}

// change is what becomes of a container's place in a network.
type change struct {
	action  string
	network store.Network
}

// rejoin rewrites a container's record with the names locked, and does the
// same to what runs first: what cannot be done is not written down.
func (e *Engine) rejoin(ctx context.Context, ref string, c change, do func(*store.Record) error, live func(id string) error) error {
	err := e.amend(ctx, ref, do, live)
	if err == nil {
		e.news.tell("network", c.action, c.network.ID, c.network.Name)
	}
	return err
}

// amend changes a record, and what runs by live.
func (e *Engine) amend(ctx context.Context, ref string, do func(*store.Record) error, live func(id string) error) error {
	lock, err := store.LockFile(ctx, e.dirs.NamesLock())
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return err
	}
	rec := entry.Record
	if err := do(&rec); err != nil {
		return err
	}
	if entry.State.Active() {
		if err := live(rec.ID); err != nil {
			return err
		}
	}
	if err := store.WriteJSON(e.dirs.Container(rec.ID).Record(), rec); err != nil {
		return err
	}
	e.news.look(rec.ID)
	return nil
}

// SetOffline implements api.Service.
func (e *Engine) SetOffline(ctx context.Context, ref string, offline bool) error {
	return explain(e.amend(ctx, ref, func(rec *store.Record) error {
		if err := ownNetwork(*rec); err != nil {
			return err
		}
		rec.Offline = offline
		return nil
	}, func(id string) error { return e.guard.Offline(ctx, id, offline) }))
}

// joins makes a container's places in networks of what its spec asks for.
func (e *Engine) joins(spec api.RunSpec) (mode string, joins []api.NetworkJoin, err error) {
	mode = cmp.Or(spec.Network, api.NetworkDefault)
	if mode == "bridge" {
		mode = api.NetworkDefault
	}
	if holder, ok := strings.CutPrefix(mode, api.NetworkOf); ok {
		id, err := store.FindContainer(e.dirs, holder)
		return api.NetworkOf + id, []api.NetworkJoin{}, err
	}
	if mode == api.NetworkHost || mode == api.NetworkNone {
		return mode, []api.NetworkJoin{}, nil
	}
	asked := append([]api.NetworkJoin{{Network: mode, EndpointSpec: spec.Endpoint}}, spec.Networks...)
	seen := map[string]bool{}
	for _, j := range asked {
		n, err := e.findNetwork(j.Network)
		if err != nil {
			return "", nil, err
		}
		j.Network = n.Name
		if seen[n.Name] {
			return "", nil, invalid(n.Name, "network %s is asked for twice", n.Name)
		}
		seen[n.Name] = true
		if err := e.checkJoin(j); err != nil {
			return "", nil, err
		}
		joins = append(joins, j)
	}
	return joins[0].Network, joins, nil
}

var aliasForm = form.Of(`^[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9_])?$`)

// checkJoin says what of a wish for a place cannot be had on that network.
func (e *Engine) checkJoin(j api.NetworkJoin) error {
	for _, a := range j.Aliases {
		if !aliasForm().MatchString(a) {
			return invalid(a, "%q cannot be a name in a network", a).WithHint("Use letters, digits, and between them _ . and -")
		}
	}
	if j.MAC != "" {
		hw, err := net.ParseMAC(j.MAC)
		if err != nil || len(hw) != 6 || hw[0]&1 != 0 {
			return invalid(j.MAC, "%q is no MAC address of one interface", j.MAC).WithHint("Write it so: 02:42:0a:58:00:07")
		}
	}
	if j.IP == "" && j.IP6 == "" {
		return nil
	}
	if j.Network == api.NetworkDefault {
		return invalid(j.IP+j.IP6, "addresses on the default network are Davit's to give").
			WithHint("Make a network with a subnet of your own: davit network create --subnet 10.4.0.0/24 NAME")
	}
	n, err := store.ReadNetwork(e.dirs, j.Network)
	if err != nil {
		return err
	}
	for _, w := range []struct{ ip, subnet, gateway string }{{j.IP, n.Subnet, n.Gateway}, {j.IP6, n.Subnet6, n.Gateway6}} {
		if w.ip == "" {
			continue
		}
		ip, err := netip.ParseAddr(w.ip)
		p, perr := netip.ParsePrefix(w.subnet)
		if err != nil || perr != nil || !p.Contains(ip) || ip == p.Addr() {
			return invalid(w.ip, "%q is no address of network %s (%s)", w.ip, n.Name, cmp.Or(w.subnet, "without IPv6"))
		}
		if ip.String() == w.gateway {
			return invalid(w.ip, "%s is the gateway of network %s", w.ip, n.Name)
		}
	}
	return nil
}

// checkAddresses refuses addresses that another container was promised. The
// names are locked.
func (e *Engine) checkAddresses(joins []api.NetworkJoin, id string) error {
	if !slices.ContainsFunc(joins, func(j api.NetworkJoin) bool { return j.IP+j.IP6+j.MAC != "" }) {
		return nil
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return err
	}
	for _, c := range entries {
		for _, o := range c.Record.Joins() {
			for _, j := range joins {
				if c.Record.ID != id && o.Network == j.Network && promised(o.EndpointSpec, j.EndpointSpec) {
					return api.Errorf(api.KindConflict, "the address %s of network %s is container %s's", cmp.Or(j.IP, j.IP6, j.MAC), j.Network, c.Record.Name).
						WithRef(c.Record.Name).WithHint("Choose another address.")
				}
			}
		}
	}
	return nil
}

func promised(a, b api.EndpointSpec) bool {
	same := func(a, b string) bool { return a != "" && strings.EqualFold(a, b) }
	return same(a.IP, b.IP) || same(a.IP6, b.IP6) || same(a.MAC, b.MAC)
}

// attachment is a container's place in a network that it belongs to.
func attachment(c store.Entry, network string) api.Attachment {
	a := api.Attachment{Network: network, Aliases: []string{}}
	for _, j := range c.Record.Joins() {
		if j.Network == network {
			a.Aliases, a.IP, a.IP6, a.MAC = list(slices.Clone(j.Aliases)), j.IP, j.IP6, j.MAC
		}
	}
	if !hasProcess(c.State.State) {
		return a
	}
	for _, s := range c.State.Networks {
		if s.Network == network {
			aliases := a.Aliases
			a = s.Attachment
			a.Aliases = aliases
		}
	}
	return a
}

// networksOf are the networks that a container belongs to, for its row.
func networksOf(rec store.Record) []string {
	names := []string{}
	for _, j := range rec.Joins() {
		names = append(names, j.Network)
	}
	if len(names) == 0 && rec.Network != "" && !store.IsNetworkName(rec.Network) {
		names = append(names, rec.Network)
	}
	return names
}

// validNames says what is wrong with names and resolvers that a spec gives.
func validNames(s api.RunSpec) error {
	for _, d := range s.DNS {
		if _, err := netip.ParseAddr(d); err != nil {
			return invalid(d, "%q is not the address of a resolver", d)
		}
	}
	for _, d := range slices.Concat(s.DNSSearch, s.DNSOptions) {
		if d == "" || strings.ContainsAny(d, " \t\r\n") {
			return invalid(d, "%q cannot stand in resolv.conf", d)
		}
	}
	for _, h := range s.ExtraHosts {
		name, address, ok := cutHost(h)
		_, err := netip.ParseAddr(address)
		switch {
		case !ok || strings.ContainsAny(name, " \t\r\n#") || name == "" || err != nil && address != hostGateway:
			return invalid(h, "%q is not of the form name:address", h).WithHint("The address is an IP address, or host-gateway.")
		case address == hostGateway && !s.HostAccess:
			return invalid(h, "%s is this computer, which the container may not reach", hostGateway).
				WithHint("Allow it: --host-access. It opens what listens on this computer's loopback to the container.")
		}
	}
	return nil
}

// hostGateway stands for this computer's address in a line for /etc/hosts.
const hostGateway = "host-gateway"

// cutHost parts "name:address" and docker's newer "name=address".
func cutHost(h string) (name, address string, ok bool) {
	if i := strings.IndexAny(h, ":="); i >= 0 {
		return h[:i], strings.Trim(h[i+1:], "[]"), true
	}
	return h, "", false
}
