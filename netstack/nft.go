package netstack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A nftBatch is one transaction of nf_tables, in the form of its netlink
// messages: all of it holds, or nothing. See linux/netfilter/nf_tables.h.
type nftBatch struct {
	b      []byte
	seq    uint32
	starts []int // of the messages that are answered
}

// attr is one netlink attribute: a number and bytes, or attributes in them.
type attr struct {
	kind uint16
	data []byte
}

func nested(kind uint16, in ...attr) attr {
	return attr{kind | unix.NLA_F_NESTED, encodeAttrs(in)}
}

func text(kind uint16, s string) attr { return attr{kind, append([]byte(s), 0)} }

// number is in network byte order, as nf_tables has all.
func number(kind uint16, v uint32) attr { return attr{kind, binary.BigEndian.AppendUint32(nil, v)} }

func encodeAttrs(all []attr) []byte {
	var b []byte
	for _, a := range all {
		b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofNlAttr+len(a.data)))
		b = binary.NativeEndian.AppendUint16(b, a.kind)
		b = append(b, a.data...)
		b = append(b, make([]byte, -len(b)&3)...)
	}
	return b
}

func newNFTBatch() *nftBatch {
	t := &nftBatch{}
	t.message(unix.NFNL_MSG_BATCH_BEGIN, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	return t
}

// add asks for a change of the bridge family's tables.
func (t *nftBatch) add(command, flags uint16, attrs ...attr) {
	t.starts = append(t.starts, len(t.b))
	t.message(unix.NFNL_SUBSYS_NFTABLES<<8|command, flags|unix.NLM_F_ACK, unix.NFPROTO_BRIDGE, 0, attrs...)
}

func (t *nftBatch) message(kind, flags uint16, family byte, resource uint16, attrs ...attr) {
	t.seq++
	body := encodeAttrs(attrs)
	b := binary.NativeEndian.AppendUint32(t.b, uint32(unix.SizeofNlMsghdr+4+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags|unix.NLM_F_REQUEST)
	b = binary.NativeEndian.AppendUint32(b, t.seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(b, family, unix.NFNETLINK_V0) // struct nfgenmsg
	b = binary.BigEndian.AppendUint16(b, resource)
	t.b = append(b, body...)
}

// commit sends the batch over a netfilter socket and waits for the answers.
func (t *nftBatch) commit(fd int) error {
	t.message(unix.NFNL_MSG_BATCH_END, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	if err := unix.Sendto(fd, t.b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("nf_tables", err)
	}
	buf := make([]byte, 64<<10)
	var first error
	for answered := 0; answered < len(t.starts); {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("nf_tables", errors.Join(first, err))
		}
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return fmt.Errorf("nf_tables: %w", err)
		}
		for _, m := range messages {
			if m.Header.Type != unix.NLMSG_ERROR || len(m.Data) < 4 {
				continue
			}
			answered++
			code := *(*int32)(unsafe.Pointer(&m.Data[0]))
			if code == 0 || first != nil {
				continue
			}
			first = fmt.Errorf("nf_tables: message %d of %d: %w", m.Header.Seq-1, len(t.starts), syscall.Errno(-code))
			// What fails as a whole (a missing module) is answered once.
			if m.Header.Seq == 1 {
				return first
			}
		}
	}
	return first
}

// openNFT makes a netfilter socket in the calling thread's namespace.
func openNFT() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	// An answer that never comes must not hold a container's start.
	patience := unix.Timeval{Sec: 2}
	err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	if err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("netfilter socket", err)
	}
	return fd, nil
}

// The expressions that a rule is made of. Registers are of four bytes.

func expression(name string, attrs ...attr) attr {
	return nested(unix.NFTA_LIST_ELEM, text(unix.NFTA_EXPR_NAME, name), nested(unix.NFTA_EXPR_DATA, attrs...))
}

func register(i int) uint32 { return unix.NFT_REG32_00 + uint32(i) }

// meta loads what is known beside a packet.
func meta(key uint32, to int) attr {
	return expression("meta", number(unix.NFTA_META_DREG, register(to)), number(unix.NFTA_META_KEY, key))
}

// part is a run of a packet's bytes.
type part struct{ base, offset, size uint32 }

func load(p part, to int) attr {
	return expression("payload", number(unix.NFTA_PAYLOAD_DREG, register(to)), number(unix.NFTA_PAYLOAD_BASE, p.base),
		number(unix.NFTA_PAYLOAD_OFFSET, p.offset), number(unix.NFTA_PAYLOAD_LEN, p.size))
}

// equal goes on where a register holds those bytes.
func equal(from int, want ...byte) attr {
	return expression("cmp", number(unix.NFTA_CMP_SREG, register(from)), number(unix.NFTA_CMP_OP, unix.NFT_CMP_EQ),
		nested(unix.NFTA_CMP_DATA, attr{unix.NFTA_DATA_VALUE, want}))
}

// in goes on where the registers from the first hold an element of a set.
func in(set string) attr {
	return expression("lookup", text(unix.NFTA_LOOKUP_SET, set), number(unix.NFTA_LOOKUP_SREG, register(0)))
}

func notIn(set string) attr {
	return expression("lookup", text(unix.NFTA_LOOKUP_SET, set), number(unix.NFTA_LOOKUP_SREG, register(0)),
		number(unix.NFTA_LOOKUP_FLAGS, unix.NFT_LOOKUP_F_INV))
}

const (
	nfDrop   = 0
	nfAccept = 1
)

func end(verdict uint32) attr {
	return expression("immediate", number(unix.NFTA_IMMEDIATE_DREG, unix.NFT_REG_VERDICT),
		nested(unix.NFTA_IMMEDIATE_DATA, nested(unix.NFTA_DATA_VERDICT, number(unix.NFTA_VERDICT_CODE, verdict))))
}
