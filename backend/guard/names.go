package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"davit/backend/api"
	"davit/backend/oci"
	"davit/backend/store"
)

// hostNames are those by which a container that may reach this computer's
// loopback finds it; podman's and docker's programs know the others.
const hostNames = "host.davit.internal host.containers.internal host.docker.internal"

// sharesNetwork tells whether nothing of its network is the container's own.
func sharesNetwork(rec store.Record) bool {
	return rec.Network == api.NetworkHost || strings.HasPrefix(rec.Network, api.NetworkOf)
}

// writeIdentity writes the files that tell a container who and where it is.
// They are mounted one by one: what is written anew is seen at once.
func writeIdentity(c *container, n connected) error {
	files := map[string]string{"hostname": c.rec.Hostname + "\n"}
	var err error
	if other, ok := strings.CutPrefix(c.currently().network, api.NetworkOf); ok {
		for _, name := range []string{"hosts", "resolv.conf"} {
			b, rerr := os.ReadFile(oci.IdentityFile(c.g.Dirs.Container(other), name))
			files[name], err = string(b), rerr
		}
	} else {
		files["hosts"], files["resolv.conf"] = c.hosts(n), c.resolvConf(n)
	}
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	for name, text := range files {
		path := oci.IdentityFile(c.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("identity: %w", err)
		}
		// The file stands below the person's umask; everyone inside reads it.
		uid, gid := c.rec.IDs.Root()
		if err := errors.Join(os.Chmod(path, 0o644), os.Lchown(path, uid, gid)); err != nil {
			return fmt.Errorf("identity: %w", err)
		}
	}
	return nil
}

// hosts is the container's /etc/hosts.
func (c *container) hosts(n connected) string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n")
	if c.currently().network == api.NetworkHost {
		if own, err := os.ReadFile("/etc/hosts"); err == nil {
			b.Reset()
			b.Write(own)
		}
	}
	host := "127.0.0.1" // the host's network has it
	for _, p := range n.places {
		if p.Host.IsValid() {
			host = p.Host.String()
			break
		}
	}
	for _, p := range n.places {
		fmt.Fprintf(&b, "%s\t%s\n", p.IP, c.ownNames())
		if p.IP6 != "" {
			fmt.Fprintf(&b, "%s\t%s\n", p.IP6, c.ownNames())
		}
	}
	if c.rec.Spec.HostAccess {
		fmt.Fprintf(&b, "%s\t%s\n", host, hostNames)
	}
	for _, h := range c.rec.Spec.ExtraHosts {
		i := strings.IndexAny(h, ":=")
		if i < 0 {
			continue // the engine lets none through
		}
		address := strings.Trim(h[i+1:], "[]")
		if _, err := netip.ParseAddr(address); err != nil {
			address = host
		}
		fmt.Fprintf(&b, "%s\t%s\n", address, h[:i])
	}
	return b.String()
}

// ownNames are those that its own addresses have, the full one first: what
// `hostname -f` says.
func (c *container) ownNames() string {
	if domain := c.rec.Spec.Domainname; domain != "" {
		return c.rec.Hostname + "." + domain + " " + c.rec.Hostname
	}
	return c.rec.Hostname
}

// resolvConf is the container's /etc/resolv.conf.
func (c *container) resolvConf(n connected) string {
	spec := c.rec.Spec
	gate, _ := n.gate()
	servers, search, options := spec.DNS, spec.DNSSearch, spec.DNSOptions
	if c.currently().network == api.NetworkHost && len(servers)+len(search)+len(options) == 0 {
		own, err := os.ReadFile("/etc/resolv.conf")
		if err != nil {
			return "" // the host has none either
		}
		return string(own)
	}
	if len(servers) == 0 && gate.DNS.IsValid() {
		servers = []string{gate.DNS.String()}
	}
	if len(search) == 0 {
		search = gate.Search
	}
	if len(options) == 0 && len(servers) > 0 {
		options = []string{"ndots:0"}
	}
	var b strings.Builder
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	if len(options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(options, " "))
	}
	if len(search) > 0 && !slices.Contains(search, ".") {
		fmt.Fprintf(&b, "search %s\n", strings.Join(search, " "))
	}
	return b.String()
}
