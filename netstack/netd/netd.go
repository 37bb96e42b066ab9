// Package netd is the way to a network's process: its protocol and its
// client. The process itself is in package serve, and davit-netd is its
// binary; this package links neither gVisor nor netlink.
//
// One netd runs for each network, as root of the user namespace and in the
// host's network namespace. The client runs in the guard, and may run in
// whatever else is of the same person.
package netd

import (
	"net/netip"

	"davit/backend/api"
)

// Request says which container joins.
type Request struct {
	ID       string   `json:"id"`    // unique in the network
	Names    []string `json:"names"` // under which the others find it
	Hostname string   `json:"hostname,omitempty"`
}

// Endpoint is a container's place in the network: what its eth0 has.
type Endpoint struct {
	IP        netip.Addr `json:"ip"`
	Gateway   netip.Addr `json:"gateway"`
	DNS       netip.Addr `json:"dns"` // the resolver, for the container's resolv.conf
	PrefixLen int        `json:"prefixLen"`
	MAC       string     `json:"mac"`
	MTU       int        `json:"mtu"`
	// Search are the host's search domains, for the container's resolv.conf.
	Search []string `json:"search,omitempty"`
}

// Port is a published port.
type Port struct {
	HostIP        string `json:"hostIP"`   // "": 127.0.0.1
	HostPort      uint16 `json:"hostPort"` // 0: a free one
	ContainerPort uint16 `json:"containerPort"`
	Protocol      string `json:"protocol"` // "tcp" (also "") or "udp"
}

// Info is what a network is and who is in it.
type Info struct {
	Network   string     `json:"network"`
	Subnet    string     `json:"subnet"`
	Gateway   netip.Addr `json:"gateway"`
	MTU       int        `json:"mtu"`
	Endpoints []Member   `json:"endpoints"`
}

// Member is an attached container.
type Member struct {
	Request
	IP    netip.Addr `json:"ip"`
	Ports []Port     `json:"ports"`
}

// The operations of the protocol.
const (
	OpAttach  = "attach"
	OpDetach  = "detach"
	OpPublish = "publish"
	OpInfo    = "info"
)

// Message is one request; a connection may carry several, one after the other.
type Message struct {
	Op     string  `json:"op"`
	Attach Request `json:"attach,omitzero"`
	ID     string  `json:"id,omitempty"`
	Ports  []Port  `json:"ports,omitempty"`
}

// Reply answers a Message. That to an attach carries the namespace's descriptor.
type Reply struct {
	Error    *api.Error `json:"error,omitempty"`
	Endpoint Endpoint   `json:"endpoint,omitzero"`
	Ports    []Port     `json:"ports,omitempty"`
	Info     Info       `json:"info,omitzero"`
}
