package netstack

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// packetBatch is room for datagrams that one call takes from a socket. The pages
// of its buffers are the kernel's until something arrives in them.
type packetBatch struct {
	headers [batchSize]multiHeader
	iovecs  [batchSize]unix.Iovec
	names   [batchSize]unix.RawSockaddrInet6
	buffers []byte
}

// batchSize is how many datagrams are taken at once.
const batchSize = 32

// multiHeader is struct mmsghdr.
type multiHeader struct {
	unix.Msghdr
	got uint32
	_   uint32
}

func newPacketBatch() *packetBatch {
	b := &packetBatch{buffers: make([]byte, batchSize*maxPacket)}
	for i := range b.headers {
		b.iovecs[i].Base = &b.buffers[i*maxPacket]
		b.iovecs[i].SetLen(maxPacket)
		h := &b.headers[i].Msghdr
		h.Iov, h.Name = &b.iovecs[i], (*byte)(unsafe.Pointer(&b.names[i]))
		h.SetIovlen(1)
	}
	return b
}

// batches are those that wait for use. A port holds none while nothing comes:
// published ranges have hundreds.
var batches = sync.Pool{New: func() any { return newPacketBatch() }}

// readBatch waits until c has datagrams and tells how many came; the batch is
// the caller's to put back.
func readBatch(c syscall.RawConn) (b *packetBatch, n int, err error) {
	rerr := c.Read(func(fd uintptr) bool {
		b = batches.Get().(*packetBatch)
		if n, err = b.take(fd); errors.Is(err, unix.EAGAIN) {
			batches.Put(b)
			b, err = nil, nil
			return false
		}
		return true
	})
	return b, n, errors.Join(rerr, err)
}

// take takes what has come to a socket.
func (b *packetBatch) take(fd uintptr) (int, error) {
	// The kernel writes an IPv4 sender over the first half of the room for one.
	// What an IPv6 sender of an earlier batch left behind it would make one
	// sender look like two.
	clear(b.names[:])
	for i := range b.headers {
		b.headers[i].Namelen = unix.SizeofSockaddrInet6
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, os.NewSyscallError("recvmmsg", errno)
		}
	}
}

// packet is the i-th datagram, until the next read.
func (b *packetBatch) packet(i int) []byte {
	return b.buffers[i*maxPacket:][:b.headers[i].got]
}

// from is the sender of the i-th.
func (b *packetBatch) from(i int) netip.AddrPort {
	name := &b.names[i]
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
	if name.Family == unix.AF_INET {
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), port)
	}
	ip := netip.AddrFrom16(name.Addr)
	if name.Scope_id != 0 {
		ip = ip.WithZone(strconv.Itoa(int(name.Scope_id)))
	}
	return netip.AddrPortFrom(ip, port)
}

// run is how many from the i-th on, of n, have one sender and can leave as
// one: of one size but for the last, which may be smaller.
func (b *packetBatch) run(i, n int) int {
	size, sum, j := b.headers[i].got, b.headers[i].got, i+1
	for ; j < n; j++ {
		got := b.headers[j].got
		if sum += got; got == 0 || got > size || sum > largestRun || b.names[j] != b.names[i] {
			break
		}
		if got < size {
			return j + 1 - i
		}
	}
	return j - i
}

// largestRun is what fits a datagram, for as one they pass the kernel.
const largestRun = 65000

// send writes the datagrams from the i-th on to a connected socket: as one that
// the kernel takes apart where they are received (UDP_SEGMENT).
func (b *packetBatch) send(c *net.UDPConn, i, count int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var control [unix.SizeofCmsghdr + 8]byte
	h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.SizeofCmsghdr + 2)
	binary.NativeEndian.PutUint16(control[unix.SizeofCmsghdr:], uint16(b.headers[i].got))
	parts := make([][]byte, count)
	for j := range parts {
		parts[j] = b.packet(i + j)
	}
	var serr error
	// What does not fit the receiver's queue is lost, as the sender has to expect.
	err = raw.Control(func(fd uintptr) { _, serr = unix.SendmsgBuffers(int(fd), parts, control[:], nil, unix.MSG_DONTWAIT) })
	return errors.Join(err, serr)
}
