// Package beside is the toolbox of debug shells: the programs of a static
// busybox, for a process that enters a container whose image has none, where
// the container does not see them.
//
// Such a process has a mount namespace of its own, a copy of the container's
// with one mount more. What makes it is C (beside.c), as package pidone is:
// davit-guard's binary, executed in the container as "beside place…" before
// Go's runtime starts. It holds the namespace until another process is in it.
//
//	guard ── tools, a mount of no namespace ──▶ holder (in the container, all capabilities, no filter)
//	guard ◀───── the place's number ─────────── holder: unshare, all private, mount
//	guard ──▶ libcontainer: join the holder's namespaces, confine, execute
//	guard ──▶ holder: end
//
// The holder is of nobody's but the guard's making: the binary is a read-only
// clone, it cannot be traced by who has fewer capabilities, and it reads
// nothing of the container's but its way to the place.
//
// Busybox is embedded as it was where davit-guard was built, by build/compile,
// from a distribution's busybox-static. It runs beside Davit, as a program of
// its own under its own licence (GPL-2), which is packed with it.
package beside

import "C"

// Arg is the first argument by which davit-guard becomes the holder.
const Arg = "beside"

// BinaryFD is the descriptor that the holder is executed through. After it
// follow the tools' mount and the pipe for the answer.
const BinaryFD = 3

// Places are directories that every container has, of which none is missed:
// what lies below them tells of the computer, and is masked as a rule.
func Places() []string {
	return []string{"/sys/firmware", "/proc/acpi", "/proc/scsi", "/proc/fs"}
}
