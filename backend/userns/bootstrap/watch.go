package bootstrap

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mappers are the programs that rootlesskit's parent runs beside the child.
var mappers = []string{"newuidmap", "newgidmap", "getsubids"}

// watchChild ends this process when rootlesskit's child ends before it is the
// keeper: the parent holds both ends of the pipe that it waits at, and would
// wait for ever.
func watchChild(state string) {
	var before int
	for {
		pid, err := zombie()
		if err != nil && err != unix.EINTR && err != unix.ECHILD {
			return
		}
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		name := strings.TrimSpace(string(comm))
		switch {
		case err != nil || name == "" || slices.Contains(mappers, name):
			time.Sleep(time.Millisecond) // still to come, or being reaped
		case pid != before:
			before = pid
			time.Sleep(200 * time.Millisecond) // what could not be executed is reaped at once, and the parent says why
		default:
			_ = os.RemoveAll(state)
			fmt.Fprintln(os.Stderr, "davit-guard: the process that was to become the keeper was ended before it could")
			os.Exit(1)
		}
	}
}

// zombie waits until a child has ended and leaves it to whoever reaps it.
func zombie() (int, error) {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT, nil)
	// si_pid, which x/sys does not name, follows three integers and padding.
	offset := uintptr(12)
	if unsafe.Sizeof(uintptr(0)) == 8 {
		offset = 16
	}
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), offset))), err
}
