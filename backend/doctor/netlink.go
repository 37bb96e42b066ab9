package doctor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// makeTap makes a tap in the probe's network namespace; it ends with its
// descriptor.
func makeTap() error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer func() { _ = unix.Close(fd) }()
	req, err := unix.NewIfreq("probe0")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	return os.NewSyscallError("TUNSETIFF", unix.IoctlIfreq(fd, unix.TUNSETIFF, req))
}

// makeLink makes a link of a kind (rtnetlink(7)).
func makeLink(kind string) error {
	const infoKind = 1 // IFLA_INFO_KIND
	body := make([]byte, unix.SizeofIfInfomsg)
	body = append(body, attribute(unix.IFLA_LINKINFO, attribute(infoKind, []byte(kind)))...)
	flags := unix.NLM_F_CREATE | unix.NLM_F_EXCL
	return converse(unix.NETLINK_ROUTE, message(unix.RTM_NEWLINK, flags|unix.NLM_F_ACK, 1, body))
}

// makeTable makes a table that looks at what crosses bridges, as a transaction
// of nf_tables.
func makeTable() error {
	general := func(family byte, resource uint16) []byte { // struct nfgenmsg
		return binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, resource)
	}
	edge := general(unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	table := append(general(unix.NFPROTO_BRIDGE, 0), attribute(unix.NFTA_TABLE_NAME, []byte("probe\x00"))...)
	var all []byte
	all = append(all, message(unix.NFNL_MSG_BATCH_BEGIN, 0, 0, edge)...)
	all = append(all, message(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE|unix.NLM_F_ACK, 1, table)...)
	all = append(all, message(unix.NFNL_MSG_BATCH_END, 0, 2, edge)...)
	return converse(unix.NETLINK_NETFILTER, all)
}

// attribute is one of netlink's, padded.
func attribute(kind uint16, data []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofNlAttr+len(data)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), data...)
	return append(b, make([]byte, -len(b)&3)...)
}

// message is a request of netlink(7).
func message(kind uint16, flags int, seq uint32, body []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, uint16(flags)|unix.NLM_F_REQUEST)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	return append(b, body...)
}

// converse sends requests, of which one is answered, and gives that answer.
func converse(protocol int, requests []byte) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Sendto(fd, requests, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("send", err)
	}
	buf := make([]byte, 16<<10)
	n, _, err := unix.Recvfrom(fd, buf, 0)
	if err != nil {
		return os.NewSyscallError("receive", err)
	}
	all, err := syscall.ParseNetlinkMessage(buf[:n])
	if err != nil || len(all) == 0 || all[0].Header.Type != unix.NLMSG_ERROR || len(all[0].Data) < 4 {
		return fmt.Errorf("netlink gave no answer: %w", errors.Join(err, unix.EPROTO))
	}
	if code := *(*int32)(unsafe.Pointer(&all[0].Data[0])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}
