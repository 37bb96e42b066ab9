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
	"os"

	"davit/backend/api"
)

// Request says which container joins, and how. An empty address is chosen.
type Request struct {
	ID       string   `json:"id"`    // unique in the network
	Names    []string `json:"names"` // under which the others find it
	Hostname string   `json:"hostname,omitempty"`
	IP       string   `json:"ip,omitempty"`
	IP6      string   `json:"ip6,omitempty"`
	MAC      string   `json:"mac,omitempty"`
	Offline  bool     `json:"offline,omitempty"` // cut off, until it is let back
	// HostAccess lets it reach what listens on this computer's loopback, at the
	// address Host.
	HostAccess bool `json:"hostAccess,omitempty"`
	// OwnSearch says that its search domains are not the host's.
	OwnSearch bool `json:"ownSearch,omitempty"`
	// Peers are the sockets of other networks' netds, which are asked for names
	// that this network does not know.
	Peers []string `json:"peers,omitempty"`
	// Join asks for an interface in the namespace that is sent along, instead
	// of a namespace of its own.
	Join bool `json:"join,omitempty"`
}

// Endpoint is a container's place in the network: what its interface has.
type Endpoint struct {
	Interface string     `json:"interface"` // "eth0"
	IP        netip.Addr `json:"ip"`
	Gateway   netip.Addr `json:"gateway"`
	PrefixLen int        `json:"prefixLen"`
	IP6       netip.Addr `json:"ip6,omitzero"` // not valid: the network has no IPv6
	Gateway6  netip.Addr `json:"gateway6,omitzero"`
	Prefix6   int        `json:"prefix6,omitempty"`
	DNS       netip.Addr `json:"dns"`           // the resolver, for the container's resolv.conf
	Host      netip.Addr `json:"host,omitzero"` // this computer's, for who may reach it
	MAC       string     `json:"mac"`
	MTU       int        `json:"mtu"`
	Internal  bool       `json:"internal,omitempty"` // no way outside
	// Search are the host's search domains, for the container's resolv.conf.
	Search []string `json:"search,omitempty"`
}

// Port is a published port.
type Port struct {
	HostIP        string `json:"hostIP"`   // "": 127.0.0.1
	HostPort      uint16 `json:"hostPort"` // 0: a free one
	ContainerPort uint16 `json:"containerPort"`
	Protocol      string `json:"protocol"` // "tcp" (also "") or "udp"
	// HostFirst and HostLast are what may be taken where HostPort is not free;
	// both 0: nothing else.
	HostFirst uint16 `json:"hostFirst,omitempty"`
	HostLast  uint16 `json:"hostLast,omitempty"`
}

// Info is what a network is and who is in it.
type Info struct {
	Network   string     `json:"network"`
	Subnet    string     `json:"subnet"`
	Gateway   netip.Addr `json:"gateway"`
	Subnet6   string     `json:"subnet6,omitempty"` // "": no IPv6
	Gateway6  netip.Addr `json:"gateway6,omitzero"`
	MTU       int        `json:"mtu"`
	Guards    string     `json:"guards"` // what keeps members from taking each other's addresses, in words
	Endpoints []Member   `json:"endpoints"`
	// Problem says in a sentence why connections are refused, where some were of
	// late.
	Problem string `json:"problem,omitempty"`
}

// Member is an attached container.
type Member struct {
	Request
	Endpoint Endpoint `json:"endpoint"`
	Ports    []Port   `json:"ports"`
	Traffic  Traffic  `json:"traffic,omitzero"`
}

// Counters are what passed a container: its interface and its published ports.
type Counters struct {
	Traffic     api.Traffic      `json:"traffic"`
	Connections []api.Connection `json:"connections"` // the newest
}

// Traffic is what went through the published ports of a container by the
// direct path, which its interfaces do not count. Bytes, seen from inside.
type Traffic struct {
	In  int64 `json:"in"`
	Out int64 `json:"out"`
}

// The operations of the protocol.
const (
	OpAttach      = "attach"
	OpDetach      = "detach"
	OpPublish     = "publish"
	OpUnpublish   = "unpublish"
	OpChange      = "change" // names, peers and offline, of Attach
	OpInfo        = "info"
	OpConnections = "connections"
	OpLookup      = "lookup"
	OpCounters    = "counters" // of the container with the ID; without one, of all
)

// Message is one request; a connection may carry several, one after the
// other. An attach with Join carries the namespace's descriptor.
type Message struct {
	Op     string  `json:"op"`
	Attach Request `json:"attach,omitzero"`
	ID     string  `json:"id,omitempty"`
	Ports  []Port  `json:"ports,omitempty"`
	Query  string  `json:"query,omitempty"` // of a lookup: a name with its final dot, or an address

	Namespace *os.File `json:"-"` // that came along
}

// Reply answers a Message. That to an attach carries the namespace's descriptor.
type Reply struct {
	Error       *api.Error          `json:"error,omitempty"`
	Endpoint    Endpoint            `json:"endpoint,omitzero"`
	Ports       []Port              `json:"ports,omitempty"`
	Info        Info                `json:"info,omitzero"`
	Connections []api.Connection    `json:"connections,omitempty"`
	Counters    map[string]Counters `json:"counters,omitempty"` // by container
	Answer      Answer              `json:"answer,omitzero"`
}

// Answer is what a network knows of a name, or of an address.
type Answer struct {
	Known bool         `json:"known,omitempty"`
	IPs   []netip.Addr `json:"ips,omitempty"`
	Names []string     `json:"names,omitempty"` // of an address, with the final dot
}
