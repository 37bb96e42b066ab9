package serve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"davit/backend/api"
	"davit/netstack"
	"davit/netstack/netd"
)

// attach gives a container its place. ns, where there is one, is the
// namespace that gets a further interface, and the network's from then on.
func (s *server) attach(r netd.Request, ns *os.File) (netd.Endpoint, *os.File, error) {
	c, err := s.config(r)
	if err == nil && r.Join != (ns != nil) {
		err = api.Errorf(api.KindInvalid, "the namespace to join did not come along")
	}
	if err != nil {
		if ns != nil {
			_ = ns.Close()
		}
		return netd.Endpoint{}, nil, err
	}
	c.Namespace = ns
	s.change.Lock()
	defer s.change.Unlock()
	if old, err := s.network.Endpoint(r.ID); err == nil {
		s.kept.forget(old)
	}
	e, err := s.network.Attach(context.Background(), c)
	if err != nil {
		return netd.Endpoint{}, nil, s.explainAddress(err, r)
	}
	s.requests[e.ID] = r
	var held sync.WaitGroup
	held.Go(func() { s.kept.namespace(e) })
	s.save()
	held.Wait()
	if ns != nil {
		return s.describe(e), nil, nil // the guard has it
	}
	return s.describe(e), e.Namespace(), nil
}

// config reads a request.
func (s *server) config(r netd.Request) (netstack.EndpointConfig, error) {
	c := netstack.EndpointConfig{ID: r.ID, Names: r.Names, Offline: r.Offline, HostAccess: r.HostAccess, OwnSearch: r.OwnSearch, Peers: s.peers(r.Peers)}
	if r.ID == "" {
		return c, api.Errorf(api.KindInvalid, "a container without id cannot be attached")
	}
	var err error
	for _, a := range []struct {
		text string
		ip   *netip.Addr
	}{{r.IP, &c.IP}, {r.IP6, &c.IP6}} {
		if a.text == "" {
			continue
		}
		if *a.ip, err = netip.ParseAddr(a.text); err != nil {
			return c, api.Errorf(api.KindInvalid, "%q is no address: %w", a.text, err)
		}
	}
	if r.MAC != "" {
		if c.MAC, err = net.ParseMAC(r.MAC); err != nil {
			return c, api.Errorf(api.KindInvalid, "%q is no MAC address: %w", r.MAC, err)
		}
	}
	return c, nil
}

// peers are the networks behind other netds' sockets.
func (s *server) peers(sockets []string) []netstack.Peer {
	var all []netstack.Peer
	for _, socket := range sockets {
		client := netd.NewClient(socket)
		all = append(all, func(ctx context.Context, query string) (netstack.Answer, bool) {
			a, err := client.Lookup(ctx, query)
			if err != nil {
				s.Log.Debug("ask another network", "socket", socket, "err", err)
			}
			return netstack.Answer{IPs: a.IPs, Names: a.Names}, a.Known
		})
	}
	return all
}

// explainAddress says what to do about an address that cannot be had.
func (s *server) explainAddress(err error, r netd.Request) error {
	if !errors.Is(err, netstack.ErrTaken) {
		return err
	}
	for _, ask := range []string{r.IP, r.IP6, r.MAC} {
		for _, m := range s.info().Endpoints {
			if ask != "" && slices.Contains([]string{m.Endpoint.IP.String(), m.Endpoint.IP6.String(), m.Endpoint.MAC}, ask) {
				return api.Errorf(api.KindConflict, "the address %s is container %s's now", ask, called(m)).WithRef(ask).
					WithHint("Choose another address, or stop that container.")
			}
		}
	}
	return api.Errorf(api.KindConflict, "%w", err).WithHint("Choose another address.")
}

func (s *server) describe(e *netstack.Endpoint) netd.Endpoint {
	d := netd.Endpoint{
		Interface: e.Interface, IP: e.IP, Gateway: s.network.Gateway(), DNS: s.network.Gateway(),
		PrefixLen: s.network.Subnet().Bits(), MAC: e.MAC.String(), MTU: s.network.MTU(),
		Search: s.network.Search(), Internal: s.network.Internal(),
	}
	if e.IP6.IsValid() {
		d.IP6, d.Gateway6, d.Prefix6 = e.IP6, s.network.Gateway6(), s.network.Subnet6().Bits()
	}
	if e.Config().HostAccess {
		d.Host = s.network.HostAddr()
	}
	return d
}

// changeMember changes names, peers and whether a member is offline.
func (s *server) changeMember(r netd.Request) error {
	s.change.Lock()
	defer s.change.Unlock()
	was, ok := s.requests[r.ID]
	if !ok {
		return api.Errorf(api.KindNotFound, "%s %w", r.ID, netstack.ErrNotAttached)
	}
	was.Names, was.Peers, was.Offline = r.Names, r.Peers, r.Offline
	err := s.network.Change(netstack.EndpointConfig{ID: r.ID, Names: r.Names, Peers: s.peers(r.Peers), Offline: r.Offline})
	if err == nil {
		s.requests[r.ID] = was
		s.save()
	}
	return err
}

func (s *server) unpublish(id string, ports []netd.Port) error {
	s.change.Lock()
	defer s.change.Unlock()
	e, err := s.network.Endpoint(id)
	if err != nil {
		return nil // unknown: it has none
	}
	for _, w := range ports {
		p, err := fromWire(w)
		if err != nil {
			return err
		}
		if e.Unpublish(p) {
			s.kept.withdraw(tagOfPort(id, p))
		}
	}
	s.save()
	return nil
}

// connections are those of one container, the newest first.
func (s *server) connections(id string) ([]api.Connection, error) {
	e, err := s.network.Endpoint(id)
	if err != nil {
		return nil, nil // it was just taken off
	}
	return s.flows(e.Flows(), maxConnections), nil
}

// maxConnections keeps the answer below what a message may hold.
const maxConnections = 1000

// flows gives the first of them in the API's shape.
func (s *server) flows(flows []netstack.Flow, most int) []api.Connection {
	all := []api.Connection{}
	for _, f := range flows[:min(len(flows), most)] {
		all = append(all, api.Connection{
			Network: s.Network.Name, Protocol: f.Protocol, Inbound: f.Inbound, Port: f.Port, Remote: f.Remote.String(),
			Host: f.Host, Since: f.Since, Sent: f.Sent, Received: f.Received,
		})
	}
	return all
}

// shownConnections is how many of one container are told with its counters.
const shownConnections = 100

// counters are those of one container, or with "" of all.
func (s *server) counters(id string) (map[string]netd.Counters, error) {
	all, err := s.network.Counters()
	if err != nil {
		return nil, err
	}
	shown := min(shownConnections, max(1, maxConnections/max(1, len(all))))
	if id != "" {
		shown = shownConnections
	}
	told := map[string]netd.Counters{}
	for e, c := range all {
		if id != "" && e.ID != id {
			continue
		}
		flows := e.Flows()
		told[e.ID] = netd.Counters{
			Traffic: api.Traffic{
				In: c.In, Out: c.Out, PacketsIn: c.PacketsIn, PacketsOut: c.PacketsOut, DroppedIn: c.DroppedIn, DroppedOut: c.DroppedOut,
				InRate: c.InRate, OutRate: c.OutRate, Connections: len(flows),
			},
			Connections: s.flows(flows, shown),
		}
	}
	return told, nil
}

// late is for how long a refused connection is told of.
const late = 5 * time.Minute

func (s *server) info() netd.Info {
	i := netd.Info{
		Network: s.Network.Name, Subnet: s.network.Subnet().String(),
		Gateway: s.network.Gateway(), MTU: s.network.MTU(), Guards: s.network.Guards(),
	}
	if p := s.network.Subnet6(); p.IsValid() {
		i.Subnet6, i.Gateway6 = p.String(), s.network.Gateway6()
	}
	if last, most := s.network.Exhausted(); time.Since(last) < late {
		i.Problem = exhausted(most)
	}
	for _, e := range s.network.Endpoints() {
		m := netd.Member{Request: s.requests[e.ID], Endpoint: s.describe(e)}
		m.ID = e.ID
		m.Traffic.In, m.Traffic.Out = e.Traffic()
		for _, p := range e.Ports() {
			m.Ports = append(m.Ports, toWire(p))
		}
		i.Endpoints = append(i.Endpoints, m)
	}
	return i
}
