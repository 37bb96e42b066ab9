package netstack

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// unpaced is the congestion control of connections that do not leave the
// machine: those of the networks, which all end in this process or in another
// container, and those with clients and servers of the host itself. There is
// no bottleneck on them whose rate could be found out. A host may have set one
// that paces for all (BBR: half of what passes then, for each segment waits for
// a timer); every kernel has this one, and lets everybody choose it.
const unpaced = "reno"

// unpace makes that the choice of a socket, and of what a listener accepts.
// Without it a socket is slower, and as good.
func unpace(fd int) { _ = unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, unpaced) }

func unpaceConn(c syscall.Conn) {
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { unpace(int(fd)) }) // closed: nothing is sent
	}
}

// staysHere tells whether a connection's other end is on this machine: its
// loopback, or the very address that our end has.
func staysHere(own, other netip.Addr) bool {
	return other.IsLoopback() || own.IsValid() && own.Unmap() == other.Unmap()
}
