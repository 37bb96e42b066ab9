package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"davit/backend/api"
)

// parsePublish reads docker's -p: [[address:][hostport]:]port[/protocol],
// where both ports may be ranges of the same length.
func parsePublish(value string) ([]api.Port, error) {
	bad := func(why string) ([]api.Port, error) {
		return nil, invalid("publish %q: %s", value, why)
	}
	rest, protocol, found := strings.Cut(value, "/")
	if !found {
		protocol = "tcp"
	}
	protocol = strings.ToLower(protocol)
	if protocol != "tcp" && protocol != "udp" && protocol != "sctp" {
		return bad("the protocol is tcp or udp")
	}
	address, host, inside, err := splitPublish(rest)
	if err != nil {
		return bad(err.Error())
	}
	if address != "" && net.ParseIP(address) == nil {
		return bad(fmt.Sprintf("%q is not an IP address", address))
	}
	first, n, err := portNumbers(inside)
	if err != nil {
		return bad(err.Error())
	}
	ports := make([]api.Port, n)
	for i := range ports {
		ports[i] = api.Port{HostIP: address, ContainerPort: first + uint16(i), Protocol: protocol}
	}
	if host == "" || host == "0" {
		return ports, nil
	}
	firstHost, hosts, err := portNumbers(host)
	if err != nil {
		return bad(err.Error())
	}
	if hosts != n {
		return bad(fmt.Sprintf("%d ports of the host do not fit %d of the container", hosts, n))
	}
	for i := range ports {
		ports[i].HostPort = firstHost + uint16(i)
	}
	return ports, nil
}

// splitPublish parts "address:host:inside"; the address may be [IPv6].
func splitPublish(s string) (address, host, inside string, err error) {
	if strings.HasPrefix(s, "[") {
		end := strings.Index(s, "]:")
		if end < 0 {
			return "", "", "", fmt.Errorf("an IPv6 address is written [::1]:8080:80")
		}
		address, s = s[1:end], s[end+2:]
		if !strings.Contains(s, ":") {
			return "", "", "", fmt.Errorf("the container's port is missing")
		}
	}
	parts := strings.Split(s, ":")
	switch {
	case len(parts) == 1:
		return address, "", parts[0], nil
	case len(parts) == 2:
		return address, parts[0], parts[1], nil
	case len(parts) == 3 && address == "":
		return parts[0], parts[1], parts[2], nil
	}
	return "", "", "", fmt.Errorf("want [[address:]hostport:]port")
}

// portNumbers reads "80" or "80-89".
func portNumbers(s string) (first uint16, n int, err error) {
	from, to, isRange := strings.Cut(s, "-")
	a, err := portNumber(from)
	if err != nil {
		return 0, 0, err
	}
	if !isRange {
		return a, 1, nil
	}
	b, err := portNumber(to)
	if err != nil {
		return 0, 0, err
	}
	if b < a {
		return 0, 0, fmt.Errorf("the range %s goes backwards", s)
	}
	return a, int(b-a) + 1, nil
}

func portNumber(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a port (1 to 65535)", s)
	}
	return uint16(n), nil
}
