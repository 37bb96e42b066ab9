package guard

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/logfile"
)

// sessionBuffer is how far a session may lag behind before it is served from
// the log (a container's), or waited for (an exec's, which has none), in bytes.
const sessionBuffer = 4 << 20

// session is somebody attached to a container or to an exec in it. A
// goroutine of its own writes to the connection, so that a slow reader delays
// neither the record of an end nor other readers.
type session struct {
	s    *api.Session
	rows uint16
	cols uint16

	mu    sync.Mutex
	room  *sync.Cond // queue shrank, or closed
	more  *sync.Cond // queue grew, or closed
	queue []piece
	size  int
	free  bool // may lag as far as it likes: what writes to it has ended
	ended bool // nothing is added any more; what is queued goes out
	gone  bool // the reader has gone

	c    *container // that it is attached to; nil: an exec
	lag  *lag       // it is served from the log; set under mu, used by the writing goroutine
	news bool       // something came since

	marks  bool // the reader wants to know where it is
	passed int  // bytes queued since the last mark; mu
}

type piece struct {
	stream string
	data   []byte
	exit   *api.Exit
	fail   *api.Error
	behind bool // go on with the log
	mark   *api.Mark
}

// newSession is a session of an exec.
func newSession(conn net.Conn) *session {
	s := quiet(conn)
	go s.write()
	return s
}

// quiet is a session that writes nothing yet.
func quiet(conn net.Conn) *session {
	s := &session{s: api.NewSession(conn)}
	s.room, s.more = sync.NewCond(&s.mu), sync.NewCond(&s.mu)
	return s
}

// push queues output; it waits where the session lags too far behind.
func (s *session) push(stream string, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.size > sessionBuffer && !s.gone && !s.ended && !s.free {
		s.room.Wait()
	}
	if s.gone || s.ended {
		return
	}
	s.add(stream, p)
	s.more.Signal()
}

// add queues output; mu is held.
func (s *session) add(stream string, p []byte) {
	s.queue = append(s.queue, piece{stream: stream, data: slices.Clone(p)})
	s.size += len(p)
}

// finish adds the last piece and lets a writer that waits go on.
func (s *session) finish(last piece) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	s.queue = append(s.queue, last)
	s.more.Signal()
	s.room.Broadcast()
}

// unbound lets writers go on however far the session lags.
func (s *session) unbound() { s.bind(false) }

// bind tells whether writers wait for the session where it lags.
func (s *session) bind(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = !yes
	s.room.Broadcast()
}

func (s *session) write() {
	defer func() { _ = s.s.Close() }()
	for {
		p, ok := s.next()
		if !ok {
			return
		}
		if err := s.send(p); err != nil || p.last() {
			s.leave()
			return
		}
	}
}

func (s *session) next() (piece, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 && s.lag == nil && !s.gone {
		s.more.Wait()
	}
	// What was queued before it lagged goes first, how it ended last.
	if s.lag != nil && !s.gone && (len(s.queue) == 0 || s.queue[0].last()) {
		return piece{behind: true}, true
	}
	if len(s.queue) == 0 {
		return piece{}, false
	}
	p := s.queue[0]
	s.queue[0] = piece{}
	s.queue = s.queue[1:]
	s.size -= len(p.data)
	s.room.Broadcast()
	return p, true
}

// last tells whether nothing comes after the piece.
func (p piece) last() bool { return p.exit != nil || p.fail != nil }

func (s *session) send(p piece) error {
	switch {
	case p.behind:
		err := s.c.catchUp(s)
		if errors.Is(err, logfile.ErrGone) {
			return errors.Join(err, s.s.Fail(api.Errorf(api.KindUnavailable, "the reader is too slow: %w", err).
				WithHint("The container goes on. Give its log more room (--log-opt max-size), or read faster.")))
		}
		return err
	case p.exit != nil:
		return s.s.End(*p.exit)
	case p.fail != nil:
		return s.s.Fail(p.fail)
	case p.mark != nil:
		return s.s.Mark(*p.mark)
	}
	w := s.s.Stdout()
	if p.stream == "stderr" {
		w = s.s.Stderr()
	}
	_, err := w.Write(p.data)
	return err
}

// leave marks the reader as gone and lets everybody who waits for it go on.
func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.more.Broadcast()
	s.room.Broadcast()
}

// listen hears the person's side until it closes.
func (s *session) listen(do func(api.Input) error) {
	for {
		in, err := s.s.ReadInput()
		if err != nil {
			s.leave()
			return
		}
		if err := do(in); err != nil {
			return
		}
	}
}

func (c *container) join(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions = append(slices.Clone(c.sessions), s)
	if c.run != nil && c.run.console != nil {
		resize(c.run, s.rows, s.cols)
	}
}

// part takes a session away. The last one that gave input closes the input
// of a container without a terminal, as docker does (StdinOnce).
func (c *container) part(s *session, stdin bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions = slices.DeleteFunc(slices.Clone(c.sessions), func(o *session) bool { return o == s })
	if stdin && !c.rec.TTY && c.run != nil {
		go c.run.closeInput() // asks the keeper: not under the lock
	}
}

func (c *container) input(s *session, in api.Input, stdin bool) error {
	r := c.running()
	if r == nil {
		// Input that comes before the start is rare and would have to be kept:
		// wait for the run that the attach is about to begin.
		if r = c.nextRun(s); r == nil {
			return io.ErrClosedPipe
		}
	}
	switch {
	case in.Resize:
		resize(r, in.Rows, in.Cols)
	case in.Signal != "":
		return c.kill(in.Signal)
	case !stdin:
	case r.console != nil && !in.Close:
		_, _ = r.console.Write(in.Data) // a program that does not read loses input as with any terminal
	case in.Close && !c.rec.TTY:
		r.closeInput()
	case r.stdin != nil && !in.Close:
		_, _ = r.stdin.Write(in.Data) // EPIPE: the program has closed its input
	}
	return nil
}

func (c *container) running() *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run
}

// nextRun waits for a run to begin while s is there.
func (c *container) nextRun(s *session) *run {
	for {
		c.mu.Lock()
		r, changed := c.run, c.changed
		attached := slices.Contains(c.sessions, s)
		c.mu.Unlock()
		if r != nil {
			return r
		}
		if !attached {
			return nil
		}
		select {
		case <-changed:
		case <-c.g.ctx.Done():
			return nil
		}
	}
}

func resize(r *run, rows, cols uint16) {
	if r.console == nil || rows == 0 || cols == 0 {
		return
	}
	raw, err := r.console.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	})
}

func (c *container) takeSessions() []*session {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.sessions
	c.sessions = nil
	c.notify()
	return all
}

func (c *container) endSessions(exit api.Exit) {
	for _, s := range c.takeSessions() {
		s.finish(piece{exit: &exit})
	}
}

func (c *container) failSessions(e *api.Error) {
	for _, s := range c.takeSessions() {
		s.finish(piece{fail: e})
	}
}
