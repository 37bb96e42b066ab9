package userns

import (
	"bufio"
	"cmp"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
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
	// Grow is how much the heap may grow while there is much to do, in percent;
	// 0: as suits a process that holds little.
	Grow int

	mu    sync.Mutex
	timer *time.Timer
	busy  bool
	begun []mapping
}

// begin notes what the program has in memory when it is first touched: only
// those files are given back. Another one might be gone, and something else in
// its place, between the look and the deed.
func (t *Trimmer) begin() {
	if t.begun == nil {
		t.begun = look("maps", readOnlyFiles) // smaps counts pages, which would take a start's time
	}
}

// Touch says that something was done; it starts the wait anew.
func (t *Trimmer) Touch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.busy {
		debug.SetGCPercent(cmp.Or(t.Grow, growBusy))
		t.busy = true
	}
	if t.timer == nil {
		t.begin()
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
	begun := t.begun
	t.mu.Unlock()
	trim(begun)
}

// trim returns the free heap, and what is clean of the files that were there
// from the beginning: it comes back from the page cache with the next
// instruction that needs it.
func trim(begun []mapping) {
	debug.FreeOSMemory()
	for _, m := range look("smaps", cleanFiles) {
		if slices.Contains(begun, m) {
			// Failing means that the pages stay.
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.size, unix.MADV_DONTNEED)
		}
	}
}

// mapping is a part of a process's memory.
type mapping struct{ from, size uintptr }

// look has read tell what the process has in memory, by maps or smaps.
func look(list string, read func(io.Reader) []mapping) []mapping {
	f, err := os.Open("/proc/self/" + list)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	return read(f)
}

// readOnlyFiles reads /proc/self/maps: private mappings of files that cannot
// be written.
func readOnlyFiles(maps io.Reader) (found []mapping) {
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if m, ok := readOnlyFile(strings.Fields(lines.Text())); ok {
			found = append(found, m)
		}
	}
	return found
}

// cleanFiles reads /proc/self/smaps: those that have no page of their own hold
// nothing that the file has not. What the loader relocated and then made
// read-only does have such pages.
func cleanFiles(smaps io.Reader) (found []mapping) {
	var last *mapping
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == "Anonymous:" {
			if last != nil && fields[1] == "0" {
				found = append(found, *last)
			}
			last = nil
		} else if m, ok := readOnlyFile(fields); ok {
			last = &m
		}
	}
	return found
}

// readOnlyFile reads the first line of a mapping.
func readOnlyFile(fields []string) (m mapping, ok bool) {
	if len(fields) < 6 || !strings.HasPrefix(fields[5], "/") || len(fields[1]) != 4 || fields[1][1] == 'w' || fields[1][3] != 'p' {
		return m, false
	}
	from, to, _ := strings.Cut(fields[0], "-")
	begin, err := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	if err != nil || err2 != nil || end <= begin {
		return m, false
	}
	return mapping{uintptr(begin), uintptr(end - begin)}, true
}
