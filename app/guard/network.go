package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"davit/backend/api"
	"davit/backend/guard"
	"davit/backend/store"
	"davit/backend/userns/keeper"
	"davit/netstack/netd"
)

// netdLimit bounds how long a netd may take to answer after its start.
const netdLimit = 20 * time.Second

// network is guard.Network over one netd for each network, which the keeper
// starts when the first container joins.
type network struct{ dirs store.Dirs }

func (n network) Attach(ctx context.Context, name string, who guard.Member, netns *os.File) (guard.Endpoint, *os.File, error) {
	client, req := netd.NewClient(n.dirs.NetdSocket(name)), n.request(who)
	var ep netd.Endpoint
	made := netns
	attach := func() (err error) {
		if netns != nil {
			ep, err = client.Join(ctx, req, netns)
			return err
		}
		ep, made, err = client.Attach(ctx, req)
		return err
	}
	err := attach()
	if absent(err) {
		if err := n.spawn(ctx, name); err != nil {
			return guard.Endpoint{}, nil, err
		}
		for end := time.Now().Add(netdLimit); absent(err) && time.Now().Before(end) && ctx.Err() == nil; {
			if err = attach(); err != nil {
				time.Sleep(time.Millisecond)
			}
		}
	}
	if err != nil {
		return guard.Endpoint{}, nil, err
	}
	return endpoint(ep), made, nil
}

func (n network) request(who guard.Member) netd.Request {
	r := netd.Request{
		ID: who.ID, Names: who.Names, Hostname: who.Hostname, Offline: who.Offline, HostAccess: who.HostAccess, OwnSearch: who.OwnSearch,
		IP: who.Endpoint.IP, IP6: who.Endpoint.IP6, MAC: who.Endpoint.MAC,
	}
	for _, p := range who.Peers {
		r.Peers = append(r.Peers, n.dirs.NetdSocket(p))
	}
	return r
}

func endpoint(e netd.Endpoint) guard.Endpoint {
	g := guard.Endpoint{DNS: e.DNS, Host: e.Host, Search: e.Search, Internal: e.Internal}
	g.IP, g.Gateway, g.Prefix, g.MAC = e.IP.String(), e.Gateway.String(), e.PrefixLen, e.MAC
	if e.IP6.IsValid() {
		g.IP6, g.Prefix6 = e.IP6.String(), e.Prefix6
	}
	return g
}

func (n network) Change(ctx context.Context, name string, who guard.Member) error {
	err := netd.NewClient(n.dirs.NetdSocket(name)).Change(ctx, n.request(who))
	if absent(err) {
		return nil // it ended, and the endpoint with it
	}
	return err
}

func (n network) Unpublish(ctx context.Context, name, id string, ports []api.Port) error {
	err := netd.NewClient(n.dirs.NetdSocket(name)).Unpublish(ctx, id, toWire(ports))
	if absent(err) {
		return nil
	}
	return err
}

func toWire(ports []api.Port) []netd.Port {
	asked := make([]netd.Port, len(ports))
	for i, p := range ports {
		asked[i] = netd.Port{
			HostIP: p.HostIP, HostPort: p.HostPort, ContainerPort: p.ContainerPort, Protocol: p.Protocol, HostFirst: p.HostFirst, HostLast: p.HostLast,
		}
		if p.HostPort == 0 { // of a range, which a netd that is older than this program does not know
			asked[i].HostPort = p.HostFirst
		}
	}
	return asked
}

func (n network) Detach(ctx context.Context, name, id string) error {
	err := netd.NewClient(n.dirs.NetdSocket(name)).Detach(ctx, id)
	if absent(err) {
		return nil // it ended, and the endpoint with it
	}
	return err
}

func (n network) Members(ctx context.Context, name string) ([]string, error) {
	info, err := netd.NewClient(n.dirs.NetdSocket(name)).Info(ctx)
	if absent(err) {
		return nil, nil
	}
	var ids []string
	for _, m := range info.Endpoints {
		ids = append(ids, m.ID)
	}
	return ids, err
}

func (n network) Publish(ctx context.Context, name, id string, ports []api.Port) ([]api.Port, error) {
	got, err := netd.NewClient(n.dirs.NetdSocket(name)).Publish(ctx, id, toWire(ports))
	if err != nil {
		return nil, err
	}
	published := make([]api.Port, len(got))
	for i, p := range got {
		published[i] = api.Port{
			HostIP: p.HostIP, HostPort: p.HostPort, ContainerPort: p.ContainerPort, Protocol: p.Protocol, HostFirst: p.HostFirst, HostLast: p.HostLast,
		}
	}
	return published, nil
}

// absent tells whether no netd listens.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

func (n network) spawn(ctx context.Context, name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	k, err := keeper.Dial(ctx, n.dirs)
	if err != nil {
		return err
	}
	defer func() { _ = k.Close() }()
	_, err = k.Spawn(ctx, keeper.Spawn{
		Name: "netd-" + name, Keep: true,
		Args: []string{filepath.Join(filepath.Dir(self), "davit-netd"), "--network", name, "--socket", n.dirs.NetdSocket(name)},
	})
	return err
}
