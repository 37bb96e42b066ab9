package store

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
)

// BootID identifies this boot of the machine; "" where /proc does not tell.
var BootID = sync.OnceValue(func() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b))
})

// ProcessStart tells when a process was started, in clock ticks since boot
// (field 22 of /proc/pid/stat). Pid and start together name a process for as
// long as the machine is up; a pid alone is given out again. A process that is
// not there is fs.ErrNotExist.
func ProcessStart(pid int) (uint64, error) {
	b, err := readBounded("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The name in field 2 may hold spaces and parentheses.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat: %d fields after the name", pid, len(fields))
	}
	return strconv.ParseUint(string(fields[19]), 10, 64)
}
