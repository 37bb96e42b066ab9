package oci

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"davit/backend/api"
	"davit/backend/runspec"
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
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=" + strconv.FormatInt(cmp.Or(rec.Spec.ShmSize, 64<<20), 10)}},
	}
	if o.CgroupV2 {
		ms = append(ms, specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{sys, "nosuid", "noexec", "nodev"}})
	}
	for _, name := range []string{"hosts", "hostname", "resolv.conf"} {
		ms = append(ms, specs.Mount{Destination: "/etc/" + name, Type: "bind", Source: IdentityFile(o.Dir, name), Options: []string{"bind", "rprivate"}})
	}
	for _, m := range shallowFirst(rec.Mounts) {
		sm, err := asked(m, o)
		if err != nil {
			return nil, err
		}
		ms = append(ms, sm)
	}
	for _, d := range rec.Spec.Devices {
		ms = append(ms, device(d))
	}
	for i, u := range rec.Spec.Secrets {
		if !u.Env {
			ms = append(ms, specs.Mount{
				Destination: runspec.SecretTarget(u), Type: "bind", Source: o.Dir.Secret(i),
				Options: []string{"bind", "rprivate", "ro", "nosuid", "nodev", "noexec"},
			})
		}
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

// device shows a device, or a directory of them. Which may be used is for
// their permissions to say: a user namespace has no device rules.
func device(d api.Device) specs.Mount {
	return specs.Mount{
		Destination: cmp.Or(d.Target, d.Source), Type: "bind", Source: d.Source, Options: []string{"rbind", "rprivate", "nosuid", "noexec"},
	}
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

func asked(m api.Mount, o SpecOptions) (specs.Mount, error) {
	if !path.IsAbs(m.Target) || path.Clean(m.Target) == "/" {
		return specs.Mount{}, api.Errorf(api.KindInvalid, "mount target %q has to be an absolute path below /", m.Target)
	}
	if inProc(m.Target) {
		return specs.Mount{}, api.Errorf(api.KindInvalid, "nothing can be mounted at %s: what holds the container relies on what the kernel shows there", m.Target).
			WithHint("Choose a place outside of /proc.").WithRef(m.Target)
	}
	sm := specs.Mount{Destination: m.Target, Type: "bind", Source: m.Source}
	propagation := "r" + strings.TrimPrefix(cmp.Or(m.Propagation, "rprivate"), "r")
	if m.Propagation == "private" || m.Propagation == "slave" || m.Propagation == "shared" {
		propagation = m.Propagation
	}
	switch m.Type {
	case api.MountBind:
		sm.Options = []string{"rbind", propagation}
	case api.MountVolume:
		sm.Source, sm.Options = o.Volumes(m.Source), []string{"rbind", "rprivate"}
	case api.MountTmpfs:
		sm.Type, sm.Source, sm.Options = "tmpfs", "tmpfs", tmpfs(m)
	default:
		return specs.Mount{}, api.Errorf(api.KindInvalid, "unknown type of mount %q", m.Type).WithHint("Types are bind, volume and tmpfs.")
	}
	if m.Type != api.MountTmpfs && !path.IsAbs(sm.Source) {
		return specs.Mount{}, api.Errorf(api.KindInvalid, "mount source %q has to be an absolute path", m.Source)
	}
	mode := "rw"
	if m.ReadOnly {
		mode = "ro"
	}
	sm.Options = append(append(sm.Options, m.Options...), mode)
	return sm, nil
}

// tmpfs gives docker's options, less what m.Options takes back.
func tmpfs(m api.Mount) []string {
	var options []string
	for _, o := range []string{"suid", "dev", "exec"} {
		if !slices.Contains(m.Options, o) {
			options = append(options, "no"+o)
		}
	}
	options = append(options, "mode="+cmp.Or(m.Mode, "1777"))
	if m.Size > 0 {
		options = append(options, "size="+strconv.FormatInt(m.Size, 10))
	}
	return options
}
