// Package routes tells which addresses this computer reaches where, so that no
// network of containers takes one of them, and that it is said when a VPN
// takes one later. It runs in whatever process is in the host's network
// namespace, and needs no rights.
package routes

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Route is a destination and the device that leads to it.
type Route struct {
	Dst    netip.Prefix
	Device string
}

// Host are the routes of this computer but the default ones and those of lo.
func Host(six bool) ([]Route, error) {
	path, parse := "/proc/net/route", parse4
	if six {
		path, parse = "/proc/net/ipv6_route", parse6
	}
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil // no IPv6
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var all []Route
	for s := bufio.NewScanner(f); s.Scan(); {
		if r, ok := parse(strings.Fields(s.Text())); ok && r.Dst.Bits() > 0 && r.Device != "lo" {
			all = append(all, r)
		}
	}
	return all, nil
}

// parse4 reads a line of /proc/net/route: words in the machine's byte order.
func parse4(f []string) (Route, bool) {
	if len(f) < 8 {
		return Route{}, false
	}
	dst, err1 := strconv.ParseUint(f[1], 16, 32)
	mask, err2 := strconv.ParseUint(f[7], 16, 32)
	if err1 != nil || err2 != nil {
		return Route{}, false
	}
	bits := 0
	for ; mask != 0; mask &= mask - 1 {
		bits++
	}
	ip := netip.AddrFrom4([4]byte{byte(dst), byte(dst >> 8), byte(dst >> 16), byte(dst >> 24)})
	return Route{netip.PrefixFrom(ip, bits), f[0]}, true
}

// parse6 reads a line of /proc/net/ipv6_route.
func parse6(f []string) (Route, bool) {
	if len(f) < 10 {
		return Route{}, false
	}
	b, err1 := hex.DecodeString(f[0])
	bits, err2 := strconv.ParseUint(f[1], 16, 8)
	ip, ok := netip.AddrFromSlice(b)
	if err1 != nil || err2 != nil || !ok || ip.IsMulticast() || ip.IsLinkLocalUnicast() {
		return Route{}, false
	}
	return Route{netip.PrefixFrom(ip, int(bits)), f[9]}, true
}

// Collision says in a sentence which of this computer's routes overlaps a
// network's ranges; "": none. A range that cannot be read overlaps nothing.
func Collision(subnets ...string) string {
	for _, s := range subnets {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			continue
		}
		all, err := Host(p.Addr().Is6())
		if err != nil {
			continue // nothing is known of this host's routes
		}
		for _, r := range all {
			if r.Dst.Overlaps(p) {
				return fmt.Sprintf("this computer reaches %s over %s, which overlaps %s: containers in this network cannot reach those addresses. Make the network anew with another subnet.",
					r.Dst, r.Device, p)
			}
		}
	}
	return ""
}

// Watch calls changed when routes have come or gone, several at once, until
// ctx ends.
func Watch(ctx context.Context, changed func()) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "routes")
	defer func() { _ = f.Close() }()
	const groups = 1<<(unix.RTNLGRP_IPV4_ROUTE-1) | 1<<(unix.RTNLGRP_IPV6_ROUTE-1)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	defer context.AfterFunc(ctx, func() { _ = f.Close() })()
	buf := make([]byte, 64<<10)
	for {
		_, err := f.Read(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, unix.ENOBUFS): // too much at once: that is a change, too
			return fmt.Errorf("watch routes: %w", err)
		}
		changed()
	}
}
