package oci

import (
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// rlimits are the kernel's numbers of the limits that processes have.
var rlimits = map[string]int{
	"cpu": unix.RLIMIT_CPU, "fsize": unix.RLIMIT_FSIZE, "data": unix.RLIMIT_DATA, "stack": unix.RLIMIT_STACK,
	"core": unix.RLIMIT_CORE, "rss": unix.RLIMIT_RSS, "nproc": unix.RLIMIT_NPROC, "nofile": unix.RLIMIT_NOFILE,
	"memlock": unix.RLIMIT_MEMLOCK, "as": unix.RLIMIT_AS, "locks": unix.RLIMIT_LOCKS, "sigpending": unix.RLIMIT_SIGPENDING,
	"msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE, "rtprio": unix.RLIMIT_RTPRIO, "rttime": unix.RLIMIT_RTTIME,
}

// Rlimit gives the kernel's number of a limit as the runtime-spec names it.
func Rlimit(name string) (int, bool) {
	n, ok := rlimits[strings.ToLower(strings.TrimPrefix(name, "RLIMIT_"))]
	return n, ok
}

// Allows tells whether a limit can be had: nobody without root raises what
// bounds this process, which is what bounds the person.
func Allows(u api.Ulimit) error {
	n, ok := Rlimit(u.Name)
	var own unix.Rlimit
	if !ok || unix.Getrlimit(n, &own) != nil || own.Max == unix.RLIM_INFINITY || u.Hard >= 0 && uint64(u.Hard) <= own.Max {
		return nil
	}
	return api.Errorf(api.KindHost, "the limit %s cannot be more than %d, which bounds your own processes", u.Name, own.Max).WithRef(u.Name).WithExit(125).
		WithHint("Raise it for your account in /etc/security/limits.conf or, with systemd, by LimitXXX= of user@.service, and log in anew.")
}
