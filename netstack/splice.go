package netstack

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// spliceSize is how much is moved at once, and the size that is asked for a
// pipe; the kernel gives less when the person has many.
const spliceSize = 512 << 10

func spliceOnce(from, to, max int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, max, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if !errors.Is(err, unix.EINTR) {
			return int(n), err
		}
	}
}

type pipe struct{ r, w, size int }

// grow makes it as large as may be. A person whose programs have many pipes
// gets tiny ones (fs.pipe-user-pages-soft), until there are fewer again.
func (p *pipe) grow() {
	if size, err := unix.FcntlInt(uintptr(p.w), unix.F_SETPIPE_SZ, spliceSize); err == nil {
		p.size = size
	}
}

// tiny tells that copying is faster than this.
func (p *pipe) tiny() bool { return p.size < smallRead }

func (p *pipe) close() {
	_ = unix.Close(p.r)
	_ = unix.Close(p.w)
}

// pipePool holds empty pipes that wait for use.
type pipePool struct {
	mu   sync.Mutex
	free []*pipe
}

const maxFreePipes = 16

func (s *pipePool) get() (*pipe, error) {
	s.mu.Lock()
	if last := len(s.free) - 1; last >= 0 {
		p := s.free[last]
		s.free = s.free[:last]
		s.mu.Unlock()
		if p.tiny() {
			p.grow()
		}
		return p, nil
	}
	s.mu.Unlock()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	p := &pipe{r: fds[0], w: fds[1]}
	p.grow()
	return p, nil
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
