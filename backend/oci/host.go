package oci

import (
	"bufio"
	"os"
	"strings"

	"github.com/opencontainers/selinux/go-selinux"
	"golang.org/x/sys/unix"
)

// appArmorProfiles are the names that distributions and engines load a
// container profile under, ours first.
var appArmorProfiles = []string{"davit-container", "docker-default", "containers-default"}

// HostSecurity looks at what the host offers. SELinux labels are made afresh
// at each call, with categories of their own.
func HostSecurity() Security {
	var s Security
	if selinux.GetEnabled() {
		s.ProcessLabel, s.MountLabel = selinux.ContainerLabels()
	}
	s.AppArmorProfile = loadedProfile("/sys/kernel/security/apparmor/profiles")
	return s
}

// loadedProfile finds a loaded container profile; the list is readable for
// everyone where it matters (Debian, Ubuntu).
func loadedProfile(list string) string {
	f, err := os.Open(list)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	loaded := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, _, _ := strings.Cut(lines.Text(), " (")
		loaded[name] = true
	}
	for _, p := range appArmorProfiles {
		if loaded[p] {
			return p
		}
	}
	return ""
}

// CgroupV2 tells whether the host has the unified hierarchy alone.
func CgroupV2() bool {
	var st unix.Statfs_t
	return unix.Statfs("/sys/fs/cgroup", &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}
