package guard

import (
	"context"
	"net"
	"time"

	"davit/backend/api"
	"davit/backend/logfile"
)

// attach joins the container's streams and starts it if a says so.
func (c *container) attach(ctx context.Context, conn net.Conn, a api.AttachOptions) error {
	from, err := beginning(a)
	if err != nil {
		_ = conn.Close()
		return err
	}
	if a.Start { // else it would be attached to what ends
		if err := c.endedWhole(ctx); err != nil {
			_ = conn.Close()
			return err
		}
	}
	c.mu.Lock()
	running, coming := c.run != nil, c.pending != nil || c.again
	exit := api.Exit{Code: c.state.ExitCode, Reason: c.state.Reason}
	c.mu.Unlock()
	switch {
	case running, a.Start, a.From != nil && coming:
	case a.From != nil:
		c.replay(conn, from, exit)
		return nil
	default:
		_ = conn.Close()
		return api.Errorf(api.KindConflict, "container %s is not running", c.rec.Name).
			WithHint("Start it and attach at once: davit start -a.").WithRef(c.rec.Name)
	}
	s := c.enlist(conn, from, a)
	go func() {
		s.listen(func(in api.Input) error { return c.input(s, in, a.Stdin) })
		c.part(s, a.Stdin)
	}()
	if a.Start {
		if err := c.start(ctx); err != nil {
			c.part(s, false)
			s.leave()
			return err
		}
	}
	return nil
}

// beginning is where in the log a session begins; nil: with what comes.
func beginning(a api.AttachOptions) (*lag, error) {
	switch {
	case a.From != nil:
		at, err := logfile.ParsePlace(a.From.Cursor)
		if err != nil || a.From.Stdout < 0 || a.From.Stderr < 0 {
			return nil, api.Errorf(api.KindInvalid, "attach: %+v is no mark", *a.From)
		}
		return &lag{at: at, skip: map[string]int{"stdout": int(a.From.Stdout), "stderr": int(a.From.Stderr)}}, nil
	case a.Logs:
		return &lag{}, nil
	}
	return nil, nil
}

// enlist makes a session and adds it to those attached. Its first mark is
// written before anybody hears that it was attached: whoever took it up can do
// so again.
func (c *container) enlist(conn net.Conn, from *lag, a api.AttachOptions) *session {
	s := quiet(conn)
	s.c, s.lag, s.marks, s.rows, s.cols = c, from, a.Marks, a.Rows, a.Cols
	r := c.running()
	if r != nil { // nothing comes between the mark and the joining
		r.streamMu.Lock()
		defer r.streamMu.Unlock()
	}
	first := from
	if first == nil && a.Marks {
		first = c.logEnd(r)
	}
	if first != nil && a.Marks {
		_ = s.s.Mark(first.mark()) // who has gone is seen by who writes next
	}
	c.join(s)
	if r == nil && s.lag == nil && c.running() != nil { // it has just begun, and may have written
		s.lag = first
	}
	go s.write()
	return s
}

// logEnd is the lag of who has all that the log has; nil where that cannot be
// told. streamMu of r is held, unless nothing runs.
func (c *container) logEnd(r *run) *lag {
	if r != nil {
		l := lagFrom(r.log)
		return &l
	}
	at, err := logfile.End(c.dir.Log())
	if err != nil {
		c.log.Warn("where the log ends", "err", err)
		return nil
	}
	return &lag{at: at}
}

// replay serves somebody who was attached to a container that has ended since.
func (c *container) replay(conn net.Conn, from *lag, exit api.Exit) {
	s := quiet(conn)
	s.c, s.lag = c, from
	s.finish(piece{exit: &exit})
	go s.write()
	go s.listen(func(api.Input) error { return nil })
}

// returnGrace is how long a container that removes itself stays where its
// guard was killed: those who waited or were attached come back for the rest
// of its output and its exit code.
const returnGrace = 5 * time.Second

// removeLater removes the container when they had time to come back.
func (c *container) removeLater() {
	c.g.enter()
	time.AfterFunc(returnGrace, func() {
		defer c.g.leave()
		c.op.Lock()
		defer c.op.Unlock()
		c.mu.Lock()
		busy := c.run != nil || c.pending != nil
		c.mu.Unlock()
		if busy || !c.g.knows(c) {
			return
		}
		c.tidied()
		if err := c.remove(); err != nil {
			c.log.Error("remove", "err", err)
			return
		}
		c.tell("destroy")
	})
}

// knows tells whether c is the container of its id, and not removed.
func (g *Guard) knows(c *container) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.containers[c.rec.ID] == c
}
