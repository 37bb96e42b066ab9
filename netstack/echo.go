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
)

const (
	maxEchoFlows = 256
	echoPatience = 20 * time.Second

	icmpEchoReply   = 0
	icmpUnreachable = 3
	// codeFiltered is "communication administratively prohibited" (RFC 1812).
	codeFiltered = 13
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
	src, dst [4]byte
	id       uint16
}

func newEchoFlows(n *Network) *echoFlows {
	return &echoFlows{n: n, flows: map[echoKey]*os.File{}}
}

// request takes an IPv4 packet with an echo request; it runs on the reader
// of the tap and does not wait.
func (e *echoFlows) request(packet []byte) {
	header := int(packet[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(packet[2:]))
	if total > len(packet) || total < header+8 {
		return
	}
	packet = packet[:total]
	message := packet[header:]
	key := echoKey{src: [4]byte(packet[12:16]), dst: [4]byte(packet[16:20]), id: binary.BigEndian.Uint16(message[4:])}
	if !e.n.policy.allows(netip.AddrFrom4(key.dst)) {
		e.unreachable(packet)
		return
	}
	f, err := e.flow(key)
	if err != nil {
		e.unreachable(packet)
		return
	}
	_ = f.SetReadDeadline(time.Now().Add(echoPatience))
	if _, err := f.Write(message); err != nil && !errors.Is(err, unix.ECONNREFUSED) {
		e.unreachable(packet)
	}
}

func (e *echoFlows) flow(key echoKey) (*os.File, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f := e.flows[key]; f != nil {
		return f, nil
	}
	if e.over || len(e.flows) >= maxEchoFlows {
		return nil, errors.New("too many echo requests are under way")
	}
	f, err := openPing(key.dst)
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

func openPing(dst [4]byte) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMP)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: dst}); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	return os.NewFile(uintptr(fd), "ping"), nil
}

// answers hands replies to the container until none came for a while.
func (e *echoFlows) answers(key echoKey, f *os.File) {
	defer e.n.work.Done()
	defer e.forget(key)
	// IPv4 header and message; what does not fit in one frame is cut by nobody
	// here: such a request was a fragment, which the edge does not take.
	buf := make([]byte, e.n.config.MTU)
	for {
		n, err := f.Read(buf[ipv4Min:])
		if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) {
			continue // told by an ICMP error of the network; nothing was answered
		}
		if err != nil {
			return
		}
		if n < 8 || buf[ipv4Min] != icmpEchoReply {
			continue
		}
		message := buf[ipv4Min : ipv4Min+n]
		binary.BigEndian.PutUint16(message[4:], key.id) // the kernel put the socket's own there
		sumICMP(message)
		e.send(key.dst, key.src, buf[:ipv4Min+n])
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

// unreachable answers packet with an ICMP error from the gateway.
func (e *echoFlows) unreachable(packet []byte) {
	quoted := min(len(packet), int(packet[0]&0xf)*4+8) // RFC 792
	buf := make([]byte, ipv4Min+8+quoted)
	message := buf[ipv4Min:]
	message[0], message[1] = icmpUnreachable, codeFiltered
	copy(message[8:], packet[:quoted])
	sumICMP(message)
	e.send(e.n.gateway.As4(), [4]byte(packet[12:16]), buf)
}

func sumICMP(message []byte) {
	message[2], message[3] = 0, 0
	binary.BigEndian.PutUint16(message[2:], ^checksum.Checksum(message, 0))
}

// send fills in the IPv4 header, the first ipv4Min bytes of packet, and sends
// it to the container that has dst.
func (e *echoFlows) send(src, dst [4]byte, packet []byte) {
	const (
		version4 = 0x45
		dontFrag = 0x40
		ttl      = 64
	)
	h := packet[:ipv4Min]
	clear(h)
	h[0], h[6], h[8], h[9] = version4, dontFrag, ttl, protocolICMP
	binary.BigEndian.PutUint16(h[2:], uint16(len(packet)))
	copy(h[12:], src[:])
	copy(h[16:], dst[:])
	binary.BigEndian.PutUint16(h[10:], ^checksum.Checksum(h, 0))
	e.n.link.writeIPv4(mac(macFor(netip.AddrFrom4(dst))), packet)
}
