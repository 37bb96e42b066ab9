package oci

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"davit/backend/api"
	"davit/backend/store"
)

// mounts lists what is mounted, in order: the file systems that every
// container has, the files that name it, then what was asked for (so that a
// person can put something else in their place).
func mounts(rec store.Record, o SpecOptions, privileged bool) ([]specs.Mount, error) {
	sys := "ro"
	if privileged {
		sys = "rw"
	}
	ms := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: devpts()},
		sysfs(rec.Network, sys),
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=67108864"}},
	}
	if o.CgroupV2 {
		ms = append(ms, specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{sys, "nosuid", "noexec", "nodev"}})
	}
	for _, name := range []string{"hosts", "hostname", "resolv.conf"} {
		ms = append(ms, specs.Mount{Destination: "/etc/" + name, Type: "bind", Source: IdentityFile(o.Dir, name), Options: []string{"bind", "rprivate"}})
	}
	for _, m := range shallowFirst(rec.Mounts) {
		sm, err := asked(m)
		if err != nil {
			return nil, err
		}
		ms = append(ms, sm)
	}
	return ms, nil
}

// sysfs is /sys. The kernel mounts a new one only for a network namespace that
// belongs to the user namespace, which the host's does not: that one's is shown.
func sysfs(network, mode string) specs.Mount {
	if network == api.NetworkHost {
		return specs.Mount{Destination: "/sys", Type: "bind", Source: "/sys", Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev", mode}}
	}
	return specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", mode}}
}

// shallowFirst orders mounts so that none hides another below it: an image
// may declare /srv as a volume and the person show a directory at /srv/www.
func shallowFirst(ms []api.Mount) []api.Mount {
	depth := func(m api.Mount) int { return strings.Count(path.Clean(m.Target), "/") }
	return slices.SortedStableFunc(slices.Values(ms), func(a, b api.Mount) int { return cmp.Compare(depth(a), depth(b)) })
}

// procFiles are what lxcfs gives a container instead of the host's; libcontainer
// lets nothing else be mounted below /proc (CVE-2019-19921, CVE-2023-27561).
var procFiles = []string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
	"/proc/loadavg", "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
}

// inProc tells whether target is where the kernel's files about processes are.
func inProc(target string) bool {
	target = path.Clean(target)
	return (target == "/proc" || strings.HasPrefix(target, "/proc/")) && !slices.Contains(procFiles, target)
}

// devpts without gid=5 (tty): in single-uid mode no such group is mapped, and
// the kernel refuses the mount; the default, the mounter's group, does as well.
func devpts() []string {
	return []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
}

// IdentityFile is where the guard writes the container's /etc/hosts,
// /etc/hostname or /etc/resolv.conf at each start.
func IdentityFile(dir store.ContainerDir, name string) string {
	return path.Join(string(dir), name)
}

func asked(m api.Mount) (specs.Mount, error) {
	if !path.IsAbs(m.Target) || path.Clean(m.Target) == "/" {
		return specs.Mount{}, api.Errorf(api.KindInvalid, "mount target %q has to be an absolute path below /", m.Target)
	}
	if inProc(m.Target) {
		return specs.Mount{}, api.Errorf(api.KindInvalid, "nothing can be mounted at %s: what holds the container relies on what the kernel shows there", m.Target).
			WithHint("Choose a place outside of /proc.").WithRef(m.Target)
	}
	mode := "rw"
	if m.ReadOnly {
		mode = "ro"
	}
	switch m.Type {
	case "bind":
		if !path.IsAbs(m.Source) {
			return specs.Mount{}, api.Errorf(api.KindInvalid, "mount source %q has to be an absolute path", m.Source)
		}
		return specs.Mount{Destination: m.Target, Type: "bind", Source: m.Source, Options: []string{"rbind", "rprivate", mode}}, nil
	case "tmpfs":
		return specs.Mount{Destination: m.Target, Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "noexec", mode}}, nil
	}
	return specs.Mount{}, api.Errorf(api.KindInvalid, "unknown mount type %q", m.Type).
		WithHint("Types are %s.", strings.Join([]string{"bind", "tmpfs"}, " and "))
}
