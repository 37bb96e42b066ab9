package main

import (
	"context"
	"strconv"
	"strings"

	"davit/backend/api"
)

// dockerNetworkJSON is a network as docker's network inspect prints it.
type dockerNetworkJSON struct {
	Name                             string
	ID                               string `json:"Id"`
	Created, Scope, Driver           string
	EnableIPv4, EnableIPv6, Internal bool
	IPAM                             ipamJSON
	Attachable, Ingress              bool
	Containers                       map[string]networkContainerJSON
	Options, Labels                  map[string]string
	Davit                            networkDavitJSON
}

type ipamJSON struct {
	Driver string
	Config []subnetJSON
}

type subnetJSON struct{ Subnet, Gateway string }

type networkContainerJSON struct {
	Name, EndpointID, MacAddress, IPv4Address, IPv6Address string
	Davit                                                  *trafficJSON `json:",omitempty"`
}

type networkDavitJSON struct {
	Isolated, Running bool
	Guards, Problem   string
}

func dockerNetworkOf(d api.NetworkDetail) dockerNetworkJSON {
	n := dockerNetworkJSON{
		Name: d.Name, ID: d.ID, Created: dockerTime(d.Created), Scope: "local", Driver: "bridge",
		EnableIPv4: true, EnableIPv6: d.Subnet6 != "", Internal: d.Internal, IPAM: ipamJSON{Driver: "default", Config: []subnetJSON{}},
		Containers: map[string]networkContainerJSON{}, Options: map[string]string{"com.docker.network.driver.mtu": strconv.Itoa(d.MTU)},
		Labels: labelsOf(d.Labels),
		Davit:  networkDavitJSON{Isolated: d.Isolated, Running: d.Running, Guards: d.Guards, Problem: d.Problem},
	}
	for _, s := range []subnetJSON{{d.Subnet, d.Gateway}, {d.Subnet6, d.Gateway6}} {
		if s.Subnet != "" {
			n.IPAM.Config = append(n.IPAM.Config, s)
		}
	}
	for _, c := range d.Containers {
		if c.Running { // docker lists no others
			n.Containers[c.ID] = networkContainerJSON{
				Name: c.Name, EndpointID: c.ID, MacAddress: c.MAC, IPv4Address: withBits(c.IP, c.Prefix), IPv6Address: withBits(c.IP6, c.Prefix6),
				Davit: trafficOf(c.Attachment),
			}
		}
	}
	return n
}

func withBits(ip string, bits int) string {
	if ip == "" {
		return ""
	}
	return ip + "/" + strconv.Itoa(bits)
}

func newNetworkInspectCommand() *command {
	c := &command{
		name: "inspect", args: "[OPTIONS] NETWORK [NETWORK...]", group: "Networks",
		short: "Print everything about networks, shaped as docker does", least: 1, most: anyNumber,
	}
	return inspecting(c, api.Service.Network, func(d api.NetworkDetail) any { return dockerNetworkOf(d) })
}

// connectionRow is a connection of a container.
type connectionRow struct{ Network, Protocol, Direction, Port, Remote, Host, Age, Sent, Received string }

var connectionTable = table[connectionRow]{
	titles: connectionRow{"NETWORK", "PROTOCOL", "DIRECTION", "PORT", "REMOTE", "HOST", "AGE", "SENT", "RECEIVED"},
	layout: `{{.Direction}}\t{{.Protocol}}\t{{.Port}}\t{{.Remote}}\t{{.Host}}\t{{.Age}}\t{{.Sent}}\t{{.Received}}`,
}

func newNetworkConnectionsCommand() *command {
	var o ListOptions
	c := &command{
		name: "connections", args: "[OPTIONS] CONTAINER", group: "Networks",
		short: "List what a container is connected with beyond its networks", least: 1, most: 1,
	}
	o.addFormat(c.set())
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		list, err := s.Connections(ctx, args[0])
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, listOf(list))
		}
		rows := make([]connectionRow, len(list))
		for i, n := range list {
			rows[i] = connectionRow{
				Network: n.Network, Protocol: n.Protocol, Direction: "out", Port: strconv.Itoa(int(n.Port)), Remote: n.Remote,
				Host: cleanLine(n.Host), Age: strings.TrimSuffix(ago(e.now(), n.Since), " ago"),
				Sent: humanSize(n.Sent), Received: humanSize(n.Received),
			}
			if n.Inbound {
				rows[i].Direction = "in"
			}
		}
		return connectionTable.write(e.out, o, rows)
	}
	return c
}
