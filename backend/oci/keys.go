package oci

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// keyCalls are the system calls by which a program gets at keys of the kernel.
var keyCalls = []string{"add_key", "keyctl", "request_key"}

// keyList is the file in which the kernel lists them.
const keyList = "/proc/keys"

// Keyless tells whether what runs in a container can neither use the kernel's
// keys nor see which there are, so that it needs no session keyring of its own
// to be kept apart from others. It is so by default, and not with privileged,
// seccomp=unconfined, systempaths=unconfined or a profile that lets keys be
// used. A program that is executed in the container later has the same filter.
func Keyless(s *specs.Spec) bool {
	if s.Linux == nil || s.Linux.Seccomp == nil || !slices.Contains(s.Linux.MaskedPaths, keyList) {
		return false
	}
	return !slices.ContainsFunc(keyCalls, func(call string) bool { return !refused(s.Linux.Seccomp, call) })
}

// refused tells whether a filter refuses a system call whatever its arguments
// are. Of several rules for one, libseccomp takes the last: any but a refusal
// counts.
func refused(p *specs.LinuxSeccomp, call string) bool {
	named := false
	for _, rule := range p.Syscalls {
		if !slices.Contains(rule.Names, call) {
			continue
		}
		if !refuses(rule.Action) {
			return false
		}
		named = named || len(rule.Args) == 0
	}
	return named || refuses(p.DefaultAction)
}

func refuses(a specs.LinuxSeccompAction) bool {
	return slices.Contains([]specs.LinuxSeccompAction{
		specs.ActErrno, specs.ActKill, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap,
	}, a)
}
