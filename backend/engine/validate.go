package engine

import (
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
)

// validate says in plain words what is wrong with a spec that no image could
// mend. Capabilities and security options are read by package oci.
func validate(s api.RunSpec) error {
	if strings.TrimSpace(s.Image) == "" {
		return invalid("", "no image is named").WithHint("Say which image to run.")
	}
	for _, check := range []func(api.RunSpec) error{
		validName, validHostname, validProcess, validPorts, validMounts,
		validStop, validRestart, validNetwork, validPlatform, validHealth, validLog,
		func(s api.RunSpec) error { return cgroup.Valid(s.Limits) },
	} {
		if err := check(s); err != nil {
			return err
		}
	}
	return nil
}

var (
	nameForm     = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)
	hostnameForm = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$`)
	platformForm = regexp.MustCompile(`^linux/[a-z0-9_]+(/[a-z0-9.]+)?$`)
)

func validName(s api.RunSpec) error {
	name := strings.TrimPrefix(s.Name, "/") // docker's API says names so
	if s.Name == "" || len(name) <= 128 && nameForm.MatchString(name) {
		return nil
	}
	return invalid(s.Name, "%q cannot be the name of a container", s.Name).
		WithHint("Use at most 128 letters and digits, and after the first also _ . and -")
}

func validHostname(s api.RunSpec) error {
	if s.Hostname == "" || len(s.Hostname) <= 64 && hostnameForm.MatchString(s.Hostname) {
		return nil
	}
	return invalid(s.Hostname, "%q cannot be a host name", s.Hostname).
		WithHint("Use at most 64 letters, digits, dots, and hyphens between them.")
}

func validProcess(s api.RunSpec) error {
	for _, e := range s.Env {
		if key, _, ok := strings.Cut(e, "="); !ok || key == "" || strings.ContainsAny(key, " \t\n") {
			return invalid(e, "environment %q is not of the form KEY=value", e)
		}
	}
	for key := range s.Labels {
		if strings.TrimSpace(key) == "" || strings.Contains(key, "=") {
			return invalid(key, "%q cannot be the key of a label", key)
		}
	}
	for what, list := range map[string][]string{
		"command": s.Command, "entrypoint": s.Entrypoint, "environment": s.Env,
		"user": {s.User}, "working directory": {s.WorkingDir},
	} {
		for _, v := range list {
			if strings.ContainsRune(v, 0) {
				return invalid(v, "the %s holds a NUL byte", what)
			}
		}
	}
	if s.WorkingDir != "" && !path.IsAbs(s.WorkingDir) {
		return invalid(s.WorkingDir, "the working directory %q is not an absolute path", s.WorkingDir).
			WithHint("Begin it with a slash: it is a path inside the container.")
	}
	if strings.ContainsAny(s.User, " \t\n/") || strings.Count(s.User, ":") > 1 {
		return invalid(s.User, "%q is not a user", s.User).WithHint("Use a name or number, or user:group.")
	}
	return nil
}

func validPorts(s api.RunSpec) error {
	seen := map[api.Port]bool{}
	for _, p := range s.Ports {
		p = completePort(p)
		if p.ContainerPort == 0 {
			return invalid("", "a published port wants the port inside the container")
		}
		if p.Protocol != "tcp" && p.Protocol != "udp" {
			return invalid(p.Protocol, "the protocol of port %d is %q", p.ContainerPort, p.Protocol).WithHint("Protocols are tcp and udp.")
		}
		if _, err := netip.ParseAddr(p.HostIP); err != nil {
			return invalid(p.HostIP, "%q is not an address of this computer", p.HostIP).
				WithHint("Use 127.0.0.1 for this computer alone, or 0.0.0.0 for the network, too.")
		}
		key := api.Port{HostIP: p.HostIP, HostPort: p.HostPort, Protocol: p.Protocol}
		if p.HostPort != 0 && seen[key] {
			return invalid(strconv.Itoa(int(p.HostPort)), "port %d of %s is asked for twice", p.HostPort, p.HostIP)
		}
		seen[key] = true
	}
	if s.Network == "none" && (len(s.Ports) > 0 || s.PublishAll) {
		return invalid("none", "a container without a network cannot publish ports")
	}
	return nil
}

func validMounts(s api.RunSpec) error {
	seen := map[string]bool{}
	for _, m := range s.Mounts {
		target := path.Clean(m.Target)
		switch {
		case m.Type != "bind" && m.Type != "tmpfs":
			return invalid(m.Type, "unknown type of mount %q", m.Type).WithHint("Types are bind and tmpfs.")
		case !path.IsAbs(m.Target) || target == "/":
			return invalid(m.Target, "%q is not a place to mount at", m.Target).
				WithHint("Use an absolute path inside the container, below /.")
		case seen[target]:
			return invalid(m.Target, "two mounts want the place %s", target)
		case strings.ContainsRune(m.Source+m.Target, 0) || !utf8.ValidString(m.Source) || !utf8.ValidString(m.Target):
			return invalid(m.Source, "the path %q cannot be written down", m.Source).WithHint("Use a path in UTF-8.")
		case m.Type == "tmpfs" && m.Source != "":
			return invalid(m.Source, "a tmpfs has no source")
		}
		seen[target] = true
		if err := validSource(m); err != nil {
			return err
		}
	}
	return nil
}

func validSource(m api.Mount) error {
	if m.Type != "bind" {
		return nil
	}
	if !filepath.IsAbs(m.Source) {
		return invalid(m.Source, "%q is not an absolute path on this computer", m.Source)
	}
	if _, err := os.Stat(m.Source); err != nil {
		return invalid(m.Source, "%s is to be mounted at %s, and cannot be reached: %w", m.Source, m.Target, err).
			WithHint("Make it first (mkdir -p), or choose another one.")
	}
	return nil
}

func validStop(s api.RunSpec) error {
	if s.StopTimeout != nil && *s.StopTimeout < -1 {
		return invalid("", "a stop timeout of %d seconds makes no sense", *s.StopTimeout).
			WithHint("Use seconds, 0 to kill at once, or -1 to wait for ever.")
	}
	if s.StopSignal == "" {
		return nil
	}
	return validSignal(s.StopSignal)
}

func validSignal(name string) error {
	upper := strings.ToUpper(name)
	if n, err := strconv.Atoi(upper); err == nil && n >= 1 && n <= 64 {
		return nil
	}
	upper = "SIG" + strings.TrimPrefix(upper, "SIG")
	if unix.SignalNum(upper) != 0 || realTime.MatchString(upper) {
		return nil
	}
	return invalid(name, "there is no signal %q", name).WithHint("Use a name such as TERM or SIGTERM, or a number from 1 to 64.")
}

var realTime = regexp.MustCompile(`^SIGRT(MIN(\+([0-9]|[12][0-9]|30))?|MAX(-([0-9]|[12][0-9]|30))?)$`)

func validLog(s api.RunSpec) error {
	if l := s.Log; l.MaxSize < 0 || l.MaxSize > 0 && l.MaxSize < minLog || l.MaxFiles < 0 || l.MaxFiles > maxLogs {
		return invalid("", "a log of %d files of %d bytes makes no sense", l.MaxFiles, l.MaxSize).
			WithHint("A file has %d bytes at least, and there are %d files at most.", minLog, maxLogs)
	}
	return nil
}

// The bounds of the bounds of a log: what a pipe holds fits a file, and a
// reader has all files open.
const (
	minLog  = 64 << 10
	maxLogs = 100
)

func validRestart(s api.RunSpec) error {
	policy, count, counted := strings.Cut(s.Restart, ":")
	n, err := strconv.Atoi(count)
	switch {
	case policy != "" && policy != "no" && policy != "always" && policy != "unless-stopped" && policy != "on-failure":
		return invalid(s.Restart, "unknown restart policy %q", s.Restart).
			WithHint("Policies are no, always, unless-stopped and on-failure[:count].")
	case counted && (policy != "on-failure" || err != nil || n < 0):
		return invalid(s.Restart, "%q is not a restart policy with a count", s.Restart).WithHint("Use on-failure:3, for example.")
	case s.AutoRemove && policy != "" && policy != "no":
		return invalid(s.Restart, "a container cannot be both removed and restarted when it ends").
			WithHint("Leave either the removal (--rm) or the restart policy away.")
	}
	return nil
}

func validNetwork(s api.RunSpec) error {
	switch s.Network {
	case "", "default", "bridge", "none":
		return nil
	}
	return api.Errorf(api.KindNotFound, "there is no network %q", s.Network).WithRef(s.Network).
		WithHint("Networks are default and none.")
}

func validPlatform(s api.RunSpec) error {
	if s.Platform == "" || platformForm.MatchString(s.Platform) {
		return nil
	}
	return invalid(s.Platform, "%q is not a platform", s.Platform).WithHint("Use linux/amd64 or linux/arm64, for example.")
}
