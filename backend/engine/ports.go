package engine

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
	"davit/backend/store"
	"davit/netstack/netd"
)

// Ports that are chosen lie below the range from which the kernel takes those
// of outgoing connections (32768 and up), so that they are still free at the
// next start: a container keeps its address.
const (
	firstChosen = 20000
	lastChosen  = 32767
)

func completePort(p api.Port) api.Port {
	p.HostIP, p.Protocol = cmp.Or(p.HostIP, "127.0.0.1"), strings.ToLower(cmp.Or(p.Protocol, "tcp"))
	return p
}

// wantedPorts gives what the spec publishes; HostPort 0 is still to be chosen.
func wantedPorts(img api.ImageConfig, s api.RunSpec) ([]api.Port, error) {
	ports := []api.Port{}
	for _, p := range s.Ports {
		ports = append(ports, completePort(p))
	}
	if !s.PublishAll {
		return ports, nil
	}
	for _, e := range slices.Concat(img.ExposedPorts, s.Expose) {
		exposed, err := parseExposed(e)
		if err != nil {
			return nil, err
		}
		for _, p := range exposed {
			same := func(q api.Port) bool { return q.ContainerPort == p.ContainerPort && q.Protocol == p.Protocol }
			if !slices.ContainsFunc(ports, same) {
				ports = append(ports, p)
			}
		}
	}
	return ports, nil
}

// parseExposed reads "80", "80/tcp" and "8000-8010/udp".
func parseExposed(e string) ([]api.Port, error) {
	numbers, protocol, _ := strings.Cut(e, "/")
	first, last, isRange := strings.Cut(numbers, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	p := completePort(api.Port{Protocol: protocol})
	if err1 != nil || err2 != nil || from == 0 || to < from || p.Protocol != "tcp" && p.Protocol != "udp" {
		return nil, api.Errorf(api.KindCorrupt, "the image exposes %q, which is not a port", e).WithRef(e).
			WithHint("Publish its ports one by one instead of all.")
	}
	var ports []api.Port
	for n := from; n <= to; n++ {
		p.ContainerPort = uint16(n)
		ports = append(ports, p)
	}
	return ports, nil
}

// mayHave tells whether the host's port of p may be the one of that number.
func mayHave(p api.Port, number uint16) bool {
	return !p.Ranged() || p.HostFirst <= number && number <= p.HostLast
}

// choosePorts fills in free host ports. Those that other containers have been
// given count as taken, running or not; who calls holds the lock on names.
func choosePorts(ports []api.Port, others []store.Entry) ([]api.Port, error) {
	chooseOfRanges(ports, others, func(p api.Port) bool { return canListen(p.HostIP, p.HostPort, p.Protocol) })
	taken := map[uint16]bool{}
	for _, e := range others {
		for _, p := range e.Record.Ports {
			taken[p.HostPort] = true
		}
	}
	for _, p := range ports {
		taken[p.HostPort] = true
	}
	for i := range ports {
		if ports[i].HostPort != 0 || ports[i].Ranged() {
			continue
		}
		n, err := freePort(ports[i], taken)
		if err != nil {
			return nil, err
		}
		ports[i].HostPort, taken[n] = n, true
	}
	return ports, nil
}

// chooseOfRanges gives ports of ranges the first that is free, and that no
// other container has, where there is such a one. That none is free is for the
// start to say, which tries the whole range again: until then things change.
func chooseOfRanges(ports []api.Port, others []store.Entry, free func(api.Port) bool) {
	for i, p := range ports {
		if !p.Ranged() || p.HostPort != 0 {
			continue
		}
		clashes := func(q api.Port) bool {
			return q.HostPort == p.HostPort && completePort(q).Protocol == p.Protocol && oneAddress(completePort(q).HostIP, p.HostIP)
		}
		given := func(e store.Entry) bool { return slices.ContainsFunc(e.Record.Ports, clashes) }
		for n := int(p.HostFirst); n <= int(p.HostLast); n++ {
			p.HostPort = uint16(n)
			if slices.ContainsFunc(ports, clashes) || !free(p) {
				continue
			}
			if ports[i].HostPort == 0 { // better than none, even where it is another's
				ports[i].HostPort = p.HostPort
			}
			if !slices.ContainsFunc(others, given) {
				ports[i].HostPort = p.HostPort
				break
			}
		}
	}
}

// oneAddress tells whether who listens at the one leaves no room at the other.
func oneAddress(a, b string) bool {
	x, err1 := netip.ParseAddr(a)
	y, err2 := netip.ParseAddr(b)
	return err1 != nil || err2 != nil || netd.Clash(x, y)
}

func freePort(p api.Port, taken map[uint16]bool) (uint16, error) {
	const width = lastChosen - firstChosen + 1
	start := rand.IntN(width)
	for i := range width {
		n := uint16(firstChosen + (start+i)%width)
		if !taken[n] && canListen(p.HostIP, n, p.Protocol) {
			return n, nil
		}
	}
	return 0, api.Errorf(api.KindConflict, "no port from %d to %d of %s is free", firstChosen, lastChosen, p.HostIP).
		WithHint("Name the port of this computer yourself.")
}

// canListen tries in the host's network namespace, which the engine is in.
func canListen(ip string, port uint16, protocol string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	at := netip.AddrPortFrom(addr, port)
	if protocol == "udp" {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		return err == nil && c.Close() == nil
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	return err == nil && l.Close() == nil
}

// portWarnings tells what the person may not expect.
func portWarnings(ports []api.Port) []string {
	var w []string
	for _, p := range ports {
		if ip, err := netip.ParseAddr(p.HostIP); err == nil && ip.IsUnspecified() {
			number := strconv.Itoa(int(p.HostPort))
			if p.HostPort == 0 && p.Ranged() {
				number = p.HostPorts()
			}
			w = append(w, fmt.Sprintf("port %s can be reached from your network, not from this computer alone", number))
		}
	}
	return w
}
