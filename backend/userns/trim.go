package userns

import (
	"bufio"
	"cmp"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// trimAfter is how long a resident process has to be idle before it gives
// memory back.
const trimAfter = 2 * time.Second

// briefAfter is how soon what was done every few seconds counts as over: what
// comes oftener than that is left alone.
const briefAfter = 150 * time.Millisecond

// strayAfter is how long after its rest a process gives back again what strays
// had it bring back: a network's members greet their routers for a while.
const strayAfter = 8 * time.Second

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
	brief *time.Timer
	busy  bool
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
		t.timer = time.AfterFunc(trimAfter, t.rest)
		return
	}
	t.timer.Reset(trimAfter)
}

// Brief says that something small was done, of what is done every few seconds,
// such as counting what containers use. It keeps nothing awake: the heap is
// left alone, and only what the program had to bring back for it goes again.
func (t *Trimmer) Brief() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.busy { // else its rest is to come
		t.later(briefAfter)
	}
}

// later gives back after a while; mu is held.
func (t *Trimmer) later(after time.Duration) {
	if t.brief == nil {
		t.brief = time.AfterFunc(after, GiveBack)
		return
	}
	t.brief.Reset(after)
}

// rest is what an idle process does.
func (t *Trimmer) rest() {
	t.mu.Lock()
	debug.SetGCPercent(growIdle)
	t.busy = false
	t.mu.Unlock()
	debug.FreeOSMemory()
	GiveBack()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.later(strayAfter)
}

// GiveBack returns what is clean of the program's own file: it comes back from
// the page cache with the next instruction that needs it. That file stays where
// it is as long as the process, and so it is looked for once; of a library,
// something else might be in its place between the look and the deed.
func GiveBack() {
	for _, m := range ownParts() {
		// Failing means that the pages stay.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.size, unix.MADV_DONTNEED)
	}
}

var ownParts = sync.OnceValue(func() []mapping {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil
	}
	defer func() { _ = smaps.Close() }()
	return cleanParts(smaps, program)
})

// mapping is a part of a process's memory.
type mapping struct{ from, size uintptr }

// cleanParts reads /proc/self/smaps: private mappings of a file that cannot be
// written and have no page of their own hold nothing that the file has not. What
// the loader relocated and then made read-only does have such pages.
func cleanParts(smaps io.Reader, file string) (found []mapping) {
	var last *mapping
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == "Anonymous:" {
			if last != nil && fields[1] == "0" {
				found = append(found, *last)
			}
			last = nil
		} else if m, ok := readOnly(fields); ok && strings.HasSuffix(lines.Text(), " "+file) {
			last = &m
		}
	}
	return found
}

// readOnly reads the first line of a mapping of a file.
func readOnly(fields []string) (m mapping, ok bool) {
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
