package userns

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"strconv"

	"golang.org/x/sys/unix"
)

// SingleUID tells whether this user namespace maps no more than one user id,
// so that images with several owners do not work.
func SingleUID() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	var inside, outside, length uint64
	n := bytes.Count(bytes.TrimSpace(b), []byte("\n")) + 1
	_, err = fmt.Sscan(string(b), &inside, &outside, &length)
	return err == nil && n == 1 && length == 1
}

func number(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// Deaf makes the process outlive the signals of a terminal, a logout and a
// broken pipe. They are caught rather than ignored: what is ignored stays so in
// every program executed from here on, inside containers too.
func Deaf() {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGPIPE)
}
