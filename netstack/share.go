package netstack

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// Connections take descriptors, of which a process has so many only. The last
// of them are for endpoints that have few connections, so that one with all
// the others does not keep the rest from being served.
const (
	keptPart     = 10   // one in so many is kept back,
	mostKept     = 1024 // and no more than these
	alwaysServed = 64   // connections that any endpoint may have
)

// descriptors is how many this process may have.
func descriptors() int64 {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || l.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int64(l.Cur)
}

// mayOpen tells whether e may have a further connection.
func (n *Network) mayOpen(e *Endpoint) bool {
	if n.taken.Load() < n.descriptors-min(n.descriptors/keptPart, mostKept) || e.live.count() < alwaysServed {
		return true
	}
	n.refusedAt.Store(time.Now().UnixNano())
	return false
}

// Exhausted tells when a connection was refused last because this process has
// no descriptors for it, and how many it may have; the zero time: none was.
func (n *Network) Exhausted() (last time.Time, descriptors int64) {
	if at := n.refusedAt.Load(); at != 0 {
		last = time.Unix(0, at)
	}
	return last, n.descriptors
}
