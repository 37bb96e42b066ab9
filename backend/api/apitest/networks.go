package apitest

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"davit/backend/api"
)

// network finds one by name, id, or the beginning of its id; f.mu is held.
func (f *Fake) network(ref string) (*api.Network, error) {
	for _, n := range f.networks {
		if n.Name == ref || n.ID == ref || len(ref) >= 4 && strings.HasPrefix(n.ID, ref) {
			return n, nil
		}
	}
	return nil, api.Errorf(api.KindNotFound, "there is no network %q", ref).WithRef(ref).WithHint("davit network ls lists them.")
}

// members are the boxes that belong to a network; f.mu is held.
func (f *Fake) members(network string) []*box {
	var all []*box
	for _, b := range f.boxes {
		if slices.Contains(b.detail.Networks, network) {
			all = append(all, b)
		}
	}
	return all
}

func (f *Fake) networkRow(n *api.Network) api.Network {
	row := *n
	for _, b := range f.members(n.Name) {
		row.Members++
		row.Running = row.Running || b.running()
	}
	return row
}

// on calls do with the lock held, where the host lets us.
func (f *Fake) on(ctx context.Context, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	return do()
}

// Networks implements api.Service.
func (f *Fake) Networks(ctx context.Context) (list []api.Network, err error) {
	err = f.on(ctx, func() error {
		list = []api.Network{}
		for _, n := range f.networks {
			list = append(list, f.networkRow(n))
		}
		slices.SortFunc(list[1:], func(a, b api.Network) int { return strings.Compare(a.Name, b.Name) })
		return nil
	})
	return list, err
}

// Network implements api.Service.
func (f *Fake) Network(ctx context.Context, ref string) (d api.NetworkDetail, err error) {
	err = f.on(ctx, func() error {
		n, err := f.network(ref)
		if err != nil {
			return err
		}
		d = api.NetworkDetail{Network: f.networkRow(n), Containers: []api.NetworkMember{}}
		if d.Running {
			d.Guards = "every member sends from its own address only (nftables)"
		}
		for _, b := range f.members(n.Name) {
			m := api.NetworkMember{ID: b.detail.ID, Name: b.detail.Name, Running: b.running()}
			m.Attachment = f.passed(b, b.attachment(n.Name))
			d.Containers = append(d.Containers, m)
		}
		return nil
	})
	return d, err
}

func (b *box) attachment(network string) api.Attachment {
	for _, a := range b.detail.Attachments {
		if a.Network == network {
			return a
		}
	}
	return api.Attachment{Network: network, Aliases: []string{}}
}

// CreateNetwork implements api.Service.
func (f *Fake) CreateNetwork(ctx context.Context, spec api.NetworkSpec) (n api.Network, err error) {
	err = f.on(ctx, func() error {
		if !validName.MatchString(spec.Name) || slices.Contains([]string{"default", "bridge", "none", "host"}, spec.Name) {
			return api.Errorf(api.KindInvalid, "%q cannot be the name of a network", spec.Name).WithRef(spec.Name)
		}
		if _, err := f.network(spec.Name); err == nil {
			return api.Errorf(api.KindConflict, "there is a network %s already", spec.Name).WithRef(spec.Name)
		}
		if n, err = f.makeNetwork(spec); err != nil {
			return err
		}
		made := n
		f.networks = append(f.networks, &made)
		f.event("network", "create", n.ID, n.Name)
		return nil
	})
	return n, err
}

func (f *Fake) makeNetwork(spec api.NetworkSpec) (api.Network, error) {
	n := api.Network{
		ID: f.hex(64), Name: spec.Name, Created: f.now(), Internal: spec.Internal, Isolated: spec.Isolated,
		MTU: cmp.Or(spec.MTU, 1500), Labels: map[string]string{},
	}
	for k, v := range spec.Labels {
		n.Labels[k] = v
	}
	subnet := cmp.Or(spec.Subnet, fmt.Sprintf("10.89.%d.0/24", len(f.networks)))
	p, err := netip.ParsePrefix(subnet)
	if err != nil || p.Masked() != p {
		return n, api.Errorf(api.KindInvalid, "%q is not a range of addresses", subnet).WithRef(subnet)
	}
	for _, o := range f.networks {
		if q, err := netip.ParsePrefix(o.Subnet); err == nil && q.Overlaps(p) {
			return n, api.Errorf(api.KindConflict, "%s overlaps network %s", p, o.Name).WithRef(subnet)
		}
	}
	n.Subnet, n.Gateway = p.String(), cmp.Or(spec.Gateway, p.Addr().Next().String())
	if !spec.IPv6Off {
		n.Subnet6 = cmp.Or(spec.Subnet6, fmt.Sprintf("fd00:8844:%x::/64", len(f.networks)))
		n.Gateway6 = strings.TrimSuffix(n.Subnet6, "/64") + "1"
	}
	return n, nil
}

// RemoveNetwork implements api.Service.
func (f *Fake) RemoveNetwork(ctx context.Context, ref string, o api.RemoveOptions) error {
	return f.on(ctx, func() error {
		n, err := f.network(ref)
		if err != nil {
			return err
		}
		in := f.members(n.Name)
		switch {
		case n.Name == api.NetworkDefault:
			return api.Errorf(api.KindConflict, "the default network cannot be removed").WithRef(ref)
		case len(in) > 0 && !o.Force:
			return api.Errorf(api.KindConflict, "network %s is used by %d containers", n.Name, len(in)).WithRef(n.Name).
				WithHint("Disconnect or remove them first.")
		}
		for _, b := range in {
			b.leave(n.Name)
		}
		f.dropNetwork(n)
		return nil
	})
}

func (f *Fake) dropNetwork(n *api.Network) {
	f.networks = slices.DeleteFunc(f.networks, func(o *api.Network) bool { return o == n })
	f.event("network", "destroy", n.ID, n.Name)
}

// PruneNetworks implements api.Service.
func (f *Fake) PruneNetworks(ctx context.Context) (gone []string, err error) {
	err = f.on(ctx, func() error {
		gone = []string{}
		for _, n := range slices.Clone(f.networks)[1:] {
			if len(f.members(n.Name)) == 0 {
				gone = append(gone, n.Name)
				f.dropNetwork(n)
			}
		}
		return nil
	})
	return gone, err
}

// join puts a box into a network; f.mu is held.
func (f *Fake) join(b *box, n *api.Network, e api.EndpointSpec) error {
	p, err := netip.ParsePrefix(n.Subnet)
	if err != nil {
		return err
	}
	a := api.Attachment{Network: n.Name, Aliases: slices.Concat([]string{}, e.Aliases), IP: e.IP, IP6: e.IP6, MAC: e.MAC}
	if ip, err := netip.ParseAddr(e.IP); e.IP != "" && (err != nil || !p.Contains(ip) || n.Name == api.NetworkDefault) {
		return api.Errorf(api.KindInvalid, "%q is no address of network %s (%s)", e.IP, n.Name, n.Subnet).WithRef(e.IP)
	}
	f.address(&a, n, p)
	b.detail.Attachments = append(b.detail.Attachments, a)
	b.detail.Networks = append(b.detail.Networks, n.Name)
	return nil
}

// address gives an attachment what it has while its box runs.
func (f *Fake) address(a *api.Attachment, n *api.Network, p netip.Prefix) {
	b := p.Addr().As4()
	b[3] = byte(2 + len(f.members(n.Name)))
	a.IP = cmp.Or(a.IP, netip.AddrFrom4(b).String())
	a.Gateway, a.Prefix = n.Gateway, p.Bits()
	a.MAC = cmp.Or(a.MAC, fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3]))
	if n.Subnet6 != "" {
		a.IP6, a.Prefix6 = cmp.Or(a.IP6, fmt.Sprintf("%s%x", strings.TrimSuffix(n.Subnet6, "/64"), b[3])), 64
	}
}

func (b *box) leave(network string) {
	b.detail.Networks = slices.DeleteFunc(b.detail.Networks, func(n string) bool { return n == network })
	b.detail.Attachments = slices.DeleteFunc(b.detail.Attachments, func(a api.Attachment) bool { return a.Network == network })
}

// joinAll puts a new box where its spec says; f.mu is held.
func (f *Fake) joinAll(b *box, spec api.RunSpec) error {
	mode := cmp.Or(spec.Network, api.NetworkDefault)
	b.detail.Network, b.detail.Networks, b.detail.Attachments = mode, []string{}, []api.Attachment{}
	if mode == api.NetworkNone || mode == api.NetworkHost || strings.HasPrefix(mode, api.NetworkOf) {
		b.detail.Networks = []string{mode}
		return nil
	}
	for _, j := range append([]api.NetworkJoin{{Network: mode, EndpointSpec: spec.Endpoint}}, spec.Networks...) {
		n, err := f.network(j.Network)
		if err == nil {
			err = f.join(b, n, j.EndpointSpec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Connect implements api.Service.
func (f *Fake) Connect(ctx context.Context, network, ref string, e api.EndpointSpec) error {
	return f.with(ctx, ref, func(b *box) error {
		n, err := f.network(network)
		switch {
		case err != nil:
			return err
		case slices.Contains(b.detail.Networks, n.Name):
			return api.Errorf(api.KindConflict, "container %s is in network %s already", b.detail.Name, n.Name).WithRef(b.detail.Name)
		case b.detail.Network == api.NetworkHost || strings.HasPrefix(b.detail.Network, api.NetworkOf):
			return api.Errorf(api.KindConflict, "container %s has no network of its own", b.detail.Name).WithRef(b.detail.Name)
		}
		b.leave(api.NetworkNone)
		if err := f.join(b, n, e); err != nil {
			return err
		}
		f.event("network", "connect", n.ID, n.Name)
		return nil
	})
}

// Disconnect implements api.Service.
func (f *Fake) Disconnect(ctx context.Context, network, ref string) error {
	return f.with(ctx, ref, func(b *box) error {
		n, err := f.network(network)
		if err != nil {
			return err
		}
		if !slices.Contains(b.detail.Networks, n.Name) {
			return api.Errorf(api.KindConflict, "container %s is not in network %s", b.detail.Name, n.Name).WithRef(b.detail.Name)
		}
		b.leave(n.Name)
		f.event("network", "disconnect", n.ID, n.Name)
		return nil
	})
}

// Publish implements api.Service.
func (f *Fake) Publish(ctx context.Context, ref string, c api.PortChange) (now []api.Port, err error) {
	err = f.with(ctx, ref, func(b *box) error {
		if len(c.Add)+len(c.Remove) == 0 {
			return api.Errorf(api.KindInvalid, "no port is to be changed").WithRef(ref)
		}
		left := slices.Clone(b.detail.Ports)
		for _, r := range c.Remove {
			before := len(left)
			left = slices.DeleteFunc(left, func(p api.Port) bool {
				return cmp.Or(r.ContainerPort, p.ContainerPort) == p.ContainerPort && cmp.Or(r.HostPort, p.HostPort) == p.HostPort &&
					cmp.Or(r.HostIP, p.HostIP) == p.HostIP && cmp.Or(r.Protocol, p.Protocol) == p.Protocol
			})
			if len(left) == before {
				return api.Errorf(api.KindNotFound, "container %s publishes no such port", b.detail.Name).WithRef(b.detail.Name)
			}
		}
		added, err := f.choosePorts(b.image, api.RunSpec{Ports: c.Add})
		if err != nil {
			return err
		}
		b.detail.Ports = append(left, added...)
		now = slices.Concat([]api.Port{}, b.detail.Ports)
		f.event("container", "update", b.detail.ID, b.detail.Name)
		return nil
	})
	return now, err
}

// SetOffline implements api.Service.
func (f *Fake) SetOffline(ctx context.Context, ref string, offline bool) error {
	return f.with(ctx, ref, func(b *box) error {
		b.detail.Offline = offline
		f.event("container", "update", b.detail.ID, b.detail.Name)
		return nil
	})
}

// Connections implements api.Service.
func (f *Fake) Connections(ctx context.Context, ref string) (list []api.Connection, err error) {
	err = f.with(ctx, ref, func(b *box) error {
		if !b.running() {
			return conflict(b, "is not running")
		}
		list = f.connections(b)
		return nil
	})
	return list, err
}

// connections are a few that live on, as a service has.
func (f *Fake) connections(b *box) []api.Connection {
	list := []api.Connection{}
	if b.detail.Offline || len(b.detail.Attachments) == 0 {
		return list
	}
	up := f.now().Sub(b.detail.Started)
	in := b.detail.Attachments[0].Network
	for i, p := range b.detail.Ports {
		list = append(list, api.Connection{
			Network: in, Protocol: p.Protocol, Inbound: true, Port: p.ContainerPort, Remote: fmt.Sprintf("192.0.2.%d:50412", 7+i),
			Since: b.detail.Started.Add(up / 2), Sent: int64(up.Seconds()) * 420, Received: int64(up.Seconds()) * 90,
		})
	}
	return append(list, api.Connection{
		Network: in, Protocol: "tcp", Port: 40312, Remote: "203.0.113.9:443", Host: "api.example.com",
		Since: b.detail.Started, Sent: int64(up.Seconds()) * 60, Received: int64(up.Seconds()) * 2100,
	})
}

// passed tells what went through a box's place in a network, while it runs.
func (f *Fake) passed(b *box, a api.Attachment) api.Attachment {
	if !b.running() {
		return a
	}
	t := api.Traffic{}
	for _, c := range f.connections(b) {
		if c.Network == a.Network {
			a.Connections = append(a.Connections, c)
			t.In, t.Out = t.In+c.Received, t.Out+c.Sent
		}
	}
	const packet = 1400
	t.PacketsIn, t.PacketsOut, t.Connections = t.In/packet, t.Out/packet, len(a.Connections)
	if up := f.now().Sub(b.detail.Started).Seconds(); up > 0 {
		t.InRate, t.OutRate = float64(t.In)/up, float64(t.Out)/up
	}
	a.Traffic = &t
	return a
}
