package runspec

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/form"
)

// Check says in plain words all that is wrong with a spec that no image and no
// computer could mend; each error has the field that it is about.
func Check(s api.RunSpec) []*api.Error {
	c := &checker{}
	if strings.TrimSpace(s.Image) == "" {
		c.wrong("image", "", "no image is named").hint("Say which image to run.")
	}
	for _, check := range []func(api.RunSpec){
		c.name, c.notes, c.process, c.ports, c.mounts, c.devices, c.stop, c.restart, c.platform, c.health,
		c.identity, c.kernel, c.secrets, c.log,
	} {
		check(s)
	}
	return c.found
}

type checker struct{ found []*api.Error }

// wrong notes an error about a field; ref is what was asked for.
func (c *checker) wrong(field, ref, format string, args ...any) *checker {
	c.found = append(c.found, api.Errorf(api.KindInvalid, format, args...).WithRef(ref).WithField("%s", field))
	return c
}

// hint adds to the last error what to do about it.
func (c *checker) hint(format string, args ...any) {
	last := len(c.found) - 1
	c.found[last] = c.found[last].WithHint(format, args...)
}

func at(list string, i int, more string) string { return fmt.Sprintf("%s[%d]%s", list, i, more) }

var (
	nameForm     = form.Of(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)
	hostnameForm = form.Of(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$`)
	platformForm = form.Of(`^linux/[a-z0-9_]+(/[a-z0-9.]+)?$`)
	octal        = form.Of(`^[0-7]{3,4}$`)
	umaskForm    = form.Of(`^0?[0-7]{1,3}$`)
)

// ownAnnotations is how those begin that the engine says to the runtime.
const ownAnnotations = "io.davit."

// ValidName tells whether something can be the name of a container or volume.
func ValidName(name string) bool { return len(name) <= 128 && nameForm().MatchString(name) }

func (c *checker) name(s api.RunSpec) {
	if s.Name != "" && !ValidName(strings.TrimPrefix(s.Name, "/")) { // docker's API says names with a slash
		c.wrong("name", s.Name, "%q cannot be the name of a container", s.Name).
			hint("Use at most 128 letters and digits, and after the first also _ . and -")
	}
	if s.Hostname != "" && (len(s.Hostname) > 64 || !hostnameForm().MatchString(s.Hostname)) {
		c.wrong("hostname", s.Hostname, "%q cannot be a host name", s.Hostname).
			hint("Use at most 64 letters, digits, dots, and hyphens between them.")
	}
}

// mostDomain is the kernel's __NEW_UTS_LEN.
const mostDomain = 64

func (c *checker) notes(s api.RunSpec) {
	if s.Domainname != "" && (len(s.Domainname) > mostDomain || !hostnameForm().MatchString(s.Domainname)) {
		c.wrong("domainname", s.Domainname, "%q cannot be a domain name", s.Domainname).
			hint("Use at most %d letters, digits, dots, and hyphens between them.", mostDomain)
	}
	if s.Umask != "" && !umaskForm().MatchString(s.Umask) {
		c.wrong("umask", s.Umask, "%q is no umask", s.Umask).hint("Write it in octal digits, such as 0022 or 077.")
	}
	for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
		switch {
		case strings.TrimSpace(key) == "" || strings.ContainsAny(key, "=\x00") || strings.ContainsRune(s.Annotations[key], 0):
			c.wrong("annotations."+key, key, "%q cannot be the key of an annotation", key)
		case strings.HasPrefix(key, ownAnnotations):
			c.wrong("annotations."+key, key, "annotations that begin with %s are Davit's own", ownAnnotations)
		}
	}
}

func (c *checker) process(s api.RunSpec) {
	for i, e := range s.Env {
		if key, _, ok := strings.Cut(e, "="); !ok || key == "" || strings.ContainsAny(key, " \t\n") {
			c.wrong(at("env", i, ""), e, "environment %q is not of the form KEY=value", e)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		if strings.TrimSpace(key) == "" || strings.Contains(key, "=") {
			c.wrong("labels."+key, key, "%q cannot be the key of a label", key)
		}
	}
	for _, l := range []struct {
		field, what string
		values      []string
	}{
		{"command", "command", s.Command}, {"entrypoint", "entrypoint", s.Entrypoint}, {"env", "environment", s.Env},
	} {
		for i, v := range l.values {
			if strings.ContainsRune(v, 0) {
				c.wrong(at(l.field, i, ""), v, "the %s holds a NUL byte", l.what)
			}
		}
	}
	if strings.ContainsRune(s.WorkingDir, 0) || s.WorkingDir != "" && !path.IsAbs(s.WorkingDir) {
		c.wrong("workingDir", s.WorkingDir, "the working directory %q is not an absolute path", s.WorkingDir).
			hint("Begin it with a slash: it is a path inside the container.")
	}
	if strings.ContainsAny(s.User, " \t\n/\x00") || strings.Count(s.User, ":") > 1 {
		c.wrong("user", s.User, "%q is not a user", s.User).hint("Use a name or number, or user:group.")
	}
	for i, g := range s.Groups {
		if g == "" || strings.ContainsAny(g, " \t\n/:\x00") {
			c.wrong(at("groups", i, ""), g, "%q is not a group", g).hint("Use a name or number.")
		}
	}
	for i, f := range s.EnvFiles {
		if !filepath.IsAbs(f) {
			c.wrong(at("envFiles", i, ""), f, "%q is not an absolute path on this computer", f)
		}
	}
}

func complete(p api.Port) api.Port {
	if p.HostIP == "" {
		p.HostIP = "127.0.0.1"
	}
	p.Protocol = strings.ToLower(protocol(p))
	return p
}

func (c *checker) ports(s api.RunSpec) {
	seen := map[api.Port]bool{}
	for i, p := range s.Ports {
		p = complete(p)
		if p.ContainerPort == 0 {
			c.wrong(at("ports", i, ".containerPort"), "", "a published port wants the port inside the container")
		}
		if p.Protocol != "tcp" && p.Protocol != "udp" {
			c.wrong(at("ports", i, ".protocol"), p.Protocol, "the protocol of port %d is %q", p.ContainerPort, p.Protocol).hint("Protocols are tcp and udp.")
		}
		if _, err := netip.ParseAddr(p.HostIP); err != nil {
			c.wrong(at("ports", i, ".hostIP"), p.HostIP, "%q is not an address of this computer", p.HostIP).
				hint("Use 127.0.0.1 for this computer alone, or 0.0.0.0 for the network, too.")
		}
		if p.HostFirst > p.HostLast || p.HostLast != 0 && p.HostFirst == 0 || p.Ranged() && p.HostPort != 0 && (p.HostPort < p.HostFirst || p.HostPort > p.HostLast) {
			c.wrong(at("ports", i, ".hostPort"), fmt.Sprintf("%d-%d", p.HostFirst, p.HostLast), "%d to %d is no range of ports that port %d can be of", p.HostFirst, p.HostLast, p.HostPort).
				hint("Write 8000-8010.")
		}
		key := api.Port{HostIP: p.HostIP, HostPort: p.HostPort, Protocol: p.Protocol}
		if p.HostPort != 0 && seen[key] {
			c.wrong(at("ports", i, ".hostPort"), strconv.Itoa(int(p.HostPort)), "port %d of %s is asked for twice", p.HostPort, p.HostIP)
		}
		seen[key] = true
	}
	if s.Network == "none" && (len(s.Ports) > 0 || s.PublishAll) {
		c.wrong("network", "none", "a container without a network cannot publish ports")
	}
	for i, e := range s.Expose {
		if _, err := Publish(strings.ToLower(e)); err != nil || strings.Contains(e, ":") {
			c.wrong(at("expose", i, ""), e, "%q is not a port", e).hint("Write 80, 53/udp or 8000-8010.")
		}
	}
}

func (c *checker) mounts(s api.RunSpec) {
	seen := map[string]bool{}
	for i, m := range s.Mounts {
		target := path.Clean(m.Target)
		switch {
		case m.Type != api.MountBind && m.Type != api.MountTmpfs && m.Type != api.MountVolume:
			c.wrong(at("mounts", i, ".type"), m.Type, "unknown type of mount %q", m.Type).hint("Types are bind, volume and tmpfs.")
		case !path.IsAbs(m.Target) || target == "/":
			c.wrong(at("mounts", i, ".target"), m.Target, "%q is not a place to mount at", m.Target).
				hint("Use an absolute path inside the container, below /.")
		case seen[target]:
			c.wrong(at("mounts", i, ".target"), m.Target, "two mounts want the place %s", target)
		case strings.ContainsRune(m.Source+m.Target, 0) || !utf8.ValidString(m.Source) || !utf8.ValidString(m.Target):
			c.wrong(at("mounts", i, ".source"), m.Source, "the path %q cannot be written down", m.Source).hint("Use a path in UTF-8.")
		}
		seen[target] = true
		c.source(i, m)
		c.mountOptions(i, m)
	}
}

func (c *checker) source(i int, m api.Mount) {
	field := at("mounts", i, ".source")
	switch {
	case m.Type == api.MountTmpfs && m.Source != "":
		c.wrong(field, m.Source, "a tmpfs has no source")
	case m.Type == api.MountBind && !filepath.IsAbs(m.Source):
		c.wrong(field, m.Source, "%q is not an absolute path on this computer", m.Source)
	case m.Type == api.MountVolume && m.Source != "" && !ValidName(m.Source):
		c.wrong(field, m.Source, "%q cannot be the name of a volume", m.Source).
			hint("Use at most 128 letters and digits, and after the first also _ . and -; a directory of this computer begins with /")
	case m.Subpath != "" && (m.Type == api.MountTmpfs || !filepath.IsLocal(m.Subpath)):
		c.wrong(at("mounts", i, ".subpath"), m.Subpath, "%q is not a path inside of what is mounted", m.Subpath)
	}
}

func (c *checker) mountOptions(i int, m api.Mount) {
	if m.Propagation != "" && (m.Type != api.MountBind || !slices.Contains(propagations, m.Propagation)) {
		c.wrong(at("mounts", i, ".propagation"), m.Propagation, "%q is not how mounts are passed on", m.Propagation).
			hint("It is %s, of a bind.", strings.Join(propagations, ", "))
	}
	if m.Relabel != "" && m.Relabel != "z" && m.Relabel != "Z" {
		c.wrong(at("mounts", i, ".relabel"), m.Relabel, "a label is z, shared, or Z, private, not %q", m.Relabel)
	}
	if m.Type != api.MountTmpfs && (m.Size != 0 || m.Mode != "") {
		c.wrong(at("mounts", i, ".size"), "", "only a tmpfs has a size and a mode")
	}
	if m.Size < 0 {
		c.wrong(at("mounts", i, ".size"), "", "a tmpfs cannot have %d bytes", m.Size)
	}
	if m.Mode != "" && !octal().MatchString(m.Mode) {
		c.wrong(at("mounts", i, ".mode"), m.Mode, "%q is not a mode", m.Mode).hint("Write it in octal digits, such as 1777.")
	}
	for _, o := range m.Options {
		if !slices.Contains(mountFlags, o) && (m.Type != api.MountTmpfs || !tmpfsOption(o)) {
			c.wrong(at("mounts", i, ".options"), o, "the option %q of a mount is not known", o).
				hint("Options are %s, and of a tmpfs uid=, gid=, nr_inodes= and size= in percent.", strings.Join(mountFlags, ", "))
		}
	}
}

// tmpfsOption tells whether the kernel takes o of a tmpfs; a size in bytes is
// its Size.
func tmpfsOption(o string) bool {
	key, value, _ := strings.Cut(o, "=")
	percent := strings.TrimSuffix(value, "%")
	n, err := strconv.ParseUint(percent, 10, 31)
	switch key {
	case "uid", "gid", "nr_inodes":
		return err == nil && percent == value
	case "size":
		return err == nil && percent != value && n > 0 && n <= 100
	}
	return false
}

func (c *checker) devices(s api.RunSpec) {
	for i, d := range s.Devices {
		if !filepath.IsAbs(d.Source) || strings.ContainsAny(d.Source, ":\x00") {
			c.wrong(at("devices", i, ".source"), d.Source, "%q is not the path of a device", d.Source).hint("Such as /dev/dri or /dev/fuse.")
		}
		if d.Target != "" && (!path.IsAbs(d.Target) || path.Clean(d.Target) == "/" || strings.ContainsAny(d.Target, ":\x00")) {
			c.wrong(at("devices", i, ".target"), d.Target, "%q is not a place for a device", d.Target)
		}
		if d.Permissions != "" && !isPermissions(d.Permissions) {
			c.wrong(at("devices", i, ".permissions"), d.Permissions, "permissions of a device are of r, w and m, not %q", d.Permissions)
		}
	}
}

func (c *checker) stop(s api.RunSpec) {
	if s.StopTimeout != nil && *s.StopTimeout < -1 {
		c.wrong("stopTimeout", "", "a stop timeout of %d seconds makes no sense", *s.StopTimeout).
			hint("Use seconds, 0 to kill at once, or -1 to wait for ever.")
	}
	if s.StopSignal != "" && !ValidSignal(s.StopSignal) {
		c.wrong("stopSignal", s.StopSignal, "there is no signal %q", s.StopSignal).hint("%s", SignalHint)
	}
}

// SignalHint says how signals are named.
const SignalHint = "Use a name such as TERM or SIGTERM, or a number from 1 to 64."

var realTime = form.Of(`^SIGRT(MIN(\+([0-9]|[12][0-9]|30))?|MAX(-([0-9]|[12][0-9]|30))?)$`)

// ValidSignal tells whether there is a signal of that name or number.
func ValidSignal(name string) bool {
	upper := strings.ToUpper(name)
	if n, err := strconv.Atoi(upper); err == nil {
		return n >= 1 && n <= 64
	}
	upper = "SIG" + strings.TrimPrefix(upper, "SIG")
	return unix.SignalNum(upper) != 0 || realTime().MatchString(upper)
}

func (c *checker) restart(s api.RunSpec) {
	policy, count, counted := strings.Cut(s.Restart, ":")
	n, err := strconv.Atoi(count)
	switch {
	case !slices.Contains([]string{"", "no", "always", "unless-stopped", "on-failure"}, policy):
		c.wrong("restart", s.Restart, "unknown restart policy %q", s.Restart).
			hint("Policies are no, always, unless-stopped and on-failure[:count].")
	case counted && (policy != "on-failure" || err != nil || n < 0):
		c.wrong("restart", s.Restart, "%q is not a restart policy with a count", s.Restart).hint("Use on-failure:3, for example.")
	case s.AutoRemove && policy != "" && policy != "no":
		c.wrong("restart", s.Restart, "a container cannot be both removed and restarted when it ends").
			hint("Leave either the removal (--rm) or the restart policy away.")
	}
}

func (c *checker) platform(s api.RunSpec) {
	if s.Platform != "" && !platformForm().MatchString(s.Platform) {
		c.wrong("platform", s.Platform, "%q is not a platform", s.Platform).hint("Use linux/amd64 or linux/arm64, for example.")
	}
	switch s.Pull {
	case "", api.PullAlways, api.PullMissing, api.PullNever, api.PullNewer:
	default:
		c.wrong("pull", string(s.Pull), "%q does not say when to pull", s.Pull).hint("It is always, missing, newer or never.")
	}
}

// leastHealth is the shortest time that makes sense, docker's.
const leastHealth = time.Millisecond

func (c *checker) health(s api.RunSpec) {
	h := s.HealthCheck
	if h == nil {
		return
	}
	for _, t := range []struct {
		field, what string
		d           time.Duration
	}{
		{"interval", "interval", h.Interval}, {"timeout", "timeout", h.Timeout},
		{"startPeriod", "start period", h.StartPeriod}, {"startInterval", "start interval", h.StartInterval},
	} {
		if t.d != 0 && t.d < leastHealth {
			c.wrong("healthCheck."+t.field, t.d.String(), "the %s of a health check is %s: one millisecond is the least", t.what, t.d)
		}
	}
	switch {
	case h.Retries < 0:
		c.wrong("healthCheck.retries", "", "a health check cannot be tried again %d times", h.Retries)
	case h.None && (len(h.Test) > 0 || h.Interval+h.Timeout+h.StartPeriod+h.StartInterval != 0 || h.Retries != 0):
		c.wrong("healthCheck.none", "", "a container cannot have both a health check and none")
	case len(h.Test) > 0 && (len(h.Test) < 2 || h.Test[0] != "CMD" && h.Test[0] != "CMD-SHELL"):
		c.wrong("healthCheck.test", h.Test[0], "%q is no health check", h.Test).
			hint("Use CMD with a program and its arguments, or CMD-SHELL with a script.")
	}
}
