package runspec

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// hostGateway stands for this computer's address in a line for /etc/hosts.
const hostGateway = "host-gateway"

// AddNetwork defines the options about networks and names, which are read into s.
func AddNetwork(f *pflag.FlagSet, s *api.RunSpec) {
	network := func(v string) error { return addNetworks(s, v) }
	f.Func("network", "A `network` to join: NAME, default, none, host, container:NAME; name=NAME,alias=,ip= says more", network)
	f.Func("net", "The network", network)
	listVar(f, &s.Endpoint.Aliases, "A further `name` in its first network", "network-alias", "net-alias")
	f.StringVar(&s.Endpoint.IP, "ip", "", "Its `address` in its first network")
	f.StringVar(&s.Endpoint.IP6, "ip6", "", "Its IPv6 `address` in its first network")
	f.StringVar(&s.Endpoint.MAC, "mac-address", "", "Its MAC `address` in its first network")
	f.StringSliceVar(&s.DNS, "dns", nil, "Use this resolver's `address`; names of containers are unknown to it")
	f.StringSliceVar(&s.DNSSearch, "dns-search", nil, "Search this `domain` instead of this computer's")
	listVar(f, &s.DNSOptions, "An `option` for resolv.conf", "dns-option", "dns-opt")
	f.Func("add-host", "A line for /etc/hosts: `name:address`; the address host-gateway is this computer's", func(v string) error {
		s.ExtraHosts = append(s.ExtraHosts, v)
		// It is asked for by this, as with docker.
		s.HostAccess = s.HostAccess || strings.HasSuffix(v, ":"+hostGateway) || strings.HasSuffix(v, "="+hostGateway)
		return nil
	})
	f.BoolVar(&s.HostAccess, "host-access", false, "Let it reach what listens on this computer's loopback, as host.davit.internal")
	hide(f, "net")
}

// listVar defines an option that is given again and again, or with commas,
// under several names of which the first is shown. What one of them says is
// added to what the others said.
func listVar(f *pflag.FlagSet, list *[]string, usage string, names ...string) {
	for _, name := range names {
		f.Func(name, usage, func(v string) error {
			*list = append(*list, strings.Split(v, ",")...)
			return nil
		})
	}
	for _, other := range names[1:] {
		hide(f, other)
	}
}

// addNetworks adds a network, or those of podman's list NAME,NAME.
func addNetworks(s *api.RunSpec, v string) error {
	if strings.ContainsAny(v, "=:") {
		return addNetwork(s, v)
	}
	for _, name := range strings.Split(v, ",") {
		if err := addNetwork(s, name); err != nil {
			return err
		}
	}
	return nil
}

// addNetwork adds a network; the first is joined as the other options say, too.
func addNetwork(s *api.RunSpec, v string) error {
	j, err := parseNetwork(v)
	if err != nil {
		return err
	}
	if s.Network != "" {
		s.Networks = append(s.Networks, j)
		return nil
	}
	s.Network = j.Network
	s.Endpoint.Aliases = append(s.Endpoint.Aliases, j.Aliases...)
	for _, a := range []struct {
		to *string
		v  string
	}{{&s.Endpoint.IP, j.IP}, {&s.Endpoint.IP6, j.IP6}, {&s.Endpoint.MAC, j.MAC}} {
		if a.v != "" {
			*a.to = a.v
		}
	}
	return nil
}

// parseNetwork reads NAME, docker's name=NAME,alias=…,ip=…,ip6=…,mac-address=…
// and podman's NAME:alias=…,ip=….
func parseNetwork(v string) (api.NetworkJoin, error) {
	name, options, _ := strings.Cut(v, ":")
	if name == "ns" {
		return api.NetworkJoin{}, fmt.Errorf("%q: a network is not joined by a path; container:NAME shares a container's", v)
	}
	if name == "container" || !strings.Contains(v, "=") {
		name, options = v, ""
	} else if strings.Contains(name, "=") {
		name, options = "", v
	}
	j := api.NetworkJoin{Network: name}
	for _, part := range strings.Split(options, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "":
		case "name":
			j.Network = value
		case "alias":
			j.Aliases = append(j.Aliases, value)
		case "ip":
			j.IP = value
		case "ip6":
			j.IP6 = value
		case "mac-address", "mac":
			j.MAC = value
		default:
			return j, fmt.Errorf("%q: there is no option %q", v, key)
		}
	}
	switch j.Network {
	case "bridge", "private", "pasta", "slirp4netns":
		j.Network = api.NetworkDefault // docker's and podman's names for it
	}
	if j.Network == "" {
		return j, fmt.Errorf("%q names no network", v)
	}
	return j, nil
}

func (w *words) network(s api.RunSpec) {
	w.value("--network", s.Network)
	w.each("--network-alias", s.Endpoint.Aliases)
	w.value("--ip", s.Endpoint.IP)
	w.value("--ip6", s.Endpoint.IP6)
	w.value("--mac-address", s.Endpoint.MAC)
	if s.Network == "" && len(s.Networks) > 0 {
		w.value("--network", api.NetworkDefault) // the first, which is not said
	}
	for _, j := range s.Networks {
		w.value("--network", joinWord(j))
	}
	w.each("--dns", s.DNS)
	w.each("--dns-search", s.DNSSearch)
	w.each("--dns-option", s.DNSOptions)
	w.each("--add-host", s.ExtraHosts)
	w.on("--host-access", s.HostAccess)
}

// joinWord writes a further network as --network has it.
func joinWord(j api.NetworkJoin) string {
	var parts []string
	add := func(key, v string) {
		if v != "" {
			parts = append(parts, key+"="+v)
		}
	}
	for _, a := range j.Aliases {
		add("alias", a)
	}
	add("ip", j.IP)
	add("ip6", j.IP6)
	add("mac-address", j.MAC)
	if len(parts) == 0 {
		return j.Network
	}
	return "name=" + j.Network + "," + strings.Join(parts, ",")
}

func endpointWords(e api.EndpointSpec) string {
	var w words
	w.network(api.RunSpec{Endpoint: e})
	return Join(w)
}
