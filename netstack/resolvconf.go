package netstack

import (
	"bufio"
	"bytes"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// hostResolvers reads the host's resolv.conf, and again when it has changed:
// a laptop goes from one Wi-Fi to the next, and a VPN comes and goes.
type hostResolvers struct {
	path string

	mu      sync.Mutex
	seen    os.FileInfo
	looked  time.Time
	servers []string // host:port
	search  []string
}

const (
	// lookEvery bounds how often the file is looked at.
	lookEvery = 200 * time.Millisecond
	// settled is how old a file is whose time of change tells of each change:
	// file systems count in ticks.
	settled = time.Second
)

func (h *hostResolvers) current() (servers, search []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.looked) < lookEvery {
		return h.servers, h.search
	}
	h.looked = time.Now()
	st, err := os.Stat(h.path)
	if err != nil {
		return h.servers, h.search // being replaced: the last one known
	}
	if h.seen != nil && os.SameFile(st, h.seen) && st.ModTime().Equal(h.seen.ModTime()) && st.Size() == h.seen.Size() {
		return h.servers, h.search
	}
	if b, err := os.ReadFile(h.path); err == nil {
		h.seen = nil
		if h.looked.Sub(st.ModTime()) > settled {
			h.seen = st
		}
		h.servers, h.search = parseResolvConf(b)
	}
	return h.servers, h.search
}

// parseResolvConf reads what resolv.conf(5) describes; without a nameserver
// the one on this machine is meant.
func parseResolvConf(b []byte) (servers, search []string) {
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") || strings.HasPrefix(fields[0], ";") {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if ip, err := netip.ParseAddr(fields[1]); err == nil {
				servers = append(servers, net.JoinHostPort(ip.String(), "53"))
			}
		case "search", "domain":
			search = fields[1:]
		}
	}
	if len(servers) == 0 {
		servers = []string{"127.0.0.1:53"}
	}
	return servers, search
}
