package guard

import (
	"errors"

	"davit/backend/api"
	"davit/backend/logfile"
)

// A session that lags more than sessionBuffer behind its container is not
// waited for: it gets what it missed from the log, and joins the others again
// when it has caught up.

// lag is where a session goes on in the log.
type lag struct {
	at   logfile.Place
	skip map[string]int // bytes of each stream after at that it has already
}

// markEvery is how much is queued between two marks: a reader that comes back
// has so much read again at most.
const markEvery = 256 << 10

// mark is the lag as its reader may know it.
func (l *lag) mark() api.Mark {
	return api.Mark{Cursor: l.at.String(), Stdout: int64(l.skip["stdout"]), Stderr: int64(l.skip["stderr"])}
}

// lagFrom is the lag of a session that has all that came so far.
func lagFrom(w *logfile.Writer) lag {
	at, begun := w.End()
	return lag{at: at, skip: begun}
}

// offer gives output to a session of a container; before is where the log
// ended before it.
func (s *session) offer(stream string, p []byte, before lag) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.gone || s.ended:
		return
	case s.lag != nil:
		s.news = true
	case s.size > sessionBuffer:
		s.lag, s.news = &before, true
	default:
		if s.marks && s.passed >= markEvery {
			m := before.mark()
			s.queue = append(s.queue, piece{mark: &m})
			s.passed = 0
		}
		s.add(stream, p)
		s.passed += len(p)
	}
	s.more.Signal()
}

// anew has a mark come before what comes next: a new run of the container
// ends the line that the one before it left open in the log.
func (s *session) anew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passed = markEvery
}

// catchUp sends what the session missed, and returns when it is to be served
// from its queue again, or has gone.
func (c *container) catchUp(s *session) error {
	for {
		over := s.listened()
		out := batch{s: s}
		at, err := logfile.ReadOn(c.dir.Log(), s.lag.at, func(l api.LogLine) error { return out.line(l, s.lag.skip) })
		if err := errors.Join(err, out.flush()); err != nil {
			return err
		}
		s.lag.at = at
		if s.marks {
			if err := s.s.Mark(s.lag.mark()); err != nil {
				return err
			}
		}
		r := c.running()
		switch {
		case r != nil && r.rejoin(s):
			return nil
		case r == nil && over: // it was, before we read
			s.mu.Lock()
			s.lag = nil
			s.mu.Unlock()
			return nil
		case r == nil && !s.await():
			return errors.New("the reader has gone")
		}
	}
}

// rejoin lets a session that has read all of the log go on with what comes.
func (r *run) rejoin(s *session) bool {
	r.streamMu.Lock()
	defer r.streamMu.Unlock()
	end := lagFrom(r.log)
	if end.at != s.lag.at {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	skip := s.lag.skip
	s.lag = nil
	for _, stream := range []string{"stdout", "stderr"} {
		if begun := r.log.Stream(stream).Begun(); len(begun) > skip[stream] {
			s.add(stream, begun[skip[stream]:])
		}
	}
	return true
}

// listened tells whether the session has ended, and that all news so far is known.
func (s *session) listened() (ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news = false
	return s.ended || s.gone
}

// await waits for news; false: the reader has gone.
func (s *session) await() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.news && !s.ended && !s.gone {
		s.more.Wait()
	}
	return !s.gone
}

// batch sends lines, many at once.
type batch struct {
	s *session
	p piece
}

func (b *batch) line(l api.LogLine, skip map[string]int) error {
	text := l.Text
	if !l.Partial {
		text += "\n"
	}
	n := min(skip[l.Stream], len(text))
	if n > 0 {
		skip[l.Stream] -= n
	}
	if b.p.stream != l.Stream || len(b.p.data) > chunk {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.p.stream = l.Stream
	b.p.data = append(b.p.data, text[n:]...)
	return nil
}

func (b *batch) flush() error {
	if len(b.p.data) == 0 {
		return nil
	}
	err := b.s.send(b.p)
	b.p.data = b.p.data[:0]
	return err
}
