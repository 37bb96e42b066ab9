package netstack

import (
	"errors"

	"github.com/vishvananda/netlink"
)

// listTries is how often a list is asked for that changes all the time.
const listTries = 100

// consistent gives a list of the kernel's as it was at one moment. Where it changes
// while it is told, the kernel says that it may be incomplete: when a netd was
// killed, what it had goes while the next one looks.
func consistent[T any](list func() ([]T, error)) (all []T, err error) {
	for range listTries {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}
