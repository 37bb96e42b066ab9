package netstack

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
)

// plug is a namespace that is joined to the bridge and has everything but an
// address.
type plug struct {
	ns       *namespace
	name     string // of the link in ns
	index    int    // of that link
	hostLink int    // index of the veth pair's other end in the network's namespace
	queue    queue
}

// makePlug makes a namespace, and the veth pair to the bridge with both ends up.
func (n *Network) makePlug() (*plug, error) {
	ns, err := makeNamespace(n.maker, n.linkSysctls("default"))
	if err != nil {
		return nil, err
	}
	p := &plug{ns: ns, name: endpointLink, index: endpointIndex, hostLink: int(n.seq.Add(1))}
	if err = n.makeVeth(p); err == nil {
		p.queue, err = n.firstQueue(p.hostLink)
	}
	if err != nil {
		ns.close() // takes eth0 with it, and that its other end
		return nil, err
	}
	return p, nil
}

// pullOut undoes it.
func (n *Network) pullOut(p *plug) {
	n.closeQueue(p.queue)
	p.ns.close()
}

// plugInto makes a further link in a namespace that exists; file is the
// plug's from then on.
func (n *Network) plugInto(file *os.File) (*plug, error) {
	ns, err := openNamespace(n.maker, file)
	if err != nil {
		return nil, err
	}
	p := &plug{ns: ns, index: anyIndex, hostLink: int(n.seq.Add(1))}
	if p.name, err = freeName(ns); err == nil {
		err = n.makeVeth(p)
	}
	if err == nil {
		p.queue, err = n.firstQueue(p.hostLink)
	}
	if err != nil {
		// The namespace stays, and with it what was made in it.
		_ = n.ns.handle.LinkDel(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: p.hostLink}})
		ns.close()
		return nil, err
	}
	return p, nil
}

// freeName is the first of eth0, eth1, … that no link has.
func freeName(ns *namespace) (string, error) {
	links, err := consistent(ns.handle.LinkList)
	if err != nil {
		return "", fmt.Errorf("list links: %w", err)
	}
	taken := map[string]bool{}
	for _, l := range links {
		taken[l.Attrs().Name] = true
	}
	for i := 0; ; i++ {
		if name := fmt.Sprintf("eth%d", i); !taken[name] {
			return name, nil
		}
	}
}

// spares keeps plugs ready, so that an Attach need not wait for the kernel to
// make a namespace. One goroutine refills it.
type spares struct {
	n     *Network
	ready chan *plug
	done  chan struct{}
}

func newSpares(n *Network, count int) *spares {
	if count < 0 {
		return &spares{n: n}
	}
	// The goroutine holds one more in its hands.
	s := &spares{n: n, ready: make(chan *plug, count-1), done: make(chan struct{})}
	go s.fill()
	return s
}

func (s *spares) fill() {
	defer close(s.done)
	for {
		p, err := s.n.makePlug()
		if err != nil {
			// Attach makes its own and tells its caller why it cannot.
			s.n.log.Error("make a spare namespace", "err", err)
			return
		}
		select {
		case s.ready <- p:
		case <-s.n.ctx.Done():
			s.n.pullOut(p)
			return
		}
	}
}

func (s *spares) get() (*plug, error) {
	select {
	case p := <-s.ready: // never of a nil channel
		return p, nil
	default:
		return s.n.makePlug()
	}
}

func (s *spares) close() {
	if s.done == nil {
		return
	}
	<-s.done
	for {
		select {
		case p := <-s.ready:
			s.n.pullOut(p)
		default:
			return
		}
	}
}
