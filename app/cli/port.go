package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"davit/backend/api"
)

// PortOptions are port's.
type PortOptions struct{ JSON bool }

func newPortCommand() *command {
	var o PortOptions
	c := &command{
		name: "port", args: "CONTAINER [PORT[/PROTOCOL]]", group: "Containers",
		short: "Print where a container's ports are published", least: 1, most: 2,
	}
	c.set().BoolVar(&o.JSON, "json", false, "Print a JSON array")
	c.run = func(ctx context.Context, e *env, args []string) error {
		wanted := ""
		if len(args) > 1 {
			wanted = args[1]
		}
		return runPort(ctx, e, o, args[0], wanted)
	}
	return c
}

func runPort(ctx context.Context, e *env, o PortOptions, ref, wanted string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	d, err := s.Container(ctx, ref)
	if err != nil {
		return err
	}
	ports, err := published(d, wanted)
	if err != nil {
		return err
	}
	if o.JSON {
		return writeJSON(e.out, listOf(ports))
	}
	for _, p := range ports {
		address := net.JoinHostPort(p.HostIP, strconv.Itoa(int(p.HostPort)))
		if wanted == "" {
			fmt.Fprintf(e.out, "%d/%s -> ", p.ContainerPort, p.Protocol)
		}
		fmt.Fprintln(e.out, address)
	}
	return nil
}

// published are a running container's ports, or the one that is wanted.
func published(d api.ContainerDetail, wanted string) ([]api.Port, error) {
	number, protocol, _ := strings.Cut(wanted, "/")
	if protocol == "" {
		protocol = "tcp"
	}
	if n, err := strconv.ParseUint(number, 10, 16); wanted != "" && (err != nil || n == 0) {
		return nil, api.Errorf(api.KindInvalid, "port %q: %q is not a port (1 to 65535)", wanted, number)
	}
	var ports []api.Port
	for _, p := range d.Ports {
		p = complete(p)
		if !isUp(d.State) || p.HostPort == 0 {
			continue
		}
		if wanted == "" || number == strconv.Itoa(int(p.ContainerPort)) && protocol == p.Protocol {
			ports = append(ports, p)
		}
	}
	if wanted != "" && len(ports) == 0 {
		return nil, api.Errorf(api.KindNotFound, "%s publishes no port %s/%s", d.Name, number, protocol)
	}
	return ports, nil
}
