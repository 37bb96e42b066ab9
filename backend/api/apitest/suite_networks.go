package apitest

import (
	"context"
	"slices"
	"strings"

	"davit/backend/api"
)

// newNetwork makes a network for the test.
func (s *suite) newNetwork(spec api.NetworkSpec) api.Network {
	s.Helper()
	spec.Name = strings.ReplaceAll(name(), "_", "-")
	n, err := s.Service.CreateNetwork(s.ctx(), spec)
	s.ok(err)
	s.Cleanup(func() { _ = s.Service.RemoveNetwork(context.Background(), n.Name, api.RemoveOptions{Force: true}) })
	return n
}

func testNetworks(s *suite) {
	n := s.newNetwork(api.NetworkSpec{Internal: true, Labels: map[string]string{"a": "b"}})
	if n.Subnet == "" || n.Gateway == "" || n.Subnet6 == "" || !n.Internal || n.Labels["a"] != "b" || n.MTU != 1500 {
		s.Errorf("made %+v", n)
	}
	all, err := s.Service.Networks(s.ctx())
	s.ok(err)
	if len(all) < 2 || all[0].Name != api.NetworkDefault {
		s.Errorf("the list is %+v", all)
	}
	if !slices.ContainsFunc(all, func(o api.Network) bool { return o.Name == n.Name && o.ID == n.ID }) {
		s.Errorf("%s is not listed", n.Name)
	}
	for _, ref := range []string{n.Name, n.ID, n.ID[:12]} {
		d, err := s.Service.Network(s.ctx(), ref)
		s.ok(err)
		if d.ID != n.ID || len(d.Containers) != 0 || d.Members != 0 {
			s.Errorf("by %s: %+v", ref, d)
		}
	}
	other := s.newNetwork(api.NetworkSpec{})
	if other.Subnet == n.Subnet {
		s.Errorf("two networks have %s", n.Subnet)
	}
	s.ok(s.Service.RemoveNetwork(s.ctx(), n.ID[:12], api.RemoveOptions{}))
	_, err = s.Service.Network(s.ctx(), n.Name)
	s.want(api.KindNotFound, err)
	gone, err := s.Service.PruneNetworks(s.ctx())
	s.ok(err)
	if !slices.Contains(gone, other.Name) {
		s.Errorf("pruned %v, want %s among them", gone, other.Name)
	}
}

func testNetworkRefuses(s *suite) {
	n := s.newNetwork(api.NetworkSpec{Subnet: "10.201.77.0/24"})
	for _, c := range []struct {
		spec api.NetworkSpec
		kind api.Kind
	}{
		{api.NetworkSpec{Name: n.Name}, api.KindConflict},
		{api.NetworkSpec{Name: "none"}, api.KindInvalid},
		{api.NetworkSpec{Name: "../x"}, api.KindInvalid},
		{api.NetworkSpec{Name: name(), Subnet: "10.201.77.128/25"}, api.KindConflict},
		{api.NetworkSpec{Name: name(), Subnet: "10.201.78.1/24"}, api.KindInvalid},
		{api.NetworkSpec{Name: name(), Subnet: "many"}, api.KindInvalid},
	} {
		_, err := s.Service.CreateNetwork(s.ctx(), c.spec)
		s.want(c.kind, err)
	}
	s.want(api.KindConflict, s.Service.RemoveNetwork(s.ctx(), api.NetworkDefault, api.RemoveOptions{}))
	s.want(api.KindNotFound, s.Service.RemoveNetwork(s.ctx(), "no-such", api.RemoveOptions{}))
	_, err := s.Service.Create(s.ctx(), api.RunSpec{Image: s.Image, Command: []string{"true"}, Network: "no-such"})
	s.want(api.KindNotFound, err)
	_, err = s.Service.Create(s.ctx(), api.RunSpec{Image: s.Image, Command: []string{"true"}, Network: n.Name, Endpoint: api.EndpointSpec{IP: "10.202.0.9"}})
	s.want(api.KindInvalid, err)
}

func testConnect(s *suite) {
	n := s.newNetwork(api.NetworkSpec{Subnet: "10.201.79.0/24"})
	c := s.sh("sleep 100")
	s.ok(s.Service.Connect(s.ctx(), n.Name, c.ID, api.EndpointSpec{Aliases: []string{"db"}, IP: "10.201.79.9"}))
	s.want(api.KindConflict, s.Service.Connect(s.ctx(), n.Name, c.ID, api.EndpointSpec{}))
	d, err := s.Service.Container(s.ctx(), c.ID)
	s.ok(err)
	if !slices.Equal(d.Networks, []string{api.NetworkDefault, n.Name}) || len(d.Attachments) != 2 {
		s.Fatalf("networks %v, attachments %+v", d.Networks, d.Attachments)
	}
	if a := d.Attachments[1]; a.Network != n.Name || !slices.Equal(a.Aliases, []string{"db"}) || a.IP != "10.201.79.9" {
		s.Errorf("attached as %+v", a)
	}
	in, err := s.Service.Network(s.ctx(), n.Name)
	s.ok(err)
	if in.Members != 1 || len(in.Containers) != 1 || in.Containers[0].ID != c.ID {
		s.Errorf("members are %+v", in)
	}
	s.want(api.KindConflict, s.Service.RemoveNetwork(s.ctx(), n.Name, api.RemoveOptions{}))
	s.ok(s.Service.Disconnect(s.ctx(), n.Name, c.ID))
	s.want(api.KindConflict, s.Service.Disconnect(s.ctx(), n.Name, c.ID))
	s.ok(s.Service.Connect(s.ctx(), n.Name, c.ID, api.EndpointSpec{}))
	s.ok(s.Service.RemoveNetwork(s.ctx(), n.Name, api.RemoveOptions{Force: true}))
	d, err = s.Service.Container(s.ctx(), c.ID)
	s.ok(err)
	if !slices.Equal(d.Networks, []string{api.NetworkDefault}) {
		s.Errorf("networks %v after its second one was removed", d.Networks)
	}
}

func testConnectLive(s *suite) {
	n := s.newNetwork(api.NetworkSpec{})
	c := s.sh("sleep 100")
	s.start(c.ID)
	s.ok(s.Service.Connect(s.ctx(), n.Name, c.ID, api.EndpointSpec{}))
	d := s.state(c.ID, api.StateRunning)
	if len(d.Attachments) != 2 || d.Attachments[1].IP == "" || d.Attachments[1].MAC == "" {
		s.Fatalf("attached as %+v", d.Attachments)
	}
	in, err := s.Service.Network(s.ctx(), n.Name)
	s.ok(err)
	if len(in.Containers) != 1 || in.Containers[0].Traffic == nil || d.Attachments[0].Traffic == nil || d.Attachments[1].Traffic == nil {
		s.Errorf("nobody knows what passed %+v in %+v", d.Attachments, in.Containers)
	}
	s.ok(s.Service.SetOffline(s.ctx(), c.ID, true))
	if d = s.state(c.ID, api.StateRunning); !d.Offline {
		s.Error("it is not offline")
	}
	got, err := s.Service.Connections(s.ctx(), c.ID)
	s.ok(err)
	if len(got) != 0 {
		s.Errorf("offline with the connections %+v", got)
	}
	s.ok(s.Service.SetOffline(s.ctx(), c.ID, false))
	s.ok(s.Service.Disconnect(s.ctx(), api.NetworkDefault, c.ID))
	if d = s.state(c.ID, api.StateRunning); len(d.Attachments) != 1 || d.Attachments[0].Network != n.Name {
		s.Errorf("attached as %+v", d.Attachments)
	}
	s.ok(s.Service.Stop(s.ctx(), c.ID, api.StopOptions{Timeout: new(int)}))
	_, err = s.Service.Connections(s.ctx(), c.ID)
	s.want(api.KindConflict, err)
	if d = s.state(c.ID, api.StateExited); d.Attachments[0].Traffic != nil {
		s.Errorf("something passes a container that has ended: %+v", d.Attachments[0])
	}
}

func testPublish(s *suite) {
	c := s.sh("sleep 100")
	for _, started := range []bool{false, true} {
		if started {
			s.start(c.ID)
		}
		_, err := s.Service.Publish(s.ctx(), c.ID, api.PortChange{})
		s.want(api.KindInvalid, err)
		now, err := s.Service.Publish(s.ctx(), c.ID, api.PortChange{Add: []api.Port{{ContainerPort: 80}, {ContainerPort: 53, Protocol: "udp"}}})
		s.ok(err)
		if len(now) != 2 || now[0].HostPort == 0 || now[0].HostIP != "127.0.0.1" || now[1].Protocol != "udp" {
			s.Fatalf("started %v: published %+v", started, now)
		}
		_, err = s.Service.Publish(s.ctx(), c.ID, api.PortChange{Remove: []api.Port{{ContainerPort: 81}}})
		s.want(api.KindNotFound, err)
		now, err = s.Service.Publish(s.ctx(), c.ID, api.PortChange{Remove: []api.Port{{ContainerPort: 80}}})
		s.ok(err)
		d, derr := s.Service.Container(s.ctx(), c.ID)
		s.ok(derr)
		if len(now) != 1 || now[0].ContainerPort != 53 || !slices.Equal(d.Ports, now) {
			s.Fatalf("started %v: left %+v, shown %+v", started, now, d.Ports)
		}
		_, err = s.Service.Publish(s.ctx(), c.ID, api.PortChange{Remove: []api.Port{{}}})
		s.ok(err)
	}
}
