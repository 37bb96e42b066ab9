package netstack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// guards keep the members of a network from speaking in each other's names,
// also those that may make raw packets. There are two:
//
// The bridge learns nothing: which MAC is behind which port is told to it. So
// nobody draws another's frames to himself.
//
// A table of nf_tables looks at every frame that enters the bridge: it must
// come from the port, MAC and IP address of one member, in ARP and in
// neighbour advertisements, too. Members' own namespaces know the gateway's
// MAC, and do not ask. A kernel without nf_tables leaves the first alone, and
// words says so.
type guards struct {
	n     *Network
	nft   int   // a netfilter socket in the network's namespace; -1: none
	cause error // why there is none
}

const (
	guardTable = "davit"
	guardChain = "members"
	// The sets, by what their elements are.
	setIPv4 = "ipv4" // port, MAC, address
	setARP  = "arp"  // port, MAC, MAC, address
	setIPv6 = "ipv6" // port, MAC, address
	setND   = "nd"   // port, address
	setMAC  = "mac"  // port, MAC
)

// openGuards makes the table, or finds that of an earlier process.
func (n *Network) openGuards() error {
	g := &guards{n: n, nft: -1}
	n.guards = g
	err := n.maker.in(n.ns.file, func() error {
		var err error
		g.nft, err = openNFT()
		return err
	})
	if err == nil {
		err = g.makeTable(n.tapIndex)
	}
	if err != nil {
		g.close()
		g.cause = err
		n.log.Warn("members of the network are not kept from using each other's addresses by nf_tables", "err", err)
	}
	if n.tap == nil {
		return nil // what is for the gateway is for no port
	}
	return g.port(n.tapIndex, macFor(n.gateway))
}

func (g *guards) close() {
	if g.nft >= 0 {
		_ = unix.Close(g.nft)
		g.nft = -1
	}
}

// words say what guards the members, for people.
func (g *guards) words() string {
	if g.cause == nil {
		return "every member sends from its own addresses only (nf_tables), and the bridge knows where each one is"
	}
	return "the bridge knows where each member is, so that none receives another's traffic; but one with the capability NET_RAW could send in another's name, for this kernel offers no nf_tables (modprobe nf_tables)"
}

func (g *guards) makeTable(tap int) error {
	t := newNFTBatch()
	t.add(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, text(unix.NFTA_TABLE_NAME, guardTable))
	for i, s := range []struct {
		name string
		size uint32
	}{{setIPv4, 4 + 8 + 4}, {setARP, 4 + 8 + 8 + 4}, {setIPv6, 4 + 8 + 16}, {setND, 4 + 16}, {setMAC, 4 + 8}} {
		t.add(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE,
			text(unix.NFTA_SET_TABLE, guardTable), text(unix.NFTA_SET_NAME, s.name), number(unix.NFTA_SET_KEY_LEN, s.size),
			number(unix.NFTA_SET_KEY_TYPE, 0), number(unix.NFTA_SET_ID, uint32(i+1)))
	}
	const acceptNobody = nfDrop
	t.add(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE,
		text(unix.NFTA_CHAIN_TABLE, guardTable), text(unix.NFTA_CHAIN_NAME, guardChain), text(unix.NFTA_CHAIN_TYPE, "filter"),
		nested(unix.NFTA_CHAIN_HOOK, number(unix.NFTA_HOOK_HOOKNUM, 0), number(unix.NFTA_HOOK_PRIORITY, 0)),
		number(unix.NFTA_CHAIN_POLICY, acceptNobody))
	for _, rule := range guardRules(tap) {
		t.add(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND,
			text(unix.NFTA_RULE_TABLE, guardTable), text(unix.NFTA_RULE_CHAIN, guardChain), nested(unix.NFTA_RULE_EXPRESSIONS, rule...))
	}
	err := t.commit(g.nft)
	if errors.Is(err, unix.EEXIST) && g.n.config.Kept != nil {
		return nil
	}
	return err
}

// guardRules are the rules, in order; what none accepts is dropped.
func guardRules(tap int) [][]attr {
	var (
		kind      = part{unix.NFT_PAYLOAD_LL_HEADER, 12, 2} // a tag for a VLAN stands there, too, and is none of these
		source    = part{unix.NFT_PAYLOAD_LL_HEADER, 6, 6}
		source4   = part{unix.NFT_PAYLOAD_NETWORK_HEADER, 12, 4}
		sender    = part{unix.NFT_PAYLOAD_NETWORK_HEADER, 8, 6}  // of ARP
		senderIP  = part{unix.NFT_PAYLOAD_NETWORK_HEADER, 14, 4} // of ARP
		source6   = part{unix.NFT_PAYLOAD_NETWORK_HEADER, 8, 16}
		icmpType  = part{unix.NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1}
		icmpAbout = part{unix.NFT_PAYLOAD_TRANSPORT_HEADER, 8, 16}
	)
	port := meta(unix.NFT_META_IIF, 0)
	is := func(ethertype uint16) []attr {
		return []attr{load(kind, 0), equal(0, byte(ethertype>>8), byte(ethertype))}
	}
	icmpv6 := func(t byte) []attr {
		return append(is(etherIPv6), meta(unix.NFT_META_L4PROTO, 0), equal(0, protocolICMPv6), load(icmpType, 0), equal(0, t))
	}
	with := func(start []attr, more ...attr) []attr { return append(start, more...) }
	return [][]attr{
		{port, equal(0, binary.NativeEndian.AppendUint32(nil, uint32(tap))...), end(nfAccept)},
		with(is(etherIPv4), port, load(source, 1), load(source4, 3), in(setIPv4), end(nfAccept)),
		with(is(etherARP), port, load(source, 1), load(sender, 3), load(senderIP, 5), in(setARP), end(nfAccept)),
		with(icmpv6(ndAdvertisement), port, load(icmpAbout, 1), notIn(setND), end(nfDrop)),
		with(icmpv6(ndRouter), end(nfDrop)),
		with(icmpv6(ndRedirect), end(nfDrop)),
		with(is(etherIPv6), port, load(source, 1), load(source6, 3), in(setIPv6), end(nfAccept)),
		// Without an address yet: is it taken, and which groups are listened to.
		with(icmpv6(ndSolicitation), load(source6, 0), equal(0, make([]byte, 16)...), port, load(source, 1), in(setMAC), end(nfAccept)),
		with(icmpv6(mldReport), load(source6, 0), equal(0, make([]byte, 16)...), port, load(source, 1), in(setMAC), end(nfAccept)),
	}
}

// admit lets an endpoint's frames through.
func (g *guards) admit(e *Endpoint) error {
	if g.nft >= 0 {
		if err := g.elements(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, e); err != nil {
			return err
		}
	}
	return g.port(e.HostLink, e.MAC)
}

// expel is admit's opposite. The port goes with its link.
func (g *guards) expel(e *Endpoint) {
	if g.nft < 0 {
		return
	}
	if err := g.elements(unix.NFT_MSG_DELSETELEM, 0, e); err != nil {
		g.n.log.Warn("take an address back", "id", e.ID, "err", err)
	}
}

func (g *guards) elements(command, flags uint16, e *Endpoint) error {
	iif := binary.NativeEndian.AppendUint32(nil, uint32(e.HostLink))
	hw := append(append([]byte{}, e.MAC...), 0, 0)
	ip := e.IP.AsSlice()
	keys := map[string][][]byte{
		setIPv4: {joined(iif, hw, ip)}, setARP: {joined(iif, hw, hw, ip)}, setMAC: {joined(iif, hw)},
	}
	if e.IP6.IsValid() {
		for _, a := range [][]byte{e.IP6.AsSlice(), linkLocal(e.MAC).AsSlice()} {
			keys[setIPv6] = append(keys[setIPv6], joined(iif, hw, a))
			keys[setND] = append(keys[setND], joined(iif, a))
		}
	}
	t := newNFTBatch()
	for _, set := range []string{setIPv4, setARP, setIPv6, setND, setMAC} {
		var all []attr
		for _, k := range keys[set] {
			all = append(all, nested(unix.NFTA_LIST_ELEM, nested(unix.NFTA_SET_ELEM_KEY, attr{unix.NFTA_DATA_VALUE, k})))
		}
		if len(all) > 0 {
			t.add(command, flags, text(unix.NFTA_SET_ELEM_LIST_TABLE, guardTable), text(unix.NFTA_SET_ELEM_LIST_SET, set),
				nested(unix.NFTA_SET_ELEM_LIST_ELEMENTS, all...))
		}
	}
	g.n.guardMu.Lock()
	defer g.n.guardMu.Unlock()
	return t.commit(g.nft)
}

func joined(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// port tells the bridge who is behind one of its ports, and to learn nothing
// there.
func (g *guards) port(index int, hw net.HardwareAddr) error {
	h := g.n.ns.handle
	link := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: index}}
	if err := h.LinkSetLearning(link, false); err != nil {
		return fmt.Errorf("make the bridge learn nothing: %w", err)
	}
	if err := h.LinkSetFlood(link, false); err != nil {
		return fmt.Errorf("make the bridge flood nothing: %w", err)
	}
	if g.n.config.Isolated && index != g.n.tapIndex {
		if err := h.LinkSetIsolated(link, true); err != nil {
			return &HostError{What: "the members of a network cannot be kept from each other on this kernel", Mend: "a kernel from 4.18 on is needed", Err: err}
		}
	}
	return g.n.leadTo(index, hw)
}
