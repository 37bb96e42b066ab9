package api

import (
	"context"
	"time"
)

// Networks are the verbs on networks, and on containers' places in them. A
// network's ref is its name, or its id or the beginning of it.
type Networks interface {
	// Networks lists the networks: "default" first, then by name.
	Networks(ctx context.Context) ([]Network, error)
	// Network tells one with its members.
	Network(ctx context.Context, ref string) (NetworkDetail, error)
	// CreateNetwork makes a network. A subnet that this machine or another
	// network uses answers KindConflict; a name that is taken, too.
	CreateNetwork(ctx context.Context, spec NetworkSpec) (Network, error)
	// RemoveNetwork removes a network; KindConflict while a container belongs
	// to it, unless o.Force takes them off, and for "default".
	RemoveNetwork(ctx context.Context, ref string, o RemoveOptions) error
	// PruneNetworks removes the networks that no container belongs to and
	// tells their names.
	PruneNetworks(ctx context.Context) ([]string, error)
	// Connect joins a container to a further network, at once where it runs.
	// KindConflict where it is in it already, or shares another's network.
	Connect(ctx context.Context, network, container string, e EndpointSpec) error
	// Disconnect takes a container off a network, at once where it runs.
	Disconnect(ctx context.Context, network, container string) error
	// Publish adds and removes published ports, at once where the container
	// runs, all or none, and tells the ports that it has then.
	Publish(ctx context.Context, ref string, c PortChange) ([]Port, error)
	// SetOffline cuts a container off all networks, or lets it back; what is
	// under way ends. It stays so when the container is started again.
	SetOffline(ctx context.Context, ref string, offline bool) error
	// Connections lists what a running container is connected with beyond its
	// networks, the newest first, at most 1,000.
	Connections(ctx context.Context, ref string) ([]Connection, error)
}

// The networks that are always there. Of these only NetworkDefault is one that
// can be looked at.
const (
	NetworkDefault = "default"
	NetworkNone    = "none" // lo, and nothing else
	NetworkHost    = "host" // this machine's own: nothing is kept apart
	// NetworkOf begins the name of another container's network:
	// "container:web".
	NetworkOf = "container:"
)

// NetworkSpec is what a person asks for.
type NetworkSpec struct {
	Name    string `json:"name"`
	Subnet  string `json:"subnet,omitempty"`  // "10.4.0.0/24"; "": one that nothing uses
	Gateway string `json:"gateway,omitempty"` // "": the subnet's first address
	// IPv6Off leaves IPv6 away. Networks have it otherwise, with addresses of
	// their own (ULA) and the way outside by the host's sockets.
	IPv6Off bool   `json:"ipv6Off,omitempty"`
	Subnet6 string `json:"subnet6,omitempty"` // "fd12:…::/64"; "": made up
	// Internal networks have no way outside, and no published ports.
	Internal bool `json:"internal,omitempty"`
	// Isolated keeps the members from each other: each has its way outside only.
	Isolated bool              `json:"isolated,omitempty"`
	MTU      int               `json:"mtu,omitempty"` // 0: 1500
	Labels   map[string]string `json:"labels,omitempty"`
}

// Network is a row in a list of networks.
type Network struct {
	ID       string            `json:"id"`   // 64 hex digits
	Name     string            `json:"name"` // unique
	Created  time.Time         `json:"created,omitzero"`
	Subnet   string            `json:"subnet"` // "": chosen when it first runs
	Gateway  string            `json:"gateway"`
	Subnet6  string            `json:"subnet6,omitempty"` // "": no IPv6
	Gateway6 string            `json:"gateway6,omitempty"`
	Internal bool              `json:"internal,omitempty"`
	Isolated bool              `json:"isolated,omitempty"`
	MTU      int               `json:"mtu"`
	Labels   map[string]string `json:"labels"`
	Members  int               `json:"members"` // containers that belong to it, running or not
	Running  bool              `json:"running"` // a container runs in it
	// Problem says in a sentence what is wrong with it now: a route of this
	// machine that overlaps its subnet, for example.
	Problem string `json:"problem,omitempty"`
}

// NetworkDetail is all about one network.
type NetworkDetail struct {
	Network
	Containers []NetworkMember `json:"containers"`
	// Guards says in words what keeps the members from taking each other's
	// addresses; "" while nobody runs in it.
	Guards string `json:"guards,omitempty"`
}

// NetworkMember is a container that belongs to a network.
type NetworkMember struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Running bool   `json:"running"`
	Attachment
}

// EndpointSpec is how a container joins a network; the zero value leaves all
// to Davit.
type EndpointSpec struct {
	Aliases []string `json:"aliases,omitempty"` // further names in that network
	IP      string   `json:"ip,omitempty"`      // of the subnet
	IP6     string   `json:"ip6,omitempty"`
	MAC     string   `json:"mac,omitempty"` // "02:42:0a:58:00:02"
}

// NetworkJoin is a network that a container belongs to.
type NetworkJoin struct {
	Network string `json:"network"`
	EndpointSpec
}

// Attachment is a container's place in a network. Addresses are "" while it
// does not run, unless they were asked for.
type Attachment struct {
	Network string   `json:"network"`
	Aliases []string `json:"aliases"` // asked for
	IP      string   `json:"ip,omitempty"`
	Prefix  int      `json:"prefix,omitempty"` // bits of the subnet
	Gateway string   `json:"gateway,omitempty"`
	IP6     string   `json:"ip6,omitempty"`
	Prefix6 int      `json:"prefix6,omitempty"`
	MAC     string   `json:"mac,omitempty"`
	// Traffic is told of a container that runs; nil: nobody knows it.
	Traffic *Traffic `json:"traffic,omitempty"`
	// Connections are the newest that are live, at most 100; Service.Connections
	// lists more.
	Connections []Connection `json:"connections,omitempty"`
}

// PortChange adds and removes published ports.
type PortChange struct {
	Add []Port `json:"add,omitempty"` // HostPort 0: a free one
	// Remove names ports by what is given: the zero value of a field fits all.
	Remove []Port `json:"remove,omitempty"`
}

// Connection is one that goes through the gateway or a published port.
type Connection struct {
	Network  string `json:"network"`
	Protocol string `json:"protocol"` // "tcp", "udp"
	// Inbound ones came in by a published port; the others the container opened.
	Inbound bool   `json:"inbound,omitempty"`
	Port    uint16 `json:"port"`   // the container's own
	Remote  string `json:"remote"` // "192.0.2.7:443", the other end
	// Host is the name by which the container had asked for Remote's address;
	// "" where none is known.
	Host     string    `json:"host,omitempty"`
	Since    time.Time `json:"since"`
	Sent     int64     `json:"sent"`     // bytes from the container
	Received int64     `json:"received"` // bytes to the container
}
