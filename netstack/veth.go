package netstack

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	endpointLink  = "eth0"
	endpointIndex = 2 // of eth0 in every namespace that is made here; lo is 1
	// anyIndex leaves the choice to the kernel, in namespaces of others.
	anyIndex = 0
)

func vethName(index int) string { return fmt.Sprintf("veth%d", index) }

// makeVeth makes the veth pair between p's namespace and the bridge. The
// indices are chosen here, so that nobody has to ask for them.
func (n *Network) makeVeth(p *plug) error {
	if err := n.addVeth(p); err != nil {
		return err
	}
	if p.index == anyIndex {
		eth, err := p.ns.handle.LinkByName(p.name)
		if err != nil {
			return fmt.Errorf("link %s: %w", p.name, err)
		}
		p.index = eth.Attrs().Index
		if err := n.maker.in(p.ns.file, func() error { return n.setLinkSysctls(p.name) }); err != nil {
			return err
		}
	}
	eth := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: p.index}}
	if err := p.ns.handle.LinkSetUp(eth); err != nil {
		return fmt.Errorf("bring %s up: %w", p.name, err)
	}
	other := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: p.hostLink}}
	if err := n.ns.handle.LinkSetUp(other); err != nil {
		return fmt.Errorf("bring veth up: %w", err)
	}
	return errors.Join(
		n.maker.in(p.ns.file, func() error { return settle(p.name) }),
		n.maker.in(n.ns.file, func() error { return settle(vethName(p.hostLink)) }),
	)
}

func (n *Network) addVeth(p *plug) error {
	req := n.ns.request(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	req.AddData(linkHead(unix.AF_UNSPEC, p.hostLink))
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(vethName(p.hostLink))))
	addSize(req.AddData, n.config.MTU)
	req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(n.bridge))))
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	peer := info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.VETH_INFO_PEER, nil)
	peer.AddChild(linkHead(unix.AF_UNSPEC, p.index))
	peer.AddRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(p.name))
	addSize(peer.AddChild, n.config.MTU)
	peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(p.ns.file.Fd())))
	req.AddData(info)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return &HostError{What: "the kernel has no veth pairs", Mend: "sudo modprobe veth", Err: err}
	}
	if err != nil {
		return fmt.Errorf("make veth pair: %w", err)
	}
	return nil
}

// addSize gives one end of a veth pair its MTU, and the one queue that it
// would have anyway: where that is not asked for the kernel makes one for each
// processor and takes the others away again, which waits for all processors.
func addSize(add func(nl.NetlinkRequestData), mtu int) {
	for _, a := range []struct{ kind, value int }{
		{unix.IFLA_MTU, mtu}, {unix.IFLA_NUM_TX_QUEUES, 1}, {unix.IFLA_NUM_RX_QUEUES, 1},
	} {
		add(nl.NewRtAttr(a.kind, nl.Uint32Attr(uint32(a.value))))
	}
}

// settle runs in the link's namespace and makes the kernel notice at once
// that the link has a carrier. By itself it does so when its link watcher
// runs, up to a second after the link came up, and drops what is sent over the
// link or through its port of a bridge until then. Asking whether there is a
// link (ethtool) waits for the watcher (linkwatch_sync_dev).
func settle(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }()
	value := struct{ command, data uint32 }{command: unix.ETHTOOL_GLINK}
	req := struct { // struct ifreq
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&value)}
	copy(req.name[:unix.IFNAMSIZ-1], name)
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); e != 0 {
		return fmt.Errorf("link of %s: %w", name, e)
	}
	return nil
}

// request makes a message that goes out by the namespace's own socket.
func (ns *namespace) request(kind, flags int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, flags|unix.NLM_F_ACK)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: &ns.socket}
	return req
}

// linkHead is the head of a message about the link with that index.
func linkHead(family, index int) *nl.IfInfomsg {
	m := nl.NewIfInfomsg(family)
	m.Index = int32(index)
	return m
}
