package netstack

import (
	"errors"

	"golang.org/x/sys/unix"
)

// spliceSize is how much is moved at once, and the size that is asked for a
// pipe.
const spliceSize = 512 << 10

func spliceOnce(from, to, max int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, max, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if !errors.Is(err, unix.EINTR) {
			return int(n), err
		}
	}
}
