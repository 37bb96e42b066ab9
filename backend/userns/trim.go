package userns

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// trimAfter is how long a resident process has to be idle before it gives
// memory back.
const trimAfter = 2 * time.Second

// How much the heap may grow until it is collected, in percent. While there is
// much to do a collection for each megabyte would cost more than the work.
const (
	growIdle = 25
	growBusy = 200
)

// Trimmer gives memory back when a resident process has been idle for a
// while: a guard or keeper does nothing for hours. The zero value works.
type Trimmer struct {
	mu    sync.Mutex
	timer *time.Timer
	busy  bool
}

// Touch says that something was done; it starts the wait anew.
func (t *Trimmer) Touch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.busy {
		debug.SetGCPercent(growBusy)
		t.busy = true
	}
	if t.timer == nil {
		t.timer = time.AfterFunc(trimAfter, t.rest)
		return
	}
	t.timer.Reset(trimAfter)
}

// rest is what an idle process does.
func (t *Trimmer) rest() {
	t.mu.Lock()
	debug.SetGCPercent(growIdle)
	t.busy = false
	t.mu.Unlock()
	trim()
}

// trim returns the free heap, and the pages of the program itself: they are
// clean, and come back from the page cache with the next instruction that needs
// them.
func trim() {
	debug.FreeOSMemory()
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer func() { _ = maps.Close() }()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if from, size, ok := cleanFile(lines.Text()); ok {
			// Failing means that the pages stay.
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, size, unix.MADV_DONTNEED)
		}
	}
}

// cleanFile reads a line of /proc/self/maps: private mappings of a file that
// cannot be written hold nothing that the file has not.
func cleanFile(line string) (from, size uintptr, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || !strings.HasPrefix(fields[5], "/") || len(fields[1]) != 4 || fields[1][1] == 'w' || fields[1][3] != 'p' {
		return 0, 0, false
	}
	var to uintptr
	if _, err := fmt.Sscanf(fields[0], "%x-%x", &from, &to); err != nil || to <= from {
		return 0, 0, false
	}
	return from, to - from, true
}
