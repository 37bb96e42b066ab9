package netd

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Holder is who has a port.
type Holder struct {
	UID  int    // of the socket's owner, as this process's user namespace names it
	PID  int    // 0: this process may not see it
	Name string // of the process; "" with PID 0
}

// FindHolder looks in /proc for the socket that listens on at, in the network
// namespace of the caller. A process inside a user namespace may not see
// which process of the host has a socket; the owner is told in any case.
func FindHolder(protocol string, at netip.AddrPort) (Holder, bool) {
	for _, table := range []string{protocol, protocol + "6"} {
		if inode, uid, ok := findSocket(table, at); ok {
			h := Holder{UID: uid}
			h.PID, h.Name = processWith("socket:[" + inode + "]")
			return h, true
		}
	}
	return Holder{}, false
}

// findSocket reads a table of proc_net_tcp(5).
func findSocket(table string, at netip.AddrPort) (inode string, uid int, ok bool) {
	f, err := os.Open("/proc/thread-self/net/" + table)
	if err != nil {
		return "", 0, false
	}
	defer func() { _ = f.Close() }()
	const listening, unconnected = "0A", "07" // of TCP, of UDP
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 10 || fields[3] != listening && fields[3] != unconnected {
			continue
		}
		local, err := parseProcAddr(fields[1])
		if err != nil || local.Port() != at.Port() || !Clash(local.Addr(), at.Addr()) {
			continue
		}
		uid, err := strconv.Atoi(fields[7])
		return fields[9], uid, err == nil
	}
	return "", 0, false
}

// Clash tells whether who listens on one of the addresses leaves no room for
// the other, on the same port.
func Clash(a, b netip.Addr) bool {
	a, b = a.Unmap(), b.Unmap()
	return a == b || a.IsUnspecified() || b.IsUnspecified()
}

// parseProcAddr reads "0100007F:1F90": words in the machine's byte order.
func parseProcAddr(s string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	if err != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("address %q of /proc", s)
	}
	for i := 0; i < len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	ip, ok := netip.AddrFromSlice(b)
	n, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q of /proc", s)
	}
	return netip.AddrPortFrom(ip, uint16(n)), nil
}

// processWith finds the process that has a descriptor of that target.
func processWith(target string) (pid int, name string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, ""
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", e.Name())
		if !holds(filepath.Join(dir, "fd"), target) {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join(dir, "comm")) // a process without a name is one with a pid
		return pid, strings.TrimSpace(string(comm))
	}
	return 0, ""
}

func holds(dir, target string) bool {
	fds, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for i, fd := range fds {
		got, err := os.Readlink(filepath.Join(dir, fd.Name()))
		if err != nil && i == 0 {
			return false // none of this process can be read
		}
		if got == target {
			return true
		}
	}
	return false
}

// String says it for people: "nginx (pid 812)", or as much as is known.
func (h Holder) String() string {
	switch {
	case h.PID != 0:
		return fmt.Sprintf("%s (pid %d)", h.Name, h.PID)
	case h.UID == os.Getuid():
		return "another program of yours"
	default:
		return "a program of another user"
	}
}
