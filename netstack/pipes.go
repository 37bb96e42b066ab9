package netstack

import (
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// pipe holds what is on its way from one socket to another.
type pipe struct{ r, w, size int }

// tiny tells that copying is faster than this.
func (p *pipe) tiny() bool { return p.size < smallRead }

func (p *pipe) close() {
	_ = unix.Close(p.r)
	_ = unix.Close(p.w)
}

// pipePool holds empty pipes that wait for use.
//
// A person may have 64 MB of pipes (fs.pipe-user-pages-soft), those of all
// programs together; then the kernel gives tiny ones. Two programs that forward
// ports have so many. A subordinate id has as many of its own: pipes are made in
// the name of the last one, and the person's own programs do not become slower
// by ours, nor ours by theirs.
type pipePool struct {
	owner int // an id that the pipes are made for first; 0: the person alone

	mu   sync.Mutex
	free []*pipe
	rest int // how many more times none is asked for, as the kernel had tiny ones
}

const (
	maxFreePipes = 16
	// pipeRest is how often a stream is copied before a pipe is tried again.
	pipeRest = 256
)

// get gives an empty pipe; nil: there is none with which copying is not faster.
func (s *pipePool) get() *pipe {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.free) - 1; last >= 0 {
		p := s.free[last]
		s.free = s.free[:last]
		return p
	}
	if s.rest > 0 {
		s.rest--
		return nil
	}
	for _, owner := range []int{s.owner, 0} {
		p, err := makePipe(owner)
		switch {
		case err != nil: // there are no descriptors left
		case p.tiny():
			p.close()
		default:
			return p
		}
	}
	s.rest = pipeRest
	return nil
}

// makePipe makes one, as large as may be, in the name of another id of the
// user namespace.
func makePipe(owner int) (*pipe, error) {
	// The real id alone, which pipes are counted by, and this thread's alone:
	// what may be done goes by the effective one.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if owner > 0 {
		if err := setRealID(owner); err != nil {
			return nil, err
		}
		defer func() { _ = setRealID(0) }() // always allowed: the effective id is 0
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	p := &pipe{r: fds[0], w: fds[1]}
	if size, err := unix.FcntlInt(uintptr(p.w), unix.F_SETPIPE_SZ, spliceSize); err == nil {
		p.size = size
	}
	return p, nil
}

// setRealID sets the calling thread's real user id. The library's function sets
// that of all threads.
func setRealID(id int) error {
	const unchanged = ^uintptr(0)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(id), unchanged, unchanged); errno != 0 {
		return os.NewSyscallError("setresuid", errno)
	}
	return nil
}

// pipesOwner is whom pipes are made for.
func pipesOwner() int {
	last, err := lastID("/proc/self/uid_map")
	if err != nil || unix.Getuid() != 0 {
		return 0
	}
	return last
}

func (s *pipePool) put(p *pipe) {
	s.mu.Lock()
	if len(s.free) < maxFreePipes {
		s.free = append(s.free, p)
		p = nil
	}
	s.mu.Unlock()
	if p != nil {
		p.close()
	}
}

// close closes the pipes that wait; those in use are their users' to put back,
// before this.
func (s *pipePool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.free {
		p.close()
	}
	s.free = nil
}
