package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"davit/backend/api"
	"davit/backend/logfile"
	"davit/backend/store"
	"davit/backend/userns/fdmsg"
)

// Client asks the guard. It holds no connection: each call has its own.
type Client struct {
	dirs   store.Dirs
	ensure func(context.Context) error
}

// NewClient makes a client. ensure has a guard spawned; it is called where
// none answers.
func NewClient(d store.Dirs, ensure func(context.Context) error) *Client {
	return &Client{dirs: d, ensure: ensure}
}

// Start starts a container that does not run.
func (c *Client) Start(ctx context.Context, id string) error {
	_, err := c.call(ctx, request{Op: opStart, ID: id})
	return err
}

// Stop signals, waits and kills; it returns when the container does not run.
func (c *Client) Stop(ctx context.Context, id string, o api.StopOptions) error {
	_, err := c.call(ctx, request{Op: opStop, ID: id, Stop: o})
	return err
}

// Kill sends a signal to a running container.
func (c *Client) Kill(ctx context.Context, id, signal string) error {
	_, err := c.call(ctx, request{Op: opKill, ID: id, Signal: signal})
	return err
}

// Wait waits until the container does not run and is not about to be
// restarted.
func (c *Client) Wait(ctx context.Context, id string) (api.Exit, error) {
	r, err := c.call(ctx, request{Op: opWait, ID: id})
	return r.Exit, err
}

// Attach joins the container's streams; the connection speaks api.Session's
// frames.
func (c *Client) Attach(ctx context.Context, id string, a api.AttachOptions) (net.Conn, error) {
	again := request{Op: opAttach, ID: id, Attach: a}
	if a.Start && a.Marks && a.From == nil { // a guard may start it and be killed before it answers
		if at, err := logfile.End(c.dirs.Container(id).Log()); err == nil {
			again.Attach.From = &api.Mark{Cursor: at.String()}
		}
	}
	return c.sessionOr(ctx, request{Op: opAttach, ID: id, Attach: a}, again)
}

// Exec runs a further process and joins its streams likewise.
func (c *Client) Exec(ctx context.Context, id string, s api.ExecSpec) (net.Conn, error) {
	return c.session(ctx, request{Op: opExec, ID: id, Exec: s})
}

// Hold keeps the file system of a container mounted, running or not, until
// what it answers is closed.
func (c *Client) Hold(ctx context.Context, id string) (io.Closer, error) {
	return c.session(ctx, request{Op: opHold, ID: id})
}

// Release unmounts what the guard mounted for a container that does not run
// and forgets it, so that its directory can be removed.
func (c *Client) Release(ctx context.Context, id string) error {
	_, err := c.call(ctx, request{Op: opRelease, ID: id})
	return err
}

// Settle returns when the guard has dealt with what ended while none was
// there: what the files tell is true then, and restarts are under way.
func (c *Client) Settle(ctx context.Context) error {
	_, err := c.call(ctx, request{Op: opSettle})
	return err
}

func (c *Client) session(ctx context.Context, req request) (net.Conn, error) {
	return c.sessionOr(ctx, req, req)
}

// sessionOr asks for a session; again is what is asked after a guard was
// killed before it answered.
func (c *Client) sessionOr(ctx context.Context, req, again request) (net.Conn, error) {
	var ours *net.UnixConn
	_, err := c.insist(ctx, req, func() (reply, error) {
		var theirs *os.File
		var err error
		if ours, theirs, err = fdmsg.StreamPair(); err != nil {
			return reply{}, err
		}
		r, err := c.ask(ctx, req, theirs)
		req = again
		_ = theirs.Close()
		if err != nil {
			_ = ours.Close()
		}
		return r, err
	})
	if err != nil {
		return nil, err
	}
	return ours, nil
}

func (c *Client) call(ctx context.Context, req request) (reply, error) {
	return c.insist(ctx, req, func() (reply, error) { return c.ask(ctx, req) })
}

// insistLimit bounds how often a guard may be killed under one request; one
// that only waits goes on for as long as it likes.
const insistLimit = 20

// insist asks again where the guard was killed before it answered: the next
// one is there within moments. What must not be done twice is not asked twice.
func (c *Client) insist(ctx context.Context, req request, ask func() (reply, error)) (reply, error) {
	for n := 1; ; n++ {
		r, err := ask()
		if !died(err) || ctx.Err() != nil || n >= insistLimit && req.Op != opWait {
			return r, err
		}
		if req.Op == opExec || req.Op == opKill && req.Signal != "KILL" {
			return r, api.Errorf(api.KindUnavailable, "the guard of the containers was killed before it answered: %w", err).
				WithHint("It is running again. Whether the %s was done cannot be told; look before you repeat it.", req.Op)
		}
	}
}

// died tells whether the guard went away while it was asked.
func died(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func (c *Client) ask(ctx context.Context, req request, files ...*os.File) (reply, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = conn.Close() }()
	var r reply
	got, err := fdmsg.Exchange(ctx, conn, req, &r, files...)
	fdmsg.CloseAll(got)
	if err != nil {
		return r, fmt.Errorf("guard: %s: %w", req.Op, err)
	}
	if r.Error != nil {
		return r, r.Error
	}
	return r, nil
}

// connect reaches the guard, having it spawned where there is none. Between
// its spawn and its first accept lie some 10 ms.
func (c *Client) connect(ctx context.Context) (*net.UnixConn, error) {
	conn, err := fdmsg.Dial(ctx, c.dirs.GuardSocket())
	if err == nil {
		return conn, nil
	}
	if err := c.ensure(ctx); err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	for wait, end := time.Millisecond, time.Now().Add(20*time.Second); ; {
		conn, err := fdmsg.Dial(ctx, c.dirs.GuardSocket())
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if time.Now().After(end) {
			return nil, api.Errorf(api.KindUnavailable, "the guard of the containers does not answer: %w", err)
		}
		time.Sleep(wait)
	}
}
