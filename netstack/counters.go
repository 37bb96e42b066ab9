package netstack

import (
	"fmt"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Counters are what passed an endpoint, as it sees it.
type Counters struct {
	In, Out               int64   // bytes, those of published ports among them
	PacketsIn, PacketsOut int64   // of its interface
	DroppedIn, DroppedOut int64   // packets
	InRate, OutRate       float64 // bytes a second
}

const (
	// countEvery is how often the counters are read for the rates. It is one
	// question to the kernel for all endpoints.
	countEvery = 5 * time.Second
	// leastCount is the least time that a rate is counted over.
	leastCount = time.Second
)

// looks remembers what the counters were, for the rates.
type looks struct {
	mu   sync.Mutex
	past []look // the oldest first, at most two
}

type look struct {
	at time.Time
	of map[*Endpoint]Counters
}

// watchCounters looks again and again while there are endpoints, until the
// network is closed.
func (n *Network) watchCounters() {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-n.ctx.Done():
			return
		}
		if len(n.Endpoints()) == 0 {
			continue
		}
		if _, err := n.Counters(); err != nil {
			n.log.Debug("count", "err", err)
		}
	}
}

// Counters tells what passed each endpoint. The rates are over the last few
// seconds; an endpoint that was not yet there then has none.
func (n *Network) Counters() (map[*Endpoint]Counters, error) {
	links, err := consistent(n.ns.handle.LinkList)
	if err != nil {
		return nil, fmt.Errorf("counters of links: %w", err)
	}
	byIndex := map[int]*netlink.LinkStatistics{}
	for _, l := range links {
		byIndex[l.Attrs().Index] = l.Attrs().Statistics
	}
	now := look{at: time.Now(), of: map[*Endpoint]Counters{}}
	for _, e := range n.Endpoints() {
		c := e.counters(byIndex[e.HostLink])
		q := e.ownQueue()
		c.DroppedOut += e.overflown(q, byIndex[q.link])
		now.of[e] = c
	}
	n.looks.rate(now)
	return now.of, nil
}

// counters adds what passed beside the interface. The bridge's end of the
// veth pair receives what the endpoint sends.
func (e *Endpoint) counters(s *netlink.LinkStatistics) Counters {
	var c Counters
	c.In, c.Out = e.Traffic()
	if s == nil {
		return c // the link goes at this moment
	}
	c.In, c.Out = c.In+int64(s.TxBytes), c.Out+int64(s.RxBytes)
	c.PacketsIn, c.PacketsOut = int64(s.TxPackets), int64(s.RxPackets)
	c.DroppedIn, c.DroppedOut = int64(s.TxDropped), int64(s.RxDropped)
	return c
}

// overflown is how many frames for the gateway found its queue full. Those of a
// packet socket the kernel tells once; of a tap that is shared nobody knows
// whose they were.
func (e *Endpoint) overflown(q queue, tap *netlink.LinkStatistics) int64 {
	switch {
	case q.link != 0 && tap != nil:
		return int64(tap.TxDropped)
	case q.link == 0 && q.fd >= 0:
		if s, err := unix.GetsockoptTpacketStats(q.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			e.lost.Add(int64(s.Drops))
		}
	}
	return e.lost.Load()
}

// rate fills in the rates since the last look that is old enough, and keeps
// this one where the newest is.
func (l *looks) rate(now look) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var since *look
	for i := range l.past {
		if now.at.Sub(l.past[i].at) >= leastCount {
			since = &l.past[i]
		}
	}
	if since != nil {
		seconds := now.at.Sub(since.at).Seconds()
		for e, c := range now.of {
			if was, there := since.of[e]; there {
				c.InRate, c.OutRate = float64(max(0, c.In-was.In))/seconds, float64(max(0, c.Out-was.Out))/seconds
				now.of[e] = c
			}
		}
	}
	if last := len(l.past) - 1; last < 0 || now.at.Sub(l.past[last].at) >= leastCount {
		l.past = append(l.past, now)
		l.past = l.past[max(0, len(l.past)-2):]
	}
}
