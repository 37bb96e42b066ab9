package fdmsg

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// PeerOK tells whether the process at the other end has our user id and is not
// inside a container. A user id that this namespace cannot name is shown as
// the overflow id and so never equal to ours.
//
// The user id alone is not enough: root of a container is the same person, and
// a container that was given the runtime directory as a volume would command
// all others, or answer in the keeper's name. What tells it apart is its pid
// namespace, which is below ours.
func PeerOK(c *net.UnixConn) bool {
	cred, err := PeerCred(c)
	return err == nil && int(cred.Uid) == os.Geteuid() && outside(c, int(cred.Pid))
}

// PeerCred tells who connected or, to who connects, who listens.
func PeerCred(c *net.UnixConn) (*unix.Ucred, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	return cred, errors.Join(err, credErr)
}

// outside tells whether the peer is in no pid namespace below ours. A pid may
// have been given to another process meanwhile, so Linux 6.5 and newer are
// asked by a descriptor of the very process.
func outside(c *net.UnixConn, pid int) bool {
	fd, err := peerPidfd(c)
	switch {
	case err == nil:
		defer func() { _ = unix.Close(fd) }()
		info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
		return err == nil && inOurs(info)
	case !errors.Is(err, unix.ENOPROTOOPT):
		return false // it has ended: nobody waits for an answer
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		// hidepid hides those outside of our user namespace, never a container's.
		return !errors.Is(unix.Kill(pid, 0), unix.ESRCH)
	}
	return inOurs(status)
}

func peerPidfd(c *net.UnixConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd, optErr := -1, error(nil)
	err = raw.Control(func(s uintptr) { fd, optErr = unix.GetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_PEERPIDFD) })
	return fd, errors.Join(err, optErr)
}

// inOurs reads the pids that a process has, from our namespace down to its
// own: a single one means that its own is ours, and 0 or -1 that it is not
// below ours at all, or has ended.
func inOurs(status []byte) bool {
	for line := range bytes.Lines(status) {
		pids, ok := strings.CutPrefix(string(line), "NSpid:")
		if ok {
			f := strings.Fields(pids)
			return len(f) == 1 && f[0] != "0" && f[0] != "-1"
		}
	}
	return false
}
