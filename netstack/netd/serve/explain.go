package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/netstack"
	"davit/netstack/netd"
)

// toAPI makes an error of the API of one of netstack.
func toAPI(err error) *api.Error {
	var host *netstack.HostError
	switch {
	case errors.As(err, &host):
		return api.Errorf(api.KindHost, "%w", err).WithHint("%s", host.Mend)
	case errors.Is(err, netstack.ErrNotAttached):
		return api.Errorf(api.KindNotFound, "%w", err)
	case errors.Is(err, net.ErrClosed):
		return api.Errorf(api.KindUnavailable, "the network is being closed: %w", err)
	}
	return api.AsError(err)
}

// exhausted says that connections are refused, why, and what to do.
func exhausted(most int64) string {
	return fmt.Sprintf("connections are refused: they take nearly all of the %d files that one process may have open here "+
		"(one for each that a container makes, two for each that comes in by a published port). "+
		"For more, write \"[Manager]\" and \"DefaultLimitNOFILE=1048576\" to /etc/systemd/user.conf.d/davit.conf, and log in again.", most)
}

// explain says why a port could not be opened, and what to do.
func (s *server) explain(err error) error {
	var pe *netstack.PortError
	if !errors.As(err, &pe) {
		return err
	}
	p := pe.Port
	switch {
	case errors.Is(err, unix.EADDRINUSE) && p.Last != 0:
		return api.Errorf(api.KindConflict, "no port from %d to %d on %s is free: port %d is in use by %s", p.First, p.Last, p.HostIP, p.HostPort, s.holder(p)).
			WithRef(p.Host().String()).
			WithHint("Choose other host ports, or stop what uses these.")
	case errors.Is(err, unix.EADDRINUSE):
		return api.Errorf(api.KindConflict, "port %d on %s is in use by %s", p.HostPort, p.HostIP, s.holder(p)).
			WithRef(p.Host().String()).
			WithHint("Choose another host port, or stop what uses it; `ss -lnp 'sport = :%d'` shows it.", p.HostPort)
	case errors.Is(err, os.ErrPermission):
		return api.Errorf(api.KindHost, "port %d on %s may not be opened: this machine keeps ports below %s for its administrator",
			p.HostPort, p.HostIP, firstFreePort()).
			WithRef(p.Host().String()).
			WithHint("Choose a higher host port, or allow it: sudo sysctl net.ipv4.ip_unprivileged_port_start=%d", p.HostPort)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return api.Errorf(api.KindInvalid, "no interface of this machine has the address %s", p.HostIP).
			WithRef(p.HostIP.String()).WithHint("Publish on 127.0.0.1, on 0.0.0.0, or on an address that `ip address` lists.")
	}
	return api.Errorf(api.KindInvalid, "port %d on %s: %w", p.HostPort, p.HostIP, pe.Err).WithRef(p.Host().String())
}

// holder names who has a port: a container of this network or of another, or
// what /proc shows.
func (s *server) holder(p netstack.Port) string {
	s.change.Lock()
	own := s.info()
	s.change.Unlock()
	if m, ok := memberWith(own, p); ok {
		return "the container " + called(m)
	}
	for _, info := range s.others() {
		if m, ok := memberWith(info, p); ok {
			return fmt.Sprintf("the container %s (network %s)", called(m), info.Network)
		}
	}
	if h, ok := netd.FindHolder(p.Protocol, p.Host()); ok {
		return h.String()
	}
	return "another program"
}

// memberWith finds the container that has a port open which leaves no room for p.
func memberWith(info netd.Info, p netstack.Port) (netd.Member, bool) {
	for _, m := range info.Endpoints {
		for _, o := range m.Ports {
			ip, err := netip.ParseAddr(o.HostIP)
			if err == nil && o.HostPort == p.HostPort && o.Protocol == p.Protocol && netd.Clash(ip, p.HostIP) {
				return m, true
			}
		}
	}
	return netd.Member{}, false
}

// othersTime is how long other networks may take to say who they have.
const othersTime = time.Second

// others asks the person's other networks, whose sockets are beside ours.
func (s *server) others() (all []netd.Info) {
	ctx, cancel := context.WithTimeout(context.Background(), othersTime)
	defer cancel()
	sockets, _ := filepath.Glob(filepath.Join(filepath.Dir(s.Socket), "netd-*.sock")) // the pattern is right
	for _, socket := range sockets {
		if socket == s.Socket {
			continue
		}
		if info, err := netd.NewClient(socket).Info(ctx); err == nil { // one that does not answer has ended
			all = append(all, info)
		}
	}
	return all
}

func firstFreePort() string {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return "1024"
	}
	return strings.TrimSpace(string(b))
}

func called(m netd.Member) string {
	if len(m.Names) > 0 {
		return m.Names[0]
	}
	return m.ID
}
