package serve

import (
	"context"
	"net"
	"os"
	"time"

	"davit/netstack"
)

// brokenStay is how long a process without a network tells why, before it
// ends to be started again.
const brokenStay = 500 * time.Millisecond

// enter counts a connection; false: the end has begun.
func (s *server) enter(c *net.UnixConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.over:
		return false
	default:
	}
	s.conns[c] = struct{}{}
	s.idle.Stop()
	return true
}

func (s *server) leave(c *net.UnixConn) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) > 0 {
		return
	}
	stay := s.Idle
	select {
	case <-s.opened:
		if s.broken != nil {
			stay = brokenStay
		}
	default:
	}
	s.idle.Reset(stay)
}

// tryEnd runs when nobody has asked for anything for a while.
func (s *server) tryEnd() {
	<-s.opened
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) > 0 || s.network != nil && len(s.network.Endpoints()) > 0 {
		return // the last to leave looks again
	}
	s.end()
}

// end is called under mu: after it no connection enters.
func (s *server) end() {
	s.closeOnce.Do(func() {
		// First the socket goes, then its listener: who finds none starts the
		// next process, and who was accepted late is told by a closed connection.
		_ = s.door.Remove()
		close(s.over)
	})
}

func (s *server) close() error {
	s.mu.Lock()
	s.end()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.idle.Stop()
	s.work.Wait()
	if s.network == nil {
		return nil
	}
	s.kept.all(s.network.Endpoints())
	_ = os.Remove(s.state)
	return s.network.Close()
}

// restore makes the network, with what an earlier process left.
func (s *server) restore() (*netstack.Network, error) {
	old, files := loadState(s.state, s.Log), s.Deposits
	c := s.Network
	if ns := files[tagNetwork]; ns != nil && old.Subnet.IsValid() {
		c.Kept = &netstack.Kept{Namespace: ns, Tap: files[tagTap]}
		c.Subnet, c.Subnet6 = old.Subnet, old.Subnet6
		delete(files, tagNetwork)
		delete(files, tagTap)
	} else {
		old.Endpoints = nil
	}
	n, err := netstack.New(c)
	if err != nil {
		return nil, err
	}
	s.network = n
	if c.Kept == nil || c.Kept.Tap == nil {
		s.kept.network(n)
	}
	for _, e := range old.Endpoints {
		s.restoreOne(n, e, files)
	}
	for tag, f := range files { // what nobody knows any more
		_ = f.Close()
		s.kept.withdraw(tag)
	}
	s.save()
	return n, nil
}

func (s *server) restoreOne(n *netstack.Network, e savedEndpoint, files map[string]*os.File) {
	ns := files[tagOf(e.ID)]
	if ns == nil {
		s.Log.Error("a container lost its network", "id", e.ID, "err", "its namespace was not kept")
		return
	}
	delete(files, tagOf(e.ID))
	c, err := s.config(e.Request)
	if err == nil {
		c.Namespace = ns
		var hw net.HardwareAddr
		if hw, err = net.ParseMAC(e.Endpoint.MAC); err == nil {
			_, err = n.Restore(c, netstack.Restored{
				IP: e.Endpoint.IP, IP6: e.Endpoint.IP6, MAC: hw, Interface: e.Endpoint.Interface, HostLink: e.HostLink,
				In: e.Traffic.In, Out: e.Traffic.Out,
			})
		}
	}
	if err != nil {
		s.Log.Error("a container lost its network", "id", e.ID, "err", err)
		s.kept.withdraw(tagOf(e.ID))
		return
	}
	s.requests[e.ID] = e.Request
	for _, w := range e.Ports {
		p, err := fromWire(w)
		if err != nil {
			continue // was never written by us
		}
		tag := tagOfPort(e.ID, p)
		p.Kept = files[tag]
		p.First, p.Last = 0, 0 // people know it where it is by now
		delete(files, tag)
		if _, err := n.Publish(context.Background(), e.ID, []netstack.Port{p}); err != nil {
			s.Log.Error("a port was lost", "id", e.ID, "port", p.Host(), "err", err)
			s.kept.withdraw(tag)
		}
	}
}
