package main

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
)

// defaultHostIP is where a port is published when nobody says where.
const defaultHostIP = "127.0.0.1"

// portList writes ports as docker's PORTS column, with neighbours joined to
// ranges: "127.0.0.1:8080-8082->80-82/tcp, 127.0.0.1:49153->443/tcp".
func portList(ports []api.Port) string {
	ports = slices.Clone(ports)
	for i := range ports {
		ports[i] = complete(ports[i])
	}
	slices.SortFunc(ports, func(a, b api.Port) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.HostIP, b.HostIP),
			cmp.Compare(a.ContainerPort, b.ContainerPort), cmp.Compare(a.HostPort, b.HostPort))
	})
	var parts []string
	for i := 0; i < len(ports); {
		n := 1
		for i+n < len(ports) && follows(ports[i], ports[i+n], uint16(n)) {
			n++
		}
		parts = append(parts, portRange(ports[i], n))
		i += n
	}
	return strings.Join(parts, ", ")
}

func follows(first, p api.Port, n uint16) bool {
	return p.Protocol == first.Protocol && p.HostIP == first.HostIP && first.HostPort != 0 &&
		p.ContainerPort == first.ContainerPort+n && p.HostPort == first.HostPort+n
}

func portRange(p api.Port, n int) string {
	host, inside := strconv.Itoa(int(p.HostPort)), strconv.Itoa(int(p.ContainerPort))
	if n > 1 {
		host += "-" + strconv.Itoa(int(p.HostPort)+n-1)
		inside += "-" + strconv.Itoa(int(p.ContainerPort)+n-1)
	}
	if p.HostPort == 0 {
		return inside + "/" + p.Protocol
	}
	return fmt.Sprintf("%s->%s/%s", net.JoinHostPort(p.HostIP, host), inside, p.Protocol)
}

// complete fills in a port's defaults.
func complete(p api.Port) api.Port {
	p.HostIP = cmp.Or(p.HostIP, defaultHostIP)
	p.Protocol = cmp.Or(p.Protocol, "tcp")
	return p
}
