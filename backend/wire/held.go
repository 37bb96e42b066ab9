package wire

import (
	"context"
	"sync"
	"time"

	"davit/backend/api"
)

const (
	// replay is how much of a session's output is kept for who joins again.
	replay = 1 << 20
	// lag is how far a joined page may be behind before the process waits for it.
	lag = 256 << 10
	// stall is how long the process waits for a page that reads nothing.
	stall = 5 * time.Second
	// piece bounds one item of a joined stream.
	piece = 32 << 10
	// alive is how often a silent stream says so, that one whose page has gone
	// is noticed.
	alive = 15 * time.Second
)

// held is a session that a page has opened and may leave and join again. What
// the process writes is read at all times, so that it goes on while nobody
// looks; a page that is joined slows the process down to what it can show.
type held struct {
	info    HeldSession
	session *api.Session

	mu      sync.Mutex
	buf     []byte // the output's last bytes
	start   int64  // where in the output buf begins
	ended   bool
	exit    *api.Exit
	failure *api.Error
	joined  map[*joiner]bool
	changed chan struct{} // closed at each change, and then another
}

// joiner is a stream that a page reads.
type joiner struct {
	at   int64 // what it has
	gone bool  // it read nothing for too long
}

func newHeld(info HeldSession, s *api.Session) *held {
	return &held{info: info, session: s, joined: map[*joiner]bool{}, changed: make(chan struct{})}
}

// run reads the process's output until it ends.
func (h *held) run() {
	exit, err := h.session.Stream(h, h)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	if err != nil {
		h.failure = api.AsError(err)
	} else {
		h.exit = &exit
	}
	h.tell()
}

// Write takes output in.
func (h *held) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf = append(h.buf, p...)
	if over := len(h.buf) - replay; over > replay/4 {
		h.buf = append(h.buf[:0], h.buf[over:]...)
		h.start += int64(over)
	}
	h.tell()
	h.awaitReaders()
	return len(p), nil
}

// awaitReaders waits until no joined page is far behind. One that reads
// nothing for long has gone without saying so.
func (h *held) awaitReaders() {
	timer := time.NewTimer(stall)
	defer timer.Stop()
	for before := h.behind(); before > lag; {
		if !h.wait(context.Background(), timer.C) {
			h.forgetSlow()
			return
		}
		if now := h.behind(); now < before {
			before = now
			timer.Reset(stall)
		}
	}
}

func (h *held) behind() int64 {
	most := int64(0)
	for j := range h.joined {
		most = max(most, h.end()-j.at)
	}
	return most
}

func (h *held) forgetSlow() {
	for j := range h.joined {
		if h.end()-j.at > lag {
			j.gone = true
			delete(h.joined, j)
		}
	}
	h.tell()
}

func (h *held) end() int64 { return h.start + int64(len(h.buf)) }

// tell wakes who waits; the lock is held.
func (h *held) tell() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// wait lets go of the lock until something changes; false: it took too long.
func (h *held) wait(ctx context.Context, late <-chan time.Time) bool {
	changed := h.changed
	h.mu.Unlock()
	defer h.mu.Lock()
	select {
	case <-changed:
		return true
	case <-late:
	case <-ctx.Done():
	}
	return false
}

// join gives sink the output from a position on, and what comes, until the
// process has ended and all is told, or ctx ends.
func (h *held) join(ctx context.Context, from int64, sink func(SessionOutput) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	j := &joiner{at: min(from, h.end())}
	h.joined[j] = true
	defer func() { delete(h.joined, j); h.tell() }()
	for {
		if err := h.await(ctx, j); err != nil {
			return err
		}
		out, last := h.next(j)
		h.mu.Unlock()
		err := sink(out)
		h.mu.Lock()
		if err != nil || last {
			return err
		}
		j.at = out.At
		h.tell()
	}
}

// await waits until there is something for j, but not so long that a silent
// stream seems dead.
func (h *held) await(ctx context.Context, j *joiner) error {
	timer := time.NewTimer(alive)
	defer timer.Stop()
	for j.at == h.end() && !h.ended && h.wait(ctx, timer.C) {
	}
	if j.gone {
		return api.Errorf(api.KindUnavailable, "the page did not read this session's output for %v", stall)
	}
	return ctx.Err()
}

// next is what a joiner gets next, and whether nothing comes after it.
func (h *held) next(j *joiner) (SessionOutput, bool) {
	out := SessionOutput{Lost: j.at < h.start}
	at := max(j.at, h.start)
	rest := h.buf[at-h.start:]
	out.Data = append(out.Data, rest[:min(len(rest), piece)]...)
	out.At = at + int64(len(out.Data))
	if out.At < h.end() || !h.ended {
		return out, false
	}
	out.Exit, out.Error = h.exit, h.failure
	return out, true
}

// list is what a page is told of it.
func (h *held) list() HeldSession {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.info
	i.At, i.Ended, i.Exit = h.end(), h.ended, h.exit
	return i
}
