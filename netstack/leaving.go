package netstack

import (
	"errors"
	"fmt"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// leavingGroup is the group of links that are to be taken away; all others are
// in 0.
const leavingGroup = 1

// leaving takes away the veth pairs of endpoints that are in the network no
// more, all that wait in one step. For each step the kernel waits several times
// until nobody on any processor can still see what goes, tens of milliseconds
// in all, some of them with the lock held that every change of a link needs: of
// fifty containers one by one it would keep those that come waiting for a second.
type leaving struct {
	// out is no other's: a message waits for the answer to the one before.
	out nl.SocketHandle

	mu      sync.Mutex
	waiting []*Endpoint
	busy    bool
}

// add has e taken away soon. Whoever calls has counted itself in n.work.
func (l *leaving) add(e *Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, e)
	if !l.busy {
		l.busy = true
		e.n.work.Go(func() { l.work(e.n) })
	}
}

func (l *leaving) work(n *Network) {
	for {
		l.mu.Lock()
		all := l.waiting
		l.waiting = nil
		l.busy = len(all) > 0
		l.mu.Unlock()
		if len(all) == 0 {
			return
		}
		for _, e := range all {
			n.closeQueue(e.ownQueue())
		}
		if err := l.takeAway(n, all); err != nil {
			n.log.Error("remove veths", "count", len(all), "err", err)
		}
		for _, e := range all {
			e.ns.close()
		}
	}
}

// takeAway removes the bridge's ends, with which the others go. One that is
// not there went with its namespace.
func (l *leaving) takeAway(n *Network, all []*Endpoint) error {
	var errs []error
	for _, e := range all {
		req := l.request(n, unix.RTM_SETLINK)
		req.AddData(linkHead(unix.AF_UNSPEC, e.HostLink))
		req.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(leavingGroup)))
		if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("link %d of %s: %w", e.HostLink, e.ID, err))
		}
	}
	req := l.request(n, unix.RTM_DELLINK)
	req.AddData(linkHead(unix.AF_UNSPEC, anyIndex))
	req.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(leavingGroup)))
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil && !errors.Is(err, unix.ENODEV) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (l *leaving) request(n *Network, kind int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, unix.NLM_F_ACK)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: &l.out}
	return req
}

// close runs once nobody leaves any more.
func (l *leaving) close() {
	if l.out.Socket != nil {
		l.out.Socket.Close()
	}
}
