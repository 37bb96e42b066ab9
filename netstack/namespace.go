package netstack

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespace is a network namespace and netlink sockets in it. All may be used
// from any thread.
type namespace struct {
	file   *os.File
	handle *netlink.Handle
	socket nl.SocketHandle // for the messages of veth.go; empty where none are sent
}

// makeNamespace makes a new one, with lo up.
func makeNamespace(t *thread, sysctls []sysctl) (*namespace, error) {
	ns := &namespace{}
	err := t.do(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return &HostError{
				What: "a network namespace could not be made",
				Mend: "network namespaces must be allowed to people: sysctl user.max_net_namespaces must not be 0",
				Err:  err,
			}
		}
		return ns.fill(sysctls)
	})
	if err != nil {
		ns.close()
		return nil, err
	}
	return ns, nil
}

// openNamespace takes over one that exists; file is the namespace's from then on.
func openNamespace(t *thread, file *os.File) (*namespace, error) {
	ns := &namespace{file: file}
	err := t.in(file, func() error {
		var err error
		ns.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		ns.close()
		return nil, err
	}
	return ns, nil
}

// fill runs on the thread that has just entered the new namespace.
func (ns *namespace) fill(sysctls []sysctl) error {
	var err error
	if ns.file, err = currentNamespace(); err != nil {
		return err
	}
	if ns.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("netlink socket: %w", err)
	}
	if err := setSysctls(append(containerSysctls(), sysctls...)); err != nil {
		return err
	}
	const loIndex = 1 // in every namespace
	lo := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: loIndex}}
	if err := ns.handle.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	return nil
}

// sysctl is a file below /proc/sys and what is written to it.
type sysctl struct{ path, value string }

// containerSysctls are what docker sets, too: ping without privileges, and
// ports below 1024 for every user of the container; and how fast its
// connections may send.
func containerSysctls() []sysctl {
	return []sysctl{
		{"net/ipv4/tcp_congestion_control", unpaced}, // of IPv6, too
		{pingGroups, "0 2147483647"},
		{"net/ipv4/ip_unprivileged_port_start", "0"},
	}
}

// linkSysctls are for one link, or with "default" for those to come. IPv6 is
// off where the network does not carry it (lo keeps ::1). Addresses are told
// by the network: none is made up, and no neighbour's word is taken for one.
func (n *Network) linkSysctls(link string) []sysctl {
	off := "1"
	if n.config.Subnet6.IsValid() {
		off = "0"
	}
	dir := "net/ipv6/conf/" + link + "/"
	return []sysctl{
		{dir + "disable_ipv6", off}, {dir + "addr_gen_mode", "1"}, {dir + "accept_ra", "0"}, {dir + "accept_redirects", "0"},
	}
}

func (n *Network) setLinkSysctls(link string) error { return setSysctls(n.linkSysctls(link)) }

// setSysctls writes them in the calling thread's namespace.
func setSysctls(all []sysctl) error {
	for _, s := range all {
		err := os.WriteFile("/proc/sys/"+s.path, []byte(s.value), 0)
		if errors.Is(err, unix.EINVAL) && s.path == pingGroups {
			err = letGroupsPing() // one that the user namespace does not map is refused
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) { // no IPv6 in this kernel
			return fmt.Errorf("set sysctl %s: %w", s.path, err)
		}
	}
	return nil
}

// pingGroups are the groups whose members may ping without privileges.
const pingGroups = "net/ipv4/ping_group_range"

// letGroupsPing allows it to all groups that the user namespace has, or else to
// that of root. Between the two ids is meant as they are outside: where the last
// is below the first there, the kernel takes it for nobody.
func letGroupsPing() error {
	last, err := lastID("/proc/self/gid_map")
	if err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/"+pingGroups, fmt.Appendf(nil, "0 %d", last), 0); err == nil {
		if got, err := os.ReadFile("/proc/sys/" + pingGroups); err == nil && strings.HasPrefix(string(got), "0\t") {
			return nil
		}
	}
	return os.WriteFile("/proc/sys/"+pingGroups, []byte("0 0"), 0)
}

// openSocket makes a netlink socket in ns.
func (ns *namespace) openSocket(t *thread) (s nl.SocketHandle, err error) {
	err = t.in(ns.file, func() error {
		s.Socket, err = nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
		return err
	})
	return s, err
}

func (ns *namespace) close() {
	if ns.handle != nil {
		ns.handle.Close()
	}
	if ns.socket.Socket != nil {
		ns.socket.Close()
	}
	if ns.file != nil {
		_ = ns.file.Close()
	}
}
