package netstack

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	bridgeName = "davit0"
	tapName    = "tap0"
)

// openBridge makes the network's namespace with its bridge and tap, or finds
// them in what was kept.
func (n *Network) openBridge() error {
	var err error
	if k := n.config.Kept; k != nil && k.Namespace != nil {
		n.tap = k.Tap
		if n.ns, err = openNamespace(n.maker, k.Namespace); err != nil {
			return fmt.Errorf("network's namespace: %w", err)
		}
	} else {
		if n.ns, err = makeNamespace(n.maker, bridgeSysctls()); err != nil {
			return err
		}
		if err := n.makeBridge(); err != nil {
			return err
		}
	}
	if n.ns.socket, err = n.ns.openSocket(n.maker); err == nil {
		n.leaving.out, err = n.ns.openSocket(n.maker)
	}
	if err != nil {
		return fmt.Errorf("netlink socket: %w", err)
	}
	if err := n.countLinks(); err != nil {
		return err
	}
	br, err := n.ns.handle.LinkByName(bridgeName)
	if err != nil {
		return fmt.Errorf("bridge %s: %w", bridgeName, err)
	}
	n.bridge = br.Attrs().Index
	if n.tap == nil {
		return n.openDevice()
	}
	if n.tap, n.device, err = unpolled(n.tap); err != nil {
		return fmt.Errorf("tap: %w", err)
	}
	tap, err := n.ns.handle.LinkByName(tapName)
	if err != nil {
		return fmt.Errorf("tap %s: %w", tapName, err)
	}
	n.tapIndex = tap.Attrs().Index
	return nil
}

// openDevice makes the tap, or where this computer has none to give, what
// goes without.
func (n *Network) openDevice() error {
	err := n.makeTap()
	var host *HostError
	if err == nil || !errors.As(err, &host) {
		return err
	}
	var perr error
	if n.device, perr = n.openPacket(0); perr != nil {
		return &HostError{What: host.What + ", and packet sockets cannot either", Mend: host.Mend, Err: errors.Join(host.Err, perr)}
	}
	n.log.Warn("without taps the network's way outside is slower", "err", err, "mend", host.Mend)
	return nil
}

// bridgeSysctls keep what goes over the bridge from being looked at as if it
// were routed, which costs time and drops what a router would drop; and keep
// the bridge itself from having addresses.
func bridgeSysctls() []sysctl {
	return []sysctl{
		{"net/ipv6/conf/default/disable_ipv6", "1"},
		{"net/bridge/bridge-nf-call-iptables", "0"},
		{"net/bridge/bridge-nf-call-ip6tables", "0"},
		{"net/bridge/bridge-nf-call-arptables", "0"},
	}
}

// countLinks makes indices of new veth pairs differ from those that are there.
func (n *Network) countLinks() error {
	links, err := consistent(n.ns.handle.LinkList)
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	for _, l := range links {
		n.seq.Store(max(uint32(l.Attrs().Index), n.seq.Load()))
	}
	return nil
}

func (n *Network) makeBridge() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = bridgeName, n.config.MTU
	snooping := false // nobody here is a multicast router
	br := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
	if err := n.ns.handle.LinkAdd(br); err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) {
			return &HostError{What: "the kernel has no network bridge", Mend: "sudo modprobe bridge", Err: err}
		}
		return fmt.Errorf("make bridge %s: %w", bridgeName, err)
	}
	if err := n.ns.handle.LinkSetUp(br); err != nil {
		return fmt.Errorf("bring bridge %s up: %w", bridgeName, err)
	}
	return nil
}

// makeTap makes the network's own tap in its namespace: a tap belongs to that
// in which its device file was opened.
func (n *Network) makeTap() error {
	index := int(n.seq.Add(1))
	return n.maker.in(n.ns.file, func() error {
		fd, err := openTap(tapName, index)
		if err != nil {
			return err
		}
		n.tap, n.device, n.tapIndex = os.NewFile(uintptr(fd), tunDevice), fd, index
		// Only now, else Go would watch what the intake does.
		if err := unix.SetNonblock(fd, true); err != nil {
			return os.NewSyscallError("fcntl", err)
		}
		tap, h := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: index}}, n.ns.handle
		if err := h.LinkSetMTU(tap, n.config.MTU); err != nil {
			return fmt.Errorf("set mtu of %s: %w", tapName, err)
		}
		if err := h.LinkSetMasterByIndex(tap, n.bridge); err != nil {
			return fmt.Errorf("put %s into the bridge: %w", tapName, err)
		}
		if err := h.LinkSetUp(tap); err != nil {
			return fmt.Errorf("bring %s up: %w", tapName, err)
		}
		return settle(tapName)
	})
}

const tunDevice = "/dev/net/tun"

// openTap makes a tap whose frames carry a virtio-net header, so that TCP
// segments of up to 64 KiB and unfinished checksums cross it. Its reads wait.
func openTap(name string, index int) (fd int, err error) {
	if fd, err = unix.Open(tunDevice, unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return -1, tunError(err)
	}
	if err := setUpTap(fd, name, index); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setUpTap(fd int, name string, index int) error {
	// Chosen as those of the veth pairs are, so that they never meet.
	if err := tapOption(fd, unix.TUNSETIFINDEX, int32(index)); err != nil {
		return tunError(err)
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return tunError(err)
	}
	if err := tapOption(fd, unix.TUNSETVNETHDRSZ, vnetHeaderSize); err != nil {
		return fmt.Errorf("set header size of tap: %w", err)
	}
	const offload = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN
	if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, offload); err != nil {
		return fmt.Errorf("set offloads of tap: %w", err)
	}
	return nil
}

// tapOption sets one that is given by its address.
func tapOption(fd int, option uintptr, value int32) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), option, uintptr(unsafe.Pointer(&value))); e != 0 {
		return e
	}
	return nil
}

func tunError(err error) error {
	h := &HostError{What: "the device " + tunDevice + " cannot be used", Err: err}
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		h.Mend = "sudo modprobe tun"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		h.Mend = "sudo chmod 0666 " + tunDevice
	default:
		h.Mend = "sudo modprobe tun && sudo chmod 0666 " + tunDevice
	}
	return h
}
