package netstack

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// spliceSize is how much is moved at once, and the size that is asked for a
// pipe; the kernel gives less when the person has many.
const spliceSize = 512 << 10

// splice moves bytes from src to dst inside the kernel until src ends. A
// connection without traffic holds no pipe.
func (s *pipePool) splice(dst, src *net.TCPConn, count *atomic.Int64) error {
	in, err := src.SyscallConn()
	if err != nil {
		return err
	}
	out, err := dst.SyscallConn()
	if err != nil {
		return err
	}
	for {
		p, n, err := s.fill(in)
		if err != nil || n == 0 {
			return err
		}
		count.Add(int64(n))
		if err := p.drain(out, n); err != nil {
			p.close() // it still holds bytes
			return err
		}
		s.put(p)
	}
}

type rawConn interface {
	Read(func(uintptr) bool) error
	Write(func(uintptr) bool) error
}

// fill waits for bytes and takes them into a pipe. n is 0 at the end.
func (s *pipePool) fill(in rawConn) (p *pipe, n int, err error) {
	rerr := in.Read(func(fd uintptr) bool {
		if p, err = s.get(); err != nil {
			return true
		}
		n, err = spliceOnce(int(fd), p.w, spliceSize)
		if errors.Is(err, unix.EAGAIN) {
			s.put(p)
			p = nil
			return false
		}
		return true
	})
	if rerr != nil {
		return nil, 0, rerr
	}
	if err != nil || n == 0 {
		if p != nil {
			s.put(p)
		}
		return nil, 0, os.NewSyscallError("splice", err)
	}
	return p, n, nil
}

func (p *pipe) drain(out rawConn, n int) error {
	for n > 0 {
		var moved int
		var err error
		werr := out.Write(func(fd uintptr) bool {
			moved, err = spliceOnce(p.r, int(fd), n)
			return !errors.Is(err, unix.EAGAIN)
		})
		if werr != nil {
			return werr
		}
		if err != nil {
			return os.NewSyscallError("splice", err)
		}
		n -= moved
	}
	return nil
}

func spliceOnce(from, to, max int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, max, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if !errors.Is(err, unix.EINTR) {
			return int(n), err
		}
	}
}

type pipe struct{ r, w int }

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
		return p, nil
	}
	s.mu.Unlock()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	// A smaller pipe is slower, and as good.
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, spliceSize)
	return &pipe{r: fds[0], w: fds[1]}, nil
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
