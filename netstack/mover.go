package netstack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// movers carry the connections of published ports by the direct path: a few
// threads, each with an epoll of its own, accept, connect and move bytes
// without waiting. A connection is a joint on one of them from its first
// moment on; it has no goroutine. One that turns out to be work may be handed to
// another (see share).
type movers struct {
	n   *Network
	all []*mover
}

// mover is one thread. All but post is called on it alone.
type mover struct {
	n      *Network
	epoll  int
	wake   int // an eventfd: others have something to do
	items  map[int32]item
	serial int32 // tells the items that had a descriptor one after the other
	again  []*joint
	busy   bool // something came within linger, and will again
	buf    []byte
	done   chan struct{}
	ms     *movers
	load   workload

	mu     sync.Mutex
	posted []func()
	over   bool
}

// item is what an epoll's descriptor stands for.
type item struct {
	serial int32
	joint  *joint
	port   *port
}

// maxMovers is how many threads move bytes, at most: one for every two
// processors, for clients and servers need theirs at the same time.
const maxMovers = 4

// Movers is how many threads a network has that move bytes of published ports.
// A busy one keeps a processor of Go's scheduler while it waits, so a program
// had better have as many more.
func Movers() int { return min(maxMovers, max(1, runtime.NumCPU()/2)) }

func newMovers(n *Network, count int) (*movers, error) {
	ms := &movers{n: n}
	for range count {
		m, err := newMover(n)
		if err != nil {
			for _, m := range ms.all {
				m.closeFiles()
			}
			return nil, err
		}
		m.ms = ms
		ms.all = append(ms.all, m)
	}
	for _, m := range ms.all {
		go m.run()
	}
	return ms, nil
}

func newMover(n *Network) (*mover, error) {
	m := &mover{n: n, items: map[int32]item{}, buf: make([]byte, smallRead), done: make(chan struct{})}
	var err error
	if m.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	if m.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(m.epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	if err := m.watch(m.wake, unix.EPOLLIN, item{}); err != nil {
		_ = unix.Close(m.epoll)
		_ = unix.Close(m.wake)
		return nil, err
	}
	return m, nil
}

// watch adds a descriptor.
func (m *mover) watch(fd int, events uint32, it item) error {
	m.serial++
	it.serial = m.serial
	e := unix.EpollEvent{Events: events, Fd: int32(fd), Pad: it.serial}
	if err := unix.EpollCtl(m.epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	m.items[int32(fd)] = it
	return nil
}

// forget is called before a descriptor is closed, which takes it out of the
// epoll by itself unless it was copied.
func (m *mover) forget(fd int) { delete(m.items, int32(fd)) }

// post has f called on the thread; false: it has ended.
func (m *mover) post(f func()) bool { return m.postWith(f, func() {}) }

// postWith does before others can post something behind f, if f is posted.
func (m *mover) postWith(f, before func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return false
	}
	before()
	m.posted = append(m.posted, f)
	if len(m.posted) == 1 {
		_, _ = unix.Write(m.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // it is full at worst, and wakes
	}
	return true
}

func (m *mover) run() {
	defer close(m.done)
	runtime.LockOSThread() // so that the kernel keeps what it moves near one processor
	events := make([]unix.EpollEvent, 256)
	for {
		k, err := m.await(events)
		if err != nil && !errors.Is(err, unix.EINTR) {
			m.n.log.Error("epoll", "err", err)
			return
		}
		for _, e := range events[:max(k, 0)] {
			m.handle(e)
		}
		again := m.again
		m.again = nil
		for _, j := range again {
			j.queued = false
			j.move()
		}
		if !m.attend() {
			return
		}
		if m.load.since >= shareEvery {
			m.share()
		}
	}
}

// linger is for how long a busy mover waits without leave from Go's scheduler,
// in ms. The scheduler's own watch interrupts such a wait after some 10 ms.
const linger = 5

// await gives what is ready. Where something comes all the time it waits
// without leave from Go's scheduler: to get back costs more than most waits
// take, and a thread of Go's that looks after waits wakes each 20 µs for them.
func (m *mover) await(events []unix.EpollEvent) (int, error) {
	if len(m.again) > 0 {
		return m.poll(events, 0)
	}
	if m.busy {
		k, err := m.poll(events, linger)
		if k > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return k, err
		}
		m.busy = false
	}
	began := time.Now()
	k, err := unix.EpollWait(m.epoll, events, -1)
	// Others need a processor of the scheduler's, too.
	m.busy = time.Since(began) < linger*time.Millisecond && runtime.GOMAXPROCS(0) > len(m.ms.all)
	return k, err
}

// poll waits for so many ms.
func (m *mover) poll(events []unix.EpollEvent, patience int) (int, error) {
	k, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(m.epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(patience), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(k), nil
}

func (m *mover) handle(e unix.EpollEvent) {
	it, ok := m.items[e.Fd]
	if !ok || it.serial != e.Pad {
		return // of a descriptor that was closed in this round
	}
	switch {
	case it.joint != nil:
		it.joint.ready(int(e.Fd), e.Events)
	case it.port != nil:
		m.accept(int(e.Fd), it.port)
	default:
		var b [8]byte
		_, _ = unix.Read(m.wake, b[:]) // it only woke us
	}
}

// attend does what others posted; false: the end has come.
func (m *mover) attend() bool {
	m.mu.Lock()
	posted := m.posted
	m.posted = nil
	m.mu.Unlock()
	for _, f := range posted {
		f()
		m.busy = false // Go's scheduler may have whom to wake
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.over || len(m.posted) > 0
}

// acceptAtOnce bounds how many connections one port takes before others have
// their turn.
const acceptAtOnce = 32

func (m *mover) accept(fd int, p *port) {
	for range acceptAtOnce {
		client, from, err := acceptFD(fd)
		switch {
		case err == nil:
			m.join(p, client, from)
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		case errors.Is(err, unix.EAGAIN):
			return
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOMEM), errors.Is(err, unix.ENOBUFS):
			// Of these the kernel gives back some when connections end. The port
			// stays ready: without a pause we would turn for nothing.
			m.n.log.Warn("accept", "port", p.Host(), "err", err)
			time.Sleep(acceptPause)
			return
		default:
			return
		}
	}
}

// acceptFD accepts one that does not wait. unix.Accept4 asks for each what
// protocol it is of, besides.
func acceptFD(fd int) (int, netip.AddrPort, error) {
	var from unix.RawSockaddrAny
	size := uint32(unsafe.Sizeof(from))
	client, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, netip.AddrPort{}, errno
	}
	return int(client), addressIn(&from), nil
}

// addressIn reads an address of the internet's protocols.
func addressIn(a *unix.RawSockaddrAny) netip.AddrPort {
	switch a.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(a))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), networkOrder(in.Port))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(a))
		return netip.AddrPortFrom(netip.AddrFrom16(in.Addr).Unmap(), networkOrder(in.Port))
	}
	return netip.AddrPort{}
}

func networkOrder(port uint16) uint16 {
	return binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, port))
}

const acceptPause = 20 * time.Millisecond

// listen has all threads accept from a listening socket.
func (ms *movers) listen(fd int, p *port) error {
	for _, m := range ms.all {
		result := make(chan error, 1)
		ok := m.post(func() { result <- m.watch(fd, unix.EPOLLIN|unix.EPOLLEXCLUSIVE, item{port: p}) })
		if !ok {
			return os.ErrClosed
		}
		if err := <-result; err != nil {
			return fmt.Errorf("watch port %s: %w", p.Host(), err)
		}
	}
	return nil
}

// unlisten ends that; who calls may close the socket then.
func (ms *movers) unlisten(fd int) {
	for _, m := range ms.all {
		done := make(chan struct{})
		ok := m.post(func() {
			_ = unix.EpollCtl(m.epoll, unix.EPOLL_CTL_DEL, fd, nil)
			m.forget(fd)
			close(done)
		})
		if ok {
			<-done
		}
	}
}

// close ends all connections and threads, and waits for them.
func (ms *movers) close() {
	for _, m := range ms.all {
		m.mu.Lock()
		m.posted = append(m.posted, m.abortAll) // also what others have handed over before
		m.over = true
		_, _ = unix.Write(m.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		m.mu.Unlock()
		<-m.done
		m.closeFiles()
	}
}

func (m *mover) closeFiles() {
	_ = unix.Close(m.epoll)
	_ = unix.Close(m.wake)
}

func (m *mover) abortAll() {
	for _, it := range m.items {
		if it.joint != nil {
			it.joint.end(true)
		}
	}
}
