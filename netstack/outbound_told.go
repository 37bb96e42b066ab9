package netstack

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// keepWhole has the host take no datagram apart of a container that wants
// none taken apart, as its first one tells: it looks for the path's MTU then,
// and learns it. Larger ones than its own interface takes came in pieces, and
// may leave so.
func (f *udpFlow) keepWhole(pkt *stack.PacketBuffer) {
	const dontFragment = 0x4000
	h := pkt.NetworkHeader().Slice()
	if len(h) >= ipv4Min && (h[0]>>4 == 6 || binary.BigEndian.Uint16(h[6:])&dontFragment != 0) {
		f.discover(unix.IP_PMTUDISC_DO)
	}
}

// option sets or reads an option of the socket to the far end.
func (f *udpFlow) option(do func(fd int)) {
	if raw, err := f.far.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { do(int(fd)) })
	}
}

func (f *udpFlow) discover(how int) {
	f.option(func(fd int) {
		if f.from.Addr().Is6() {
			_ = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_MTU_DISCOVER, how)
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_MTU_DISCOVER, how) // of IPv6's own none is refused here
	})
}

// mtu is the path's to the far end, as far as the host knows it; 0: unknown.
func (f *udpFlow) mtu() (mtu int) {
	level, name := unix.SOL_IP, unix.IP_MTU
	if f.from.Addr().Is6() {
		level, name = unix.SOL_IPV6, unix.IPV6_MTU
	}
	f.option(func(fd int) {
		if v, err := unix.GetsockoptInt(fd, level, name); err == nil {
			mtu = v
		}
	})
	return mtu
}

// pass sends a datagram to the far end. That one before it was refused is told
// by the call that sends the next, which then is not sent: it is again.
func (f *udpFlow) pass(b []byte) {
	for range 2 {
		_, err := f.far.Write(b)
		if err == nil || errors.Is(err, unix.EMSGSIZE) && f.pieces(b) || !f.told(err, len(b)) || !errors.Is(err, unix.ECONNREFUSED) {
			return
		}
	}
}

// pieces sends what came in pieces, in pieces; false: it did not.
func (f *udpFlow) pieces(b []byte) bool {
	if len(b)+len(datagramHead(f.from, f.flow.remote, 0)) <= f.n.config.MTU {
		return false
	}
	f.discover(unix.IP_PMTUDISC_DONT)
	_, _ = f.far.Write(b) // larger than any datagram it cannot be
	f.discover(unix.IP_PMTUDISC_DO)
	return true
}

// told tells the container what the host was told of a datagram of that size;
// false: nothing that is for it to know.
func (f *udpFlow) told(err error, size int) bool {
	why, known := reasonOf(err)
	switch {
	case known:
	case errors.Is(err, unix.ECONNREFUSED):
		why = noPort
	case errors.Is(err, unix.EMSGSIZE):
		mtu := f.mtu()
		if mtu == 0 || mtu >= f.n.config.MTU {
			return false // that it takes one of this size is what the container knows
		}
		why = tooLong(mtu)
	default:
		return false
	}
	f.n.unreachable(why, datagramHead(f.from, f.flow.remote, size))
	return true
}
