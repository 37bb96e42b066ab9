package netstack

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

const nicID = 1

// openStack makes the gVisor stack on the tap and starts it.
func (n *Network) openStack() error {
	e := newEdge(n.gateway, n.gateway6)
	var err error
	if n.link, err = n.newLink(e); err != nil {
		return fmt.Errorf("tap: %w", err)
	}
	n.echo = newEchoFlows(n)
	n.link.echo = n.echo.request
	n.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
	})
	if err := setTCPOptions(n.stack); err != nil {
		return err
	}
	n.udp = newUDPFlows(n)
	n.tcp = tcp.NewForwarder(n.stack, 0, maxHalfOpen, n.forwardTCP)
	n.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, n.handleTCP)
	n.stack.SetTransportProtocolHandler(udp.ProtocolNumber, n.udp.handle)
	return n.addNIC()
}

func (n *Network) addNIC() error {
	if err := n.stack.CreateNIC(nicID, n.link); err != nil {
		return fmt.Errorf("interface of the stack: %s", err)
	}
	// Promiscuous: packets to any address arrive. Spoofing: answers come
	// from that address.
	n.stack.SetPromiscuousMode(nicID, true)
	n.stack.SetSpoofing(nicID, true)
	var routes []tcpip.Route
	for _, g := range []struct {
		ip   netip.Addr
		bits int
	}{{n.gateway, n.config.Subnet.Bits()}, {n.gateway6, n.config.Subnet6.Bits()}} {
		if !g.ip.IsValid() {
			continue
		}
		addr := tcpip.ProtocolAddress{
			Protocol:          protocolOf(g.ip),
			AddressWithPrefix: tcpip.AddressWithPrefix{Address: addressOf(g.ip), PrefixLen: g.bits},
		}
		if err := n.stack.AddProtocolAddress(nicID, addr, stack.AddressProperties{}); err != nil {
			return fmt.Errorf("gateway's address: %s", err)
		}
		routes = append(routes, tcpip.Route{Destination: addr.AddressWithPrefix.Subnet(), NIC: nicID})
	}
	n.stack.SetRouteTable(routes)
	return nil
}

// protocolOf is the stack's number of an address's protocol.
func protocolOf(ip netip.Addr) tcpip.NetworkProtocolNumber {
	if ip.Is6() {
		return ipv6.ProtocolNumber
	}
	return ipv4.ProtocolNumber
}

func addressOf(ip netip.Addr) tcpip.Address { return tcpip.AddrFromSlice(ip.AsSlice()) }

// setTCPOptions: windows that hold a fast path's worth of bytes and grow only
// where they are used, and a short TIME-WAIT: the path to the container is one
// tap, on which no old segment wanders for a minute.
func setTCPOptions(s *stack.Stack) error {
	sack := tcpip.TCPSACKEnabled(true)
	moderate := tcpip.TCPModerateReceiveBufferOption(true)
	timeWait := tcpip.TCPTimeWaitTimeoutOption(2 * time.Second)
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4 << 10, Default: 512 << 10, Max: 6 << 20}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4 << 10, Default: 512 << 10, Max: 6 << 20}
	for _, o := range []tcpip.SettableTransportProtocolOption{&sack, &moderate, &timeWait, &receive, &send} {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, o); err != nil {
			return fmt.Errorf("stack option %T: %s", o, err)
		}
	}
	return nil
}

// admit lets an endpoint's frames through bridge and edge; the stack knows its
// MAC without asking, so that nobody else can answer.
func (n *Network) admit(e *Endpoint) error {
	if err := n.guards.admit(e); err != nil {
		return err
	}
	for _, ip := range []netip.Addr{e.IP, e.IP6} {
		if !ip.IsValid() {
			continue
		}
		if err := n.stack.AddStaticNeighbor(nicID, protocolOf(ip), addressOf(ip), tcpip.LinkAddress(e.MAC)); err != nil {
			return fmt.Errorf("neighbour %s: %s", ip, err)
		}
	}
	n.link.edge.pin(e.MAC, e.pinAt(e.ownQueue()))
	return nil
}

func (n *Network) expel(e *Endpoint) {
	n.link.edge.unpin(e.MAC)
	n.guards.expel(e)
	for _, ip := range []netip.Addr{e.IP, e.IP6} {
		if ip.IsValid() {
			_ = n.stack.RemoveNeighbor(nicID, protocolOf(ip), addressOf(ip))
		}
	}
}

// closeStack ends the stack and the reader of frames, then the device: others
// write to its bare descriptor until the stack has ended.
func (n *Network) closeStack() {
	if n.stack != nil {
		n.stack.Close()
		n.stack.Wait()
	}
	if n.link != nil {
		n.link.intake.close()
	}
	switch {
	case n.tap != nil:
		_ = n.tap.Close()
	case n.device > 0:
		_ = unix.Close(n.device)
	}
}

func full(ap netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: nicID, Addr: addressOf(ap.Addr()), Port: ap.Port()}
}

func addrOf(a tcpip.Address) netip.Addr {
	ip, _ := netip.AddrFromSlice(a.AsSlice())
	return ip
}
