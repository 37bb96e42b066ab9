package netstack

// plug is a namespace that is joined to the bridge and has everything but an
// address.
type plug struct {
	ns       *namespace
	hostLink int // index of the veth pair's other end in the network's namespace
}

// makePlug makes a namespace, and the veth pair to the bridge with both ends up.
func (n *Network) makePlug() (*plug, error) {
	ns, err := makeNamespace(n.maker)
	if err != nil {
		return nil, err
	}
	p := &plug{ns: ns, hostLink: int(n.seq.Add(1))}
	if err := n.makeVeth(p); err != nil {
		ns.close() // takes eth0 with it, and that its other end
		return nil, err
	}
	return p, nil
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
			p.ns.close()
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
			p.ns.close()
		default:
			return
		}
	}
}
