package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
)

func newNetworkGroup() *command {
	return noun("network", "The networks of containers",
		newNetworkCreateCommand(), newNetworkListCommand(), newNetworkInspectCommand(), newNetworkRmCommand(), newNetworkPruneCommand(),
		newNetworkExistsCommand(), newNetworkConnectCommand(), newNetworkDisconnectCommand(), newNetworkOfflineCommand(), newNetworkConnectionsCommand())
}

// NetworkCreateOptions are network create's.
type NetworkCreateOptions struct {
	spec     api.NetworkSpec
	Subnets  []string
	Gateways []string
	IPv6     bool
	Driver   string
	Labels   []string
	Options  []string
	Ignore   bool // a network of that name that is there
}

func newNetworkCreateCommand() *command {
	var o NetworkCreateOptions
	c := &command{
		name: "create", args: "[OPTIONS] NETWORK", group: "Networks", short: "Make a network", least: 1, most: 1,
		long: "Its members find each other by name. They have IPv4 and, unless --ipv6=false, IPv6 addresses.",
	}
	f := c.set()
	f.StringArrayVar(&o.Subnets, "subnet", nil, "Its `range` of addresses, such as 10.4.0.0/24; a second one for IPv6")
	f.StringArrayVar(&o.Gateways, "gateway", nil, "The gateway's `address`; the first of the subnet")
	f.BoolVar(&o.IPv6, "ipv6", true, "Give members IPv6 addresses, too")
	f.BoolVar(&o.spec.Internal, "internal", false, "No way outside, and no published ports")
	f.BoolVar(&o.spec.Isolated, "isolated", false, "Members do not reach each other")
	f.IntVar(&o.spec.MTU, "mtu", 0, "Largest packet in `bytes` (default 1500)")
	f.StringVarP(&o.Driver, "driver", "d", "bridge", "The `driver`: there is bridge only")
	f.StringArrayVarP(&o.Options, "opt", "o", nil, "A driver's `option`: com.docker.network.driver.mtu=, isolate=")
	f.StringArrayVar(&o.Labels, "label", nil, "Set a label: `key=value`")
	f.BoolVar(&o.Ignore, "ignore", false, "One of that name that is there already is fine")
	settle(f, networkSettled)
	c.run = func(ctx context.Context, e *env, args []string) error { return runNetworkCreate(ctx, e, o, args[0]) }
	return c
}

func runNetworkCreate(ctx context.Context, e *env, o NetworkCreateOptions, name string) error {
	spec, err := o.build(name)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	n, err := s.CreateNetwork(ctx, spec)
	if o.Ignore && api.KindOf(err) == api.KindConflict {
		there, ferr := s.Network(ctx, name)
		if ferr != nil || there.Name != name {
			return err // its addresses are taken, not its name
		}
		n, err = there.Network, nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, n.ID)
	return nil
}

func (o NetworkCreateOptions) build(name string) (api.NetworkSpec, error) {
	s := o.spec
	s.Name, s.IPv6Off = name, !o.IPv6
	if o.Driver != "bridge" {
		return s, invalid("there is no driver %q: networks are bridges here", o.Driver)
	}
	for _, subnet := range o.Subnets {
		p, err := netip.ParsePrefix(subnet)
		if err == nil && p.Addr().Is6() {
			s.Subnet6 = subnet
		} else {
			s.Subnet = subnet // the engine says what is wrong with it
		}
	}
	for _, gateway := range o.Gateways {
		if ip, err := netip.ParseAddr(gateway); err == nil && ip.Is6() {
			return s, invalid("the gateway of the IPv6 subnet is always its first address")
		}
		s.Gateway = gateway
	}
	for _, opt := range o.Options {
		key, value, _ := strings.Cut(opt, "=")
		switch key {
		case "com.docker.network.driver.mtu", "mtu":
			mtu, err := strconv.Atoi(value)
			if err != nil {
				return s, invalid("--opt %s: %q is not a number", key, value)
			}
			s.MTU = mtu
		case "com.docker.network.bridge.enable_icc":
			s.Isolated = value == "false"
		case "isolate":
			s.Isolated = value == "true"
		default:
			return s, invalid("there is no option %q of networks", key)
		}
	}
	var err error
	s.Labels, err = labelMap(o.Labels)
	return s, err
}

// networkRow has docker's fields.
type networkRow struct {
	ID, Name, Driver, Scope, IPv6, Internal, Labels, CreatedAt string
	Subnet, Containers, Problem                                string // docker has no such fields

	labelled `json:"-"`
}

var networkTable = table[networkRow]{
	titles: networkRow{
		ID: "NETWORK ID", Name: "NAME", Driver: "DRIVER", Scope: "SCOPE", IPv6: "IPV6", Internal: "INTERNAL", Labels: "LABELS",
		CreatedAt: "CREATED AT", Subnet: "SUBNET", Containers: "CONTAINERS", Problem: "PROBLEM",
	},
	layout: `{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}\t{{.Subnet}}\t{{.Containers}}`,
	quiet:  "{{.ID}}",
}

// NetworkListOptions are network ls's.
type NetworkListOptions struct {
	ListOptions
	Filters []string
}

func newNetworkListCommand() *command {
	var o NetworkListOptions
	c := &command{name: "ls", aliases: []string{"list"}, args: "[OPTIONS]", group: "Networks", short: "List networks"}
	f := c.set()
	o.addAll(f, "Only print ids")
	f.StringArrayVarP(&o.Filters, "filter", "f", nil, "Show those that match a `filter`: name=, id=, label=, dangling=, driver=")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runNetworkList(ctx, e, o) }
	return c
}

func runNetworkList(ctx context.Context, e *env, o NetworkListOptions) error {
	filters, err := parseFilters(o.Filters)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	all, err := s.Networks(ctx)
	if err != nil {
		return err
	}
	var list []api.Network
	for _, n := range all {
		fits, err := networkFits(n, filters)
		if err != nil {
			return err
		}
		if fits {
			list = append(list, n)
		}
	}
	if o.JSON {
		return writeJSON(e.out, listOf(list))
	}
	rows := make([]networkRow, len(list))
	for i, n := range list {
		rows[i] = newNetworkRow(o.ListOptions, n)
	}
	return networkTable.write(e.out, o.ListOptions, rows)
}

func hasLabel(labels map[string]string, wanted string) bool {
	key, value, valued := strings.Cut(wanted, "=")
	got, ok := labels[key]
	return ok && (!valued || got == value)
}

// networkFits tells whether a network passes docker's filters: each key by any
// of its values, labels by all.
func networkFits(n api.Network, filters map[string][]string) (bool, error) {
	for key, values := range filters {
		var fits func(v string) bool
		switch key {
		case "name":
			fits = func(v string) bool { return strings.Contains(n.Name, v) }
		case "id":
			fits = func(v string) bool { return strings.HasPrefix(n.ID, v) }
		case "driver":
			fits = func(v string) bool { return v == "bridge" }
		case "scope":
			fits = func(v string) bool { return v == "local" }
		case "type":
			fits = func(v string) bool { return (v == "custom") == (n.Name != api.NetworkDefault) }
		case "dangling":
			fits = func(v string) bool {
				return (v == "true" || v == "1") == (n.Members == 0 && n.Name != api.NetworkDefault)
			}
		case "label":
			if slices.ContainsFunc(values, func(v string) bool { return !hasLabel(n.Labels, v) }) {
				return false, nil
			}
			continue
		case "label!":
			if slices.ContainsFunc(values, func(v string) bool { return hasLabel(n.Labels, v) }) {
				return false, nil
			}
			continue
		default:
			return false, invalid("there is no filter %q for networks", key)
		}
		if !slices.ContainsFunc(values, fits) {
			return false, nil
		}
	}
	return true, nil
}

func newNetworkRow(o ListOptions, n api.Network) networkRow {
	r := networkRow{
		ID: n.ID, Name: n.Name, Driver: "bridge", Scope: "local", IPv6: strconv.FormatBool(n.Subnet6 != ""),
		Internal: strconv.FormatBool(n.Internal), Labels: labelList(n.Labels), CreatedAt: listTime(n.Created),
		Subnet: n.Subnet, Containers: strconv.Itoa(n.Members), Problem: n.Problem,
		labelled: labelsOf(n.Labels),
	}
	if !o.NoTrunc {
		r.ID = shortID(n.ID)
	}
	return r
}

func newNetworkRmCommand() *command {
	var force bool
	c := &command{
		name: "rm", aliases: []string{"remove"}, args: "[OPTIONS] NETWORK [NETWORK...]", group: "Networks",
		short: "Remove networks", least: 1, most: anyNumber,
	}
	c.set().BoolVarP(&force, "force", "f", false, "Take containers off it first; a network that is not there is no error")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return each(e, args, func(ref string) error {
			err := s.RemoveNetwork(ctx, ref, api.RemoveOptions{Force: force})
			if force && api.KindOf(err) == api.KindNotFound {
				return errAbsent
			}
			return err
		})
	}
	return c
}

func newNetworkPruneCommand() *command {
	var o struct {
		Force, JSON bool
		Filters     []string
	}
	c := &command{name: "prune", args: "[OPTIONS]", group: "Networks", short: "Remove networks that no container belongs to"}
	f := c.set()
	f.BoolVarP(&o.Force, "force", "f", false, "Do not ask")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON array")
	f.StringArrayVar(&o.Filters, "filter", nil, "Only those that match a `filter`: label=, label!=, until=")
	c.run = func(ctx context.Context, e *env, _ []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		if !o.Force && !o.JSON {
			yes, err := agree(e, "WARNING! This will remove all networks that no container belongs to.\nAre you sure you want to continue? [y/N] ")
			if err != nil || !yes {
				return err
			}
		}
		gone, err := pruneNetworks(ctx, e, s, o.Filters)
		if err == nil && o.JSON {
			return writeJSON(e.out, listOf(gone))
		}
		if len(gone) > 0 {
			fmt.Fprintln(e.out, "Deleted Networks:\n"+strings.Join(gone, "\n"))
		}
		return err
	}
	return c
}

// pruneNetworks removes the networks without containers that pass the filters.
func pruneNetworks(ctx context.Context, e *env, s api.Service, words []string) (gone []string, err error) {
	if len(words) == 0 {
		return s.PruneNetworks(ctx)
	}
	filters, err := parseFilters(words)
	if err != nil {
		return nil, err
	}
	until := e.now()
	for _, v := range filters["until"] {
		if until, err = moment(e.now(), v); err != nil {
			return nil, invalid("the filter until=%s: %v", v, err)
		}
	}
	delete(filters, "until")
	all, err := s.Networks(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		fits, err := networkFits(n, filters)
		if err != nil {
			return gone, err
		}
		if !fits || n.Members > 0 || n.Name == api.NetworkDefault || n.Created.After(until) {
			continue
		}
		switch err := s.RemoveNetwork(ctx, n.ID, api.RemoveOptions{}); api.KindOf(err) {
		case "":
			gone = append(gone, n.Name)
		case api.KindConflict, api.KindNotFound: // somebody joined it, or was faster
		default:
			return gone, err
		}
	}
	return gone, nil
}

func newNetworkConnectCommand() *command {
	var spec api.EndpointSpec
	c := &command{
		name: "connect", args: "[OPTIONS] NETWORK CONTAINER", group: "Networks",
		short: "Join a container to a network, also one that runs", least: 2, most: 2,
	}
	f := c.set()
	f.StringSliceVar(&spec.Aliases, "alias", nil, "A further `name` in that network")
	f.StringVar(&spec.IP, "ip", "", "Its `address` there")
	f.StringVar(&spec.IP6, "ip6", "", "Its IPv6 `address` there")
	f.StringVar(&spec.MAC, "mac-address", "", "Its MAC `address` there")
	settle(f, connectSettled)
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return s.Connect(ctx, args[0], args[1], spec)
	}
	return c
}

func newNetworkDisconnectCommand() *command {
	c := &command{
		name: "disconnect", args: "[OPTIONS] NETWORK CONTAINER", group: "Networks",
		short: "Take a container off a network, also one that runs", least: 2, most: 2,
	}
	c.set().BoolP("force", "f", false, "Nothing more is needed; docker's")
	hide(c.set(), "force")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return s.Disconnect(ctx, args[0], args[1])
	}
	return c
}

func newNetworkOfflineCommand() *command {
	c := &command{
		name: "offline", args: "CONTAINER on|off", group: "Networks",
		short: "Cut a container off all networks, or let it back", least: 2, most: 2,
		long: "What is under way ends. It stays cut off when it is started again, until it is let back.",
	}
	c.run = func(ctx context.Context, e *env, args []string) error {
		on := args[1] == "on" || args[1] == "true"
		if !on && args[1] != "off" && args[1] != "false" {
			return invalid("%q: want on or off", args[1])
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return s.SetOffline(ctx, args[0], on)
	}
	return c
}
