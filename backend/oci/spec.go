// Package oci turns what a person asked for into a runtime-spec bundle.
//
// It runs in the engine, as root of the user namespace, and writes nothing:
// [Spec] is a pure function of the record, the options and what the host
// offers. What runs a bundle is behind the interface in package guard;
// oci/libct is the implementation with runc's libcontainer.
package oci

import (
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/userns/idmap"
)

// SpecOptions are what a bundle depends on besides the record.
type SpecOptions struct {
	Dir store.ContainerDir
	// CgroupV2 mounts the cgroup file system; on version 1 it cannot be
	// mounted from a user namespace and stays away.
	CgroupV2 bool
	Security Security
	// Volumes gives the directory of a volume; nil where there are none.
	Volumes func(name string) string
	// Seccomp is the profile that the spec names, in docker's form.
	Seccomp []byte
	// Env are variables that are not in the record: secrets.
	Env []string
}

// InitAnnotation asks the runtime for an init before the program (see
// oci/pidone).
const InitAnnotation = "io.davit.init"

// Spec makes the config.json of a container. User names, the network
// namespace and addresses are known only when it starts: the guard fills them
// in.
func Spec(rec store.Record, o SpecOptions) (*specs.Spec, error) {
	sec, err := parseSecurity(rec.Spec)
	if err != nil {
		return nil, err
	}
	caps, err := capabilities(rec.Spec, sec.privileged)
	if err != nil {
		return nil, err
	}
	mounts, err := mounts(rec, o, sec.privileged)
	if err != nil {
		return nil, err
	}
	s := &specs.Spec{
		Version:  "1.2.0", // 1.3.0 adds nothing that we use, and Debian 12's runtimes refuse it
		Hostname: rec.Hostname, Domainname: rec.Spec.Domainname,
		Root: &specs.Root{Path: o.Dir.Rootfs(), Readonly: rec.Spec.ReadOnly},
		Process: &specs.Process{
			Terminal:        rec.TTY,
			Args:            rec.Args,
			Env:             append(slices.Clone(rec.Env), o.Env...),
			Cwd:             cwd(rec.WorkingDir),
			Capabilities:    caps,
			NoNewPrivileges: sec.noNewPrivileges,
			ApparmorProfile: sec.apparmor(o.Security),
			SelinuxLabel:    sec.selinux(o.Security.ProcessLabel),
		},
		Mounts: mounts,
		Linux: &specs.Linux{
			Namespaces: namespaces(rec.Network),
			MountLabel: sec.selinux(o.Security.MountLabel),
			// No CgroupsPath: libcontainer takes a path as an order and fails where
			// it cannot be made; without one it uses what is delegated, or none.
			Resources: &specs.LinuxResources{},
			Sysctl:    rec.Spec.Sysctls,
		},
	}
	nest(s, rec.IDs)
	for _, u := range rec.Spec.Ulimits {
		s.Process.Rlimits = append(s.Process.Rlimits, specs.POSIXRlimit{
			Type: "RLIMIT_" + strings.ToUpper(u.Name), Soft: uint64(u.Soft), Hard: uint64(u.Hard), // -1 is the kernel's RLIM_INFINITY
		})
	}
	if adj := rec.Spec.OOMScoreAdj; adj != 0 {
		s.Process.OOMScoreAdj = &adj
	}
	if err := note(s, rec.Spec); err != nil {
		return nil, err
	}
	if !sec.unmasked && !sec.privileged {
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = sec.masked(maskedPaths()), sec.shown(readonlyPaths())
	}
	if sec.seccomp && (!sec.privileged || sec.seccompFile != "") {
		if s.Linux.Seccomp, err = seccompProfile(s, o.Seccomp); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// note says what the runtime is told beside the namespaces.
func note(s *specs.Spec, spec api.RunSpec) error {
	if len(spec.Annotations) > 0 || spec.Init {
		s.Annotations = map[string]string{}
	}
	maps.Copy(s.Annotations, spec.Annotations)
	if spec.Init {
		s.Annotations[InitAnnotation] = "true"
	}
	if spec.Umask != "" {
		bits, err := strconv.ParseUint(spec.Umask, 8, 32)
		if err != nil {
			return api.Errorf(api.KindInvalid, "%q is no umask", spec.Umask).WithField("umask")
		}
		umask := uint32(bits)
		s.Process.User.Umask = &umask
	}
	return nil
}

// nest gives a container that has ids of its own a user namespace for them.
func nest(s *specs.Spec, ids idmap.Maps) {
	if ids.None() {
		return
	}
	maps := func(from []idmap.Range) (to []specs.LinuxIDMapping) {
		for _, r := range from {
			to = append(to, specs.LinuxIDMapping{ContainerID: r.Inside, HostID: r.Outside, Size: r.Count})
		}
		return to
	}
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	s.Linux.UIDMappings, s.Linux.GIDMappings = maps(ids.UIDs), maps(ids.GIDs)
}

func cwd(dir string) string {
	if dir == "" {
		return "/"
	}
	return dir
}

func namespaces(network string) []specs.LinuxNamespace {
	all := []specs.LinuxNamespace{
		{Type: specs.PIDNamespace},
		{Type: specs.MountNamespace},
		{Type: specs.IPCNamespace},
		{Type: specs.UTSNamespace},
		{Type: specs.CgroupNamespace},
	}
	if network != api.NetworkHost {
		all = append(all, specs.LinuxNamespace{Type: specs.NetworkNamespace}) // the guard sets its path
	}
	return all
}

// seccompProfile is docker's default profile for the native architecture
// only: compiling it for three costs 27 ms at every start and exec, and
// without 32-bit system calls its socket rules cannot be passed by.
func seccompProfile(s *specs.Spec, own []byte) (*specs.LinuxSeccomp, error) {
	if own != nil {
		p, err := seccomp.LoadProfile(string(own), s)
		if err != nil {
			return nil, api.Errorf(api.KindInvalid, "the seccomp profile cannot be read: %w", err).WithField("securityOpt")
		}
		return p, nil
	}
	p, err := seccomp.GetDefaultProfile(s)
	if err != nil {
		return nil, api.Errorf(api.KindInternal, "seccomp profile: %w", err)
	}
	if native, ok := seccompArch[runtime.GOARCH]; ok {
		p.Architectures = []specs.Arch{native}
	}
	return p, nil
}

var seccompArch = map[string]specs.Arch{
	"amd64":   specs.ArchX86_64,
	"arm64":   specs.ArchAARCH64,
	"riscv64": specs.ArchRISCV64,
	"s390x":   specs.ArchS390X,
	"ppc64le": specs.ArchPPC64LE,
	"arm":     specs.ArchARM,
}

// maskedPaths and readonlyPaths are docker's.
func maskedPaths() []string {
	return []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
		"/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	}
}

func readonlyPaths() []string {
	return []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
}

// defaultCapabilities are docker's fourteen but NET_RAW, by which a container
// could send frames and packets in others' names. Ping works without it: see
// netstack's sysctls.
var defaultCapabilities = []string{
	"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
	"CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETGID",
	"CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// capabilities gives the sets; the inheritable and ambient ones are always
// empty (CVE-2022-24769).
func capabilities(spec api.RunSpec, privileged bool) (*specs.LinuxCapabilities, error) {
	set := map[string]bool{}
	start := defaultCapabilities
	if privileged {
		start = allCapabilities
	}
	for _, c := range start {
		set[c] = true
	}
	drop, err := capabilityNames(spec.CapDrop)
	if err != nil {
		return nil, err
	}
	add, err := capabilityNames(spec.CapAdd)
	if err != nil {
		return nil, err
	}
	// As docker does: drop ALL first, then what is added by name counts.
	if drop["ALL"] {
		set = map[string]bool{}
	}
	if add["ALL"] {
		for _, c := range allCapabilities {
			set[c] = true
		}
	}
	for c := range drop {
		delete(set, c)
	}
	for c := range add {
		if c != "ALL" {
			set[c] = true
		}
	}
	names := make([]string, 0, len(set))
	for _, c := range allCapabilities {
		if set[c] {
			names = append(names, c)
		}
	}
	return &specs.LinuxCapabilities{Bounding: names, Effective: names, Permitted: names}, nil
}

// AllCapabilities are the sets of a privileged process.
func AllCapabilities() *specs.LinuxCapabilities {
	return &specs.LinuxCapabilities{Bounding: allCapabilities, Effective: allCapabilities, Permitted: allCapabilities}
}

func capabilityNames(given []string) (map[string]bool, error) {
	known := map[string]bool{"ALL": true}
	for _, c := range allCapabilities {
		known[c] = true
	}
	names := map[string]bool{}
	for _, g := range given {
		c := strings.ToUpper(g)
		if c != "ALL" && !strings.HasPrefix(c, "CAP_") {
			c = "CAP_" + c
		}
		if !known[c] {
			return nil, api.Errorf(api.KindInvalid, "unknown capability %q", g).
				WithHint("Capabilities are named as in capabilities(7), such as NET_ADMIN, or ALL.")
		}
		names[c] = true
	}
	return names, nil
}

// allCapabilities are those of Linux 6, in the kernel's order.
var allCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
	"CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
	"CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
	"CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}
