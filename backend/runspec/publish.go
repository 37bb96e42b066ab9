package runspec

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"davit/backend/api"
)

func (o *Flags) publish(v string) error {
	ports, err := Publish(v)
	o.Spec.Ports = append(o.Spec.Ports, ports...)
	return err
}

// Publish reads docker's -p: [[address:][hostport]:]port[/protocol], where
// both ports may be ranges of the same length. For a single port of the
// container, a range of the host's is what a free one is chosen of.
func Publish(value string) ([]api.Port, error) {
	bad := func(why string) ([]api.Port, error) {
		return nil, invalid("port %q: %s", value, why)
	}
	rest, protocol, found := strings.Cut(value, "/")
	if !found {
		protocol = "tcp"
	}
	protocol = strings.ToLower(protocol)
	if protocol != "tcp" && protocol != "udp" {
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
	if n == 1 && hosts > 1 {
		ports[0].HostFirst, ports[0].HostLast = firstHost, firstHost+uint16(hosts-1)
		return ports, nil
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

// portWords writes ports as -p takes them, runs of them as ranges.
func portWords(ports []api.Port) []string {
	var words []string
	for i := 0; i < len(ports); {
		n := 1
		for i+n < len(ports) && follows(ports[i], ports[i+n], n) {
			n++
		}
		words = append(words, portWord(ports[i], n))
		i += n
	}
	return words
}

// follows tells whether q is the n-th port after p in a range.
func follows(p, q api.Port, n int) bool {
	if p.Ranged() || q.Ranged() {
		return false
	}
	host := p.HostPort != 0 && int(q.HostPort) == int(p.HostPort)+n || p.HostPort == 0 && q.HostPort == 0
	return host && p.HostIP == q.HostIP && sameProtocol(p, q) && int(q.ContainerPort) == int(p.ContainerPort)+n
}

func sameProtocol(p, q api.Port) bool { return protocol(p) == protocol(q) }

func protocol(p api.Port) string {
	if p.Protocol == "" {
		return "tcp"
	}
	return p.Protocol
}

func portWord(p api.Port, n int) string {
	numbers := func(first uint16) string {
		if n == 1 {
			return strconv.Itoa(int(first))
		}
		return fmt.Sprintf("%d-%d", first, int(first)+n-1)
	}
	host := ""
	switch {
	case p.Ranged():
		host = p.HostPorts()
	case p.HostPort != 0:
		host = numbers(p.HostPort)
	}
	word := numbers(p.ContainerPort)
	switch {
	case strings.Contains(p.HostIP, ":"):
		word = "[" + p.HostIP + "]:" + host + ":" + word
	case p.HostIP != "":
		word = p.HostIP + ":" + host + ":" + word
	case host != "":
		word = host + ":" + word
	}
	if protocol(p) != "tcp" {
		word += "/" + p.Protocol
	}
	return word
}
