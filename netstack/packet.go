package netstack

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Without the device for taps a network goes on with packet sockets on the
// bridge's ends of the veth pairs: one for each endpoint, which takes what it
// sends to the gateway before the bridge, where nobody has the gateway's MAC,
// drops it; and one that sends. Frames have virtio-net headers there, too. The
// kernel holds less of them (net.core.rmem_max), so that much at once goes
// slower.

// openPacket makes the socket that takes what comes in by a link of the
// network's namespace for the gateway; link 0: one that only sends.
func (n *Network) openPacket(link int) (fd int, err error) {
	fd = -1
	err = n.maker.in(n.ns.file, func() error {
		// Without a protocol it receives nothing before it is bound.
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return os.NewSyscallError("packet socket", err)
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
			return os.NewSyscallError("packet socket with virtio-net headers", err)
		}
		if link == 0 {
			return nil
		}
		return n.listenPacket(fd, link)
	})
	if err != nil && fd >= 0 {
		_ = unix.Close(fd)
		fd = -1
	}
	return fd, err
}

// packetQueue is how much a socket is asked to hold; the kernel gives as much as
// it gives anybody (net.core.rmem_max).
const packetQueue = 4 << 20

func (n *Network) listenPacket(fd, link int) error {
	if err := forGateway(fd, n.link.edge.mac); err != nil {
		return err
	}
	// Else what goes to the endpoint came up, too. Kernels before 4.20, which
	// lack it, lack all else that is needed.
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return os.NewSyscallError("packet socket for one direction", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, packetQueue) // less is slower, and as good
	all := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link}); err != nil {
		return fmt.Errorf("packet socket on link %d: %w", link, err)
	}
	return nil
}

// forGateway has the kernel leave out what is not for the gateway: frames of
// endpoints to each other. Requests for its MAC go to everybody.
func forGateway(fd int, gateway mac) error {
	const accept, reject = 1 << 18, 0
	const everybody = 0xffffffff
	first, last := binary.BigEndian.Uint32(gateway[:4]), uint32(binary.BigEndian.Uint16(gateway[4:]))
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: everybody, Jt: 3},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: first, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 4},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: last, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: accept},
		{Code: unix.BPF_RET | unix.BPF_K, K: reject},
	}
	f := unix.SockFprog{Len: uint16(len(program)), Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0]))}
	return os.NewSyscallError("filter of packet socket", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &f))
}

// toLink is where a frame is sent: the link whose endpoint has its MAC. iov is
// a virtio-net header and the frame.
func (l *link) toLink(iov [][]byte) (*unix.SockaddrLinklayer, bool) {
	frame := iov[0][vnetHeaderSize:]
	if len(frame) == 0 && len(iov) > 1 {
		frame = iov[1]
	}
	if len(frame) < len(mac{}) {
		return nil, false
	}
	index := l.edge.linkOf(mac(frame[:len(mac{})]))
	return &unix.SockaddrLinklayer{Ifindex: index}, index != 0
}
