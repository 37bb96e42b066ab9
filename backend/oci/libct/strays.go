package libct

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// libcontainer is made for a program that ends after each start, and leaves to
// init what it does not reap when a start fails. We live on: a zombie of ours
// would keep the container's pid namespace, and so its first process, for ever.

// stray is a child of ours that is not handed over: on its way to be a process
// of a container, or left behind.
type stray struct {
	pid    int
	start  uint64 // ticks since boot
	zombie bool
}

// strays lists them. All children of this process are of this package.
func (r *Runtime) strays() (all []stray) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	self := []byte(strconv.Itoa(os.Getpid()))
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || r.handed(pid) {
			continue
		}
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // state, parent, …
		if err != nil || len(fields) < 20 || !bytes.Equal(fields[1], self) {
			continue
		}
		start, err := strconv.ParseUint(string(fields[19]), 10, 64)
		if err == nil {
			all = append(all, stray{pid: pid, start: start, zombie: fields[0][0] == 'Z'})
		}
	}
	return all
}

// ticks is the time since boot in the unit of processes' start times, USER_HZ.
func ticks() uint64 {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0
	}
	return uint64(now.Nano()) / uint64(10*time.Millisecond)
}

// holds tells whether one of its descriptors is the file of that link.
func (s stray) holds(link string) bool {
	dir := fmt.Sprintf("/proc/%d/fd", s.pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		return false // it has ended
	}
	for _, fd := range fds {
		if to, err := os.Readlink(dir + "/" + fd.Name()); err == nil && to == link {
			return true
		}
	}
	return false
}

// looks is how many are taken without seeing a zombie before the sweep ends.
const looks = 10

// sweep reaps what was left behind by starts that failed.
func (r *Runtime) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.quiet = 0
	if !r.sweeping {
		r.sweeping = true
		go r.sweepOn()
	}
}

func (r *Runtime) sweepOn() {
	for r.more() {
		time.Sleep(lookEvery)
		oldest := r.oldest()
		for _, s := range r.strays() {
			if !s.zombie {
				continue
			}
			if s.start < oldest {
				_, _ = unix.Wait4(s.pid, nil, unix.WNOHANG, nil) // or libcontainer did
			}
			r.sweep()
		}
	}
}

// more tells whether the sweep is to go on: something was left a moment ago,
// or hangs.
func (r *Runtime) more() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.quiet++
	r.sweeping = r.quiet <= looks || len(r.stuck) > 0
	return r.sweeping
}

// oldest is when the first of the starts under way began; now, where there is
// none: what is younger may be one's that begins meanwhile.
func (r *Runtime) oldest() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := ticks()
	for e := range r.entries {
		oldest = min(oldest, e.since)
	}
	return oldest
}

func (r *Runtime) enter(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[e] = true
}

func (r *Runtime) entered(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.entries, e)
}

// hand, handed and reaped keep what the guard waits for.
func (r *Runtime) hand(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ours[pid] = true
}

func (r *Runtime) handed(pid int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ours[pid]
}

func (r *Runtime) reaped(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ours, pid)
}

// hindered is how many starts hang in a container.
func (r *Runtime) hindered(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stuck[id]
}

func (r *Runtime) hinder(id string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stuck[id] += n; r.stuck[id] == 0 {
		delete(r.stuck, id)
	}
}
