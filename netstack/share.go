package netstack

import (
	"math"

	"golang.org/x/sys/unix"
)

// Connections take descriptors, of which a process has so many only. The last
// of them are for endpoints that have few connections, so that one with all
// the others does not keep the rest from being served.
const (
	sharedParts  = 10 // of which all but one may be taken by anybody
	alwaysServed = 64 // connections that any endpoint may have
	perStream    = 2  // descriptors that a stream takes, at most
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
	return n.streams.Load()*perStream < n.descriptors/sharedParts*(sharedParts-1) || e.live.count() < alwaysServed
}
