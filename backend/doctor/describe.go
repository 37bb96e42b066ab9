package doctor

import (
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// Describe fills in what i says of the host: system, kernel, processors,
// memory, control groups. It reads a few small files and cannot fail; what
// the host does not tell stays empty.
func Describe(i *api.Info) {
	h, err := thisHost(Options{})
	if err != nil {
		return // a kernel without uname has nothing else to tell, either
	}
	h.describe(i)
	i.Architecture, i.CPUs = runtime.GOARCH, runtime.NumCPU()
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) == nil {
		i.Memory = int64(s.Totalram) * int64(s.Unit)
	}
}

func (h *host) describe(i *api.Info) {
	release := osRelease(h.line("/etc/os-release"))
	i.OS, i.Kernel = release["PRETTY_NAME"], h.release
	if i.OS == "" {
		i.OS = strings.TrimSpace(release["NAME"] + " " + release["VERSION"])
	}
	if i.OS == "" {
		i.OS = "Linux"
	}
	i.CgroupVersion, i.CgroupDelegated, _ = h.cgroup()
	if len(i.Security) == 0 {
		i.Security = h.security()
	}
}

func (h *host) security() []string {
	out := []string{}
	if h.line("/proc/sys/kernel/seccomp/actions_avail") != "" {
		out = append(out, "seccomp")
	}
	if h.line("/sys/module/apparmor/parameters/enabled") == "Y" {
		out = append(out, "apparmor")
	}
	if e, err := strconv.Atoi(h.line("/sys/fs/selinux/enforce")); err == nil && e >= 0 {
		out = append(out, "selinux")
	}
	return out
}
