package doctor

import (
	"errors"

	"golang.org/x/sys/unix"
)

// webPort is one that people would publish, and that is not theirs by default.
const webPort = 80

// mayOpen tries whether a port may be opened. One that is taken may be. Nobody
// can connect to it: nothing listens.
func mayOpen(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	err = unix.Bind(fd, &unix.SockaddrInet4{Port: port})
	if errors.Is(err, unix.EADDRINUSE) {
		return nil
	}
	return err
}

// mayPing tries to make a socket for echo requests, as a network does for its
// containers.
func mayPing() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
