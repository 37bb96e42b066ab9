package netstack

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/buffer"
)

// intake takes the frames for the stack out of the kernel's queues, in turns, a
// few of each. Who sends more than is taken fills his queue, and loses what does
// not fit; the others' are as empty as before. That the queue which they share
// does not get empty is told to who gives each its own.
type intake struct {
	link  *link
	epoll int
	wake  int // an eventfd: it is over
	done  chan struct{}
	over  atomic.Bool

	mu     sync.Mutex // held while frames are handed on
	serial int32
	queues map[int32]queued

	crowded   func() // the shared queue is; called by a goroutine of its own
	fullTurns int    // of the shared queue, one after the other
}

// queued is one descriptor that is read. The serial tells those that had the
// same number one after the other. Who is not behind that link of the bridge
// has no business in it.
type queued struct {
	serial int32
	link   int
}

// anyLink is that of the queue which endpoints share.
const anyLink = 0

const (
	// framesInTurn and bytesInTurn end the turn of one queue.
	framesInTurn = 32
	bytesInTurn  = 512 << 10
	// crowdedTurns are as many full turns as take a quarter of what the kernel
	// keeps for us.
	crowdedTurns = 8
	// queuesInTurn is how many are asked about at once.
	queuesInTurn = 64
)

func newIntake(l *link, crowded func()) (*intake, error) {
	i := &intake{link: l, queues: map[int32]queued{}, done: make(chan struct{}), crowded: crowded}
	var err error
	if i.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	if i.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(i.epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	if err := i.add(i.wake, anyLink); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// add has a queue read, of the endpoint behind that link of the bridge. The
// descriptor does not block, and is its caller's.
func (i *intake) add(fd, link int) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over.Load() {
		return os.ErrClosed
	}
	i.serial++
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd), Pad: i.serial}
	if err := unix.EpollCtl(i.epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	i.queues[int32(fd)] = queued{i.serial, link}
	return nil
}

// remove returns when the queue is read no more; then it may be closed.
func (i *intake) remove(fd int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.drop(fd)
}

// drop is called under mu.
func (i *intake) drop(fd int) {
	if _, there := i.queues[int32(fd)]; there {
		_ = unix.EpollCtl(i.epoll, unix.EPOLL_CTL_DEL, fd, nil)
		delete(i.queues, int32(fd))
	}
}

// run hands on frames until stop.
func (i *intake) run() {
	defer close(i.done)
	var head [frameHead]byte
	body := buffer.NewViewSize(maxPacket)
	defer func() { body.Release() }()
	events := make([]unix.EpollEvent, queuesInTurn)
	for {
		k, err := i.await(events)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return // of a descriptor that nobody closes before us: it does not happen
		}
		i.mu.Lock()
		if i.over.Load() {
			i.mu.Unlock()
			return
		}
		for _, e := range events[:max(k, 0)] {
			if q, there := i.queues[e.Fd]; there && q.serial == e.Pad {
				body = i.turn(int(e.Fd), q.link, &head, body)
			}
		}
		i.mu.Unlock()
	}
}

// await tells which queues have frames. Where some have, Go's scheduler is not
// asked for leave, which to get back costs more than the call.
func (i *intake) await(events []unix.EpollEvent) (int, error) {
	k, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(i.epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	switch {
	case errno != 0:
		return 0, errno
	case k > 0:
		return int(k), nil
	}
	return unix.EpollWait(i.epoll, events, -1)
}

// turn takes what a queue has, up to a turn's worth, and gives the buffer for
// the next.
func (i *intake) turn(fd, link int, head *[frameHead]byte, body *buffer.View) *buffer.View {
	bytes := 0
	for range framesInTurn {
		n, err := unix.Readv(fd, [][]byte{head[:], body.AsSlice()})
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENETDOWN):
			if link == anyLink {
				i.fullTurns = 0
			}
			return body // it is empty, or its link is down
		case err != nil:
			// Its device is gone, and it would be ready for ever.
			i.drop(fd)
			return body
		case n > frameHead:
			body = i.link.receive(link, head[vnetHeaderSize:], body, n-frameHead)
		}
		if bytes += max(n, 0); bytes >= bytesInTurn {
			return body
		}
	}
	if link != anyLink {
		return body
	}
	if i.fullTurns++; i.fullTurns == crowdedTurns {
		go i.crowded()
	}
	return body
}

// stop has the reading end; done tells when it has.
func (i *intake) stop() {
	i.over.Store(true)
	_, _ = unix.Write(i.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// close is called when nobody reads any more.
func (i *intake) close() {
	_ = unix.Close(i.epoll)
	_ = unix.Close(i.wake)
}
