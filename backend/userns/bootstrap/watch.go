package bootstrap

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/userns"
)

// mappers are the programs that rootlesskit's parent runs beside the child.
var mappers = []string{"newuidmap", "newgidmap", "getsubids"}

// watchChild ends this process when rootlesskit's child ends before it is the
// keeper: the parent holds both ends of the pipe that it waits at, and would
// wait for ever.
func watchChild(state string) {
	var before int
	for {
		pid, err := userns.Zombie(0)
		if err != nil && err != unix.ECHILD {
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
