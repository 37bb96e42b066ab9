package netstack

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// smallRead is what is copied by read and write: a request and its answer
	// take fewer system calls so than through a pipe.
	smallRead = 64 << 10
	// roundsAtOnce bounds what one connection moves before others have their turn.
	roundsAtOnce = 8
	// jointEvents are told once each time that they come to be.
	jointEvents = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
)

// joint joins a client of a published port to the container: two sockets, and
// what is on its way each way. FIN and RST are passed on. It belongs to one
// mover at a time.
type joint struct {
	m      *mover
	at     atomic.Pointer[mover] // the same, for others than the mover itself
	p      *port
	flow   *flow
	leave  func() // out of the endpoint's list
	inside int    // the container's side
	client int
	tries  []destination // that are left, where inside does not connect
	joined bool
	ended  bool
	queued bool // in m.again
	lots   bool // the container has sent a lot already
	ways   [2]way
	weight int64 // its work in the mover's window, which has this number
	window int
}

// way is one direction.
type way struct {
	from, to int
	count    *atomic.Int64
	bulk     bool   // through a pipe
	pipe     *pipe  // holds piped bytes; nil: none
	piped    int    // bytes in it
	moved    int    // bytes, in this turn
	since    int    // bytes that were piped since there were none
	rest     []byte // that was read and not yet written
	fresh    bool   // there may be something to read
	stuck    bool   // what was read does not go on, until the kernel tells
	slow     bool   // to waits for answers before it sends a second small packet
	wrote    bool
	ends     bool // the kernel told that the end has come, behind what is there
	eof      bool
	over     bool // the end was read, and all before it passed on
	told     bool // the end was passed on
}

// join begins a connection that was accepted.
func (m *mover) join(p *port, client int, remote netip.AddrPort) {
	j := &joint{m: m, p: p, client: client, inside: -1, tries: p.destinations(remote.Addr())}
	j.at.Store(m)
	j.flow = &flow{protocol: "tcp", inbound: true, beside: true, port: p.ContainerPort, remote: remote, since: time.Now()}
	if !m.n.mayOpen(p.e) {
		abortSocket(client)
		return
	}
	j.ways[0] = way{from: client, count: &j.flow.received, slow: true}
	j.ways[1] = way{to: client, count: &j.flow.sent}
	if j.hear() != nil || m.watch(client, jointEvents, item{joint: j}) != nil {
		abortSocket(client)
		return
	}
	j.leave = p.e.live.add(j.flow, j)
	j.connect()
}

// hear takes what the client has said already, as most have.
func (j *joint) hear() error {
	w := &j.ways[0]
	k, err := readFD(w.from, j.m.buf)
	if err != nil {
		return ignoreAgain(err)
	}
	w.count.Add(int64(k))
	w.eof = k == 0
	w.bulk = k == len(j.m.buf)
	w.rest = append([]byte(nil), j.m.buf[:k]...)
	return nil
}

func peerOf(from unix.Sockaddr) netip.AddrPort {
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

// connect goes on to the next destination, until one is under way.
func (j *joint) connect() {
	for !j.ended {
		if len(j.tries) == 0 {
			j.end(true)
			return
		}
		d := j.tries[0]
		j.tries = j.tries[1:]
		if j.dial(d) {
			return
		}
	}
}

// dial connects to one; false: it cannot be had.
func (j *joint) dial(d destination) bool {
	in := &j.ways[0]
	fd, err := j.p.e.connect(d, j.flow.remote.Port(), len(in.rest) > 0)
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return false
	}
	j.inside = fd
	if werr := j.m.watch(fd, jointEvents, item{joint: j}); werr != nil {
		j.undial()
		return false
	}
	if err == nil {
		j.connected()
		return true
	}
	// Inside one namespace most often it is connected already, which the kernel
	// will not say before it is asked; writing shows it, too.
	before := len(in.rest)
	if before == 0 {
		return true
	}
	in.to = fd
	err = in.flush(j.m)
	switch {
	case len(in.rest) < before:
		j.connected()
	case !errors.Is(err, unix.EAGAIN):
		j.undial()
		return false
	}
	return true
}

// undial gives up a destination.
func (j *joint) undial() {
	j.m.forget(j.inside)
	_ = unix.Close(j.inside)
	j.inside = -1
	j.ways[1] = way{to: j.client, count: &j.flow.sent}
}

func (j *joint) connected() {
	j.joined = true
	j.ways[0].to, j.ways[1].from = j.inside, j.inside
	j.move()
}

// ready is called when the kernel has something to tell of one side.
func (j *joint) ready(fd int, events uint32) {
	if j.ended {
		return
	}
	in, out := &j.ways[j.side(fd)], &j.ways[1-j.side(fd)]
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 {
		in.fresh = true
		in.ends = in.ends || events&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0
	}
	if events&unix.EPOLLOUT != 0 {
		out.stuck = false
	}
	switch {
	case j.joined && events&unix.EPOLLERR != 0:
		j.end(true)
	case j.joined:
		j.move()
	case fd != j.client:
		j.answered(events)
	case events&(unix.EPOLLERR|unix.EPOLLHUP) != 0:
		j.end(true)
	}
}

// side is the direction that reads from fd.
func (j *joint) side(fd int) int {
	if fd == j.client {
		return 0
	}
	return 1
}

// answered tells how connecting went.
func (j *joint) answered(events uint32) {
	if events&(unix.EPOLLERR|unix.EPOLLHUP) == 0 {
		if events&unix.EPOLLOUT != 0 {
			j.connected()
		}
		return
	}
	code, err := unix.GetsockoptInt(j.inside, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code == 0 { // a server that spoke first, and once
		j.connected()
		return
	}
	j.undial()
	j.connect()
}

// move moves what can be moved now.
func (j *joint) move() {
	if j.ended {
		return
	}
	more := false
	for i := range j.ways {
		m, err := j.ways[i].move(j.m)
		if err != nil {
			j.end(true)
			return
		}
		more = more || m
	}
	j.m.weigh(j)
	if j.ways[1].bulk && !j.lots {
		j.lots = true
		j.unpace()
	}
	if err := j.tell(); err != nil {
		j.end(true)
		return
	}
	if more && !j.ended && !j.queued {
		j.queued = true
		j.m.again = append(j.m.again, j)
	}
}

// tell passes on an end. The second needs no word of its own.
func (j *joint) tell() error {
	if j.ways[0].over && j.ways[1].over {
		j.end(false)
		return nil
	}
	for i := range j.ways {
		w := &j.ways[i]
		if !w.over || w.told {
			continue
		}
		w.told = true
		if err := unix.Shutdown(w.to, unix.SHUT_WR); err != nil && !errors.Is(err, unix.ENOTCONN) {
			return err
		}
	}
	return nil
}

// unpace looks who the client is where its listener could not tell.
func (j *joint) unpace() {
	if j.p.HostIP.IsLoopback() {
		return
	}
	own, err := unix.Getsockname(j.client)
	if err == nil && staysHere(peerOf(own).Addr(), j.flow.remote.Addr()) {
		unpace(j.client)
	}
}

// move moves one direction's bytes; more: there is more to do at once.
func (w *way) move(m *mover) (more bool, err error) {
	for range roundsAtOnce {
		if w.stuck || w.over {
			return false, nil
		}
		if err := w.flush(m); err != nil {
			w.stuck = errors.Is(err, unix.EAGAIN)
			return false, ignoreAgain(err)
		}
		if w.eof {
			w.over = true
			return false, nil
		}
		if !w.fresh {
			return false, nil
		}
		if err := w.fill(m); err != nil {
			return false, err
		}
	}
	return true, nil
}

func ignoreAgain(err error) error {
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	return err
}

// fill reads some.
func (w *way) fill(m *mover) error {
	if w.bulk {
		return w.fillPipe(m)
	}
	k, err := readFD(w.from, m.buf)
	if err != nil {
		w.fresh = false
		return ignoreAgain(err)
	}
	w.took(k)
	w.bulk = k == len(m.buf)
	if !w.bulk {
		// A stream that gave less has no more; and nothing comes behind its end.
		w.fresh = false
		w.eof = w.ends || k == 0
	}
	if k == 0 {
		return nil
	}
	// Written at once: what does not go now is kept. The last leaves with the end.
	w.hasten()
	flags := 0
	if w.eof {
		flags = unix.MSG_MORE
	}
	sent, err := sendFD(w.to, m.buf[:k], flags)
	if sent < k && (err == nil || errors.Is(err, unix.EAGAIN)) {
		w.rest = append([]byte(nil), m.buf[sent:k]...)
		w.stuck = true
		return nil
	}
	return err
}

// fillPipe reads into a pipe, for as long as much comes.
func (w *way) fillPipe(m *mover) error {
	p := m.n.pipes.get()
	if p == nil {
		w.bulk = false // what fits the buffer is copied, and then this is tried again
		return nil
	}
	k, err := spliceOnce(w.from, p.w, spliceSize)
	if err != nil || k == 0 {
		m.n.pipes.put(p)
		w.fresh = false
		w.eof = err == nil
		w.bulk = w.since > smallRead
		w.since = 0
		return ignoreAgain(err)
	}
	w.pipe, w.piped = p, k
	w.since += k
	w.took(k)
	return nil
}

func (w *way) took(k int) {
	w.count.Add(int64(k))
	w.moved += k
}

// hasten lets small packets go before the earlier ones are acknowledged. Many a
// connection has one only, and needs no option for it.
func (w *way) hasten() {
	if w.slow && w.wrote {
		w.slow = false
		_ = unix.SetsockoptInt(w.to, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // else slower, and as good
	}
	w.wrote = true
}

// flush writes what is on its way; EAGAIN: not all of it.
func (w *way) flush(m *mover) error {
	for len(w.rest) > 0 {
		w.hasten()
		k, err := sendFD(w.to, w.rest, 0)
		if err != nil {
			return err
		}
		if w.rest = w.rest[k:]; len(w.rest) == 0 {
			w.rest = nil
		}
	}
	for w.piped > 0 {
		w.hasten()
		k, err := spliceOnce(w.pipe.r, w.to, w.piped)
		if err != nil {
			return err
		}
		w.piped -= k
	}
	if w.pipe != nil {
		m.n.pipes.put(w.pipe)
		w.pipe = nil
	}
	return nil
}

// readFD and sendFD never wait, and so need no leave from Go's scheduler.

func readFD(fd int, b []byte) (int, error) {
	for {
		k, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(k), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

func sendFD(fd int, b []byte, flags int) (int, error) {
	for {
		k, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(flags|unix.MSG_NOSIGNAL), 0, 0)
		switch errno {
		case 0:
			return int(k), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// end closes both sides: with a RST, or as they ended by themselves.
func (j *joint) end(reset bool) {
	if j.ended {
		return
	}
	j.ended = true
	for i := range j.ways {
		if p := j.ways[i].pipe; p != nil {
			p.close() // it still holds bytes
		}
	}
	for _, fd := range []int{j.client, j.inside} {
		if fd < 0 {
			continue
		}
		j.m.forget(fd)
		if reset {
			abortSocket(fd)
		} else {
			_ = unix.Close(fd)
		}
	}
	j.leave()
	j.p.e.ended(j.flow)
}

// abortSocket closes with a RST.
func abortSocket(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(fd)
}

// Abort ends the connection with a RST; it may be called from anywhere.
func (j *joint) Abort() {
	m := j.at.Load()
	m.post(func() {
		if j.at.Load() != m {
			j.Abort() // it was handed over meanwhile
			return
		}
		j.end(true)
	})
}

// Close is Abort.
func (j *joint) Close() error { j.Abort(); return nil }

// CloseWrite does nothing.
func (j *joint) CloseWrite() error { return nil }
