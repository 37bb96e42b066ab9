package oci

import (
	"slices"

	"davit/backend/api"
)

// GivenAway says in sentences which of a container's walls the person has
// taken down, and what that gives the container. However many are down, it
// has no more rights than the person: all is inside the user namespace.
func GivenAway(spec api.RunSpec, host Security) []string {
	s, err := parseSecurity(spec)
	if err != nil {
		return nil // it is refused elsewhere
	}
	if s.privileged {
		return []string{"privileged: it has all capabilities, no system call filter and no hidden paths; nothing but your user account holds this container back"}
	}
	var gone []string
	if !s.seccomp {
		gone = append(gone, "seccomp=unconfined: every system call of this computer's kernel is open to the container")
	}
	if s.unmasked {
		gone = append(gone, "systempaths=unconfined: what /proc and /sys tell of this computer, and its settings, are not hidden from the container")
	}
	if host.AppArmorProfile != "" && s.apparmor(host) == "" {
		gone = append(gone, "apparmor=unconfined: the profile "+host.AppArmorProfile+" does not hold this container")
	}
	if host.ProcessLabel != "" && s.selinux(host.ProcessLabel) == "" {
		gone = append(gone, "label=disable: SELinux does not keep this container from your files")
	}
	return append(gone, givenCapabilities(spec)...)
}

// givenCapabilities tells of those that open what the filter keeps closed.
func givenCapabilities(spec api.RunSpec) []string {
	caps, err := capabilities(spec, false)
	if err != nil {
		return nil
	}
	var gone []string
	for _, c := range []string{"CAP_NET_ADMIN", "CAP_NET_RAW"} {
		if slices.Contains(caps.Bounding, c) && networkOfOthers(spec) {
			gone = append(gone, c+": it gives nothing over the network here: a container with ids of its own (--userns keep-id, --uidmap) does not own the network that it is in; leave its ids as they are, or give it --network none")
		}
	}
	for _, c := range []struct{ name, gives string }{
		{"CAP_SYS_ADMIN", "it may mount, make namespaces and use most of the system calls that are closed to others"},
		{"CAP_SYS_PTRACE", "its root may read and change every process of the container, whoever runs it"},
		{"CAP_BPF", "it may load programs into this computer's kernel, as far as your account may"},
	} {
		if slices.Contains(caps.Bounding, c.name) {
			gone = append(gone, c.name+": "+c.gives)
		}
	}
	return gone
}

// networkOfOthers tells whether a container's network belongs to another user
// namespace than its own: to Davit's, which made it.
func networkOfOthers(spec api.RunSpec) bool {
	own := spec.UserNS != "" || len(spec.UIDMaps)+len(spec.GIDMaps) > 0
	return own && spec.Network != api.NetworkNone
}
