package netstack

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

const (
	maxEchoFlows = 256
	echoPatience = 20 * time.Second

	icmpEchoReply   = 0
	icmpv6EchoReply = 129
	icmpUnreachable = 3
)

// echoFlows carries echo requests ("ping") to the outside by unprivileged
// ping sockets of the host. Where the host does not allow them to this person
// (net.ipv4.ping_group_range), and for destinations that the policy refuses,
// the container gets "unreachable", never a reply that nobody sent.
type echoFlows struct {
	n *Network

	mu    sync.Mutex
	flows map[echoKey]*os.File
	over  bool
}

type echoKey struct {
	src, dst netip.Addr
	id       uint16
}

func newEchoFlows(n *Network) *echoFlows {
	return &echoFlows{n: n, flows: map[echoKey]*os.File{}}
}

// echoPacket is an echo request in its parts.
type echoPacket struct {
	whole    []byte
	message  []byte // of ICMP
	src, dst netip.Addr
}

func parseEcho(packet []byte) (p echoPacket, ok bool) {
	head, total := ipv6Size, 0
	if packet[0]>>4 == 6 {
		total = ipv6Size + int(binary.BigEndian.Uint16(packet[4:]))
		p.src, p.dst = netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
	} else {
		head, total = int(packet[0]&0xf)*4, int(binary.BigEndian.Uint16(packet[2:]))
		p.src, p.dst = netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20]))
	}
	if total > len(packet) || total < head+8 {
		return p, false
	}
	p.whole, p.message = packet[:total], packet[head:total]
	return p, true
}

// request takes an IP packet with an echo request; it runs on the reader of
// the tap and does not wait.
func (e *echoFlows) request(packet []byte) {
	p, ok := parseEcho(packet)
	if !ok {
		return
	}
	to, ok := e.n.policy.way(e.n.at(p.src), p.dst)
	if !ok {
		e.n.unreachable(prohibited, p.whole)
		return
	}
	f, err := e.flow(echoKey{src: p.src, dst: p.dst, id: binary.BigEndian.Uint16(p.message[4:])}, to)
	if err != nil {
		e.refuse(p, err)
		return
	}
	_ = f.SetReadDeadline(time.Now().Add(echoPatience))
	if _, err := f.Write(p.message); err != nil && !errors.Is(err, unix.ECONNREFUSED) {
		e.refuse(p, err)
	}
}

// refuse tells why a request cannot be carried. That the host does not allow it
// to this person is a reason, too.
func (e *echoFlows) refuse(p echoPacket, err error) {
	why, known := reasonOf(err)
	if !known {
		why = prohibited
	}
	e.n.unreachable(why, p.whole)
}

func (e *echoFlows) flow(key echoKey, to netip.Addr) (*os.File, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f := e.flows[key]; f != nil {
		return f, nil
	}
	if e.over || len(e.flows) >= maxEchoFlows {
		return nil, errors.New("too many echo requests are under way")
	}
	f, err := openPing(to)
	if err != nil {
		return nil, err
	}
	if !e.n.begin() {
		_ = f.Close()
		return nil, errStreamGone
	}
	e.flows[key] = f
	go e.answers(key, f)
	return f, nil
}

func openPing(dst netip.Addr) (*os.File, error) {
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if dst.Is6() {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, sockaddr(netip.AddrPortFrom(dst, 0))); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	return os.NewFile(uintptr(fd), "ping"), nil
}

// sockaddr is an address for the system calls.
func sockaddr(to netip.AddrPort) unix.Sockaddr {
	if to.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	}
	return &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
}

// answers hands replies to the container until none came for a while.
func (e *echoFlows) answers(key echoKey, f *os.File) {
	defer e.n.work.Done()
	defer e.forget(key)
	head, reply := ipv4Min, byte(icmpEchoReply)
	if key.dst.Is6() {
		head, reply = ipv6Size, icmpv6EchoReply
	}
	// What does not fit in one frame is cut by nobody here: such a request was
	// a fragment, which the edge does not take.
	buf := make([]byte, e.n.config.MTU)
	for {
		n, err := f.Read(buf[head:])
		if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) {
			continue // told by an ICMP error of the network; nothing was answered
		}
		if err != nil {
			return
		}
		if n < 8 || buf[head] != reply {
			continue
		}
		binary.BigEndian.PutUint16(buf[head+4:], key.id) // the kernel put the socket's own there
		e.send(key.dst, key.src, buf[:head+n])
	}
}

func (e *echoFlows) forget(key echoKey) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.flows[key].Close()
	delete(e.flows, key)
}

func (e *echoFlows) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
	for _, f := range e.flows {
		_ = f.SetReadDeadline(time.Unix(1, 0))
	}
}

// send fills in the IP header and the message's sum, and sends the packet to
// the container that has dst.
func (e *echoFlows) send(src, dst netip.Addr, packet []byte) {
	const (
		version4 = 0x45
		version6 = 0x60
		dontFrag = 0x40
		ttl      = 64
	)
	to := e.n.at(dst)
	if to == nil {
		return // it has gone
	}
	if dst.Is6() {
		h, message := packet[:ipv6Size], packet[ipv6Size:]
		clear(h)
		h[0], h[6], h[7] = version6, protocolICMPv6, ttl
		binary.BigEndian.PutUint16(h[4:], uint16(len(message)))
		copy(h[8:], src.AsSlice())
		copy(h[24:], dst.AsSlice())
		message[2], message[3] = 0, 0
		pseudo := header.PseudoHeaderChecksum(header.ICMPv6ProtocolNumber, addressOf(src), addressOf(dst), uint16(len(message)))
		binary.BigEndian.PutUint16(message[2:], ^checksum.Checksum(message, pseudo))
		e.n.link.writeIP(mac(to.MAC), packet)
		return
	}
	h, message := packet[:ipv4Min], packet[ipv4Min:]
	clear(h)
	h[0], h[6], h[8], h[9] = version4, dontFrag, ttl, protocolICMP
	binary.BigEndian.PutUint16(h[2:], uint16(len(packet)))
	copy(h[12:], src.AsSlice())
	copy(h[16:], dst.AsSlice())
	binary.BigEndian.PutUint16(h[10:], ^checksum.Checksum(h, 0))
	message[2], message[3] = 0, 0
	binary.BigEndian.PutUint16(message[2:], ^checksum.Checksum(message, 0))
	e.n.link.writeIP(mac(to.MAC), packet)
}
