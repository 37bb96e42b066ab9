package userns

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
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
