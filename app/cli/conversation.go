package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"davit/backend/api"
)

// conversation joins the person's standard streams with a process: input,
// output, the terminal's size, and signals. It may go on with a second
// session when the first one breaks; input that was not sent then is sent to
// the second.
type conversation struct {
	env      *env
	stdin    bool   // pass on input
	tty      bool   // the process has a terminal
	sigProxy bool   // pass on signals
	detach   []byte // keys that end the conversation and leave the process
	fresh    bool   // the process is the first of its container
	started  func() // the container was started by it; nil: nobody asks

	mu      sync.Mutex
	changed sync.Cond
	session *api.Session // nil between two sessions
	over    bool
	left    error // why the person left before the process ended
	asked   int   // interrupts passed on

	reached *api.Mark // up to where the broken sessions came
}

// errDetached says that the person left; the process goes on.
var errDetached = errors.New("detached")

// errLeft says that the person interrupted again and again, and the process
// did not end. It goes on.
var errLeft = api.Errorf(api.KindCancelled, "left after three interrupts: the container goes on").
	WithHint("davit stop ends it")

const patience = 3

// opener makes a session for a terminal of that size.
type opener func(ctx context.Context, rows, cols uint16) (*api.Session, error)

// talk opens a session, carries everything until the process ends, and tells
// how it did. again, where not nil, opens the next session after one broke.
func (c *conversation) talk(ctx context.Context, open, again opener) (api.Exit, error) {
	c.changed.L = &c.mu
	defer c.end()
	s, err := c.openOne(ctx, open)
	if err != nil {
		return api.Exit{}, err
	}
	restore, err := c.raw()
	if err != nil {
		s.Close()
		return api.Exit{}, err
	}
	defer restore()
	defer c.watchSignals()()
	if c.stdin {
		go c.pump()
	}
	for {
		exit, err := c.stream(ctx, s)
		if again == nil || !broken(err) || ctx.Err() != nil {
			return exit, err
		}
		if s, err = c.openOne(ctx, again); err != nil {
			return api.Exit{}, err
		}
	}
}

// broken tells whether the connection ended, and not the process.
func broken(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

func (c *conversation) openOne(ctx context.Context, open opener) (*api.Session, error) {
	rows, cols := uint16(0), uint16(0)
	if c.tty {
		rows, cols = c.env.size()
	}
	s, err := open(ctx, rows, cols)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
	c.changed.Broadcast()
	return s, nil
}

// stream copies output until the session ends, ctx does, or the person left.
func (c *conversation) stream(ctx context.Context, s *api.Session) (api.Exit, error) {
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	defer s.Close()
	exit, err := s.Stream(c.env.out, c.env.err)
	if m := s.Reached(); m != nil {
		c.reached = m
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == s {
		c.session = nil
	}
	switch {
	case c.left != nil:
		return api.Exit{}, c.left
	case err != nil && ctx.Err() != nil:
		return api.Exit{}, ctx.Err()
	}
	return exit, err
}

func (c *conversation) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over, c.session = true, nil
	c.changed.Broadcast()
}

// current waits for a session other than the broken one; nil when all is over.
func (c *conversation) current(broken *api.Session) *api.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.over && (c.session == nil || c.session == broken) {
		c.changed.Wait()
	}
	return c.session
}

// send does the same to each session until it works once.
func (c *conversation) send(do func(s *api.Session) error) bool {
	var s *api.Session
	for {
		if s = c.current(s); s == nil {
			return false
		}
		if do(s) == nil {
			return true
		}
	}
}

// pump carries input. It ends with the input, or with the process davit: a
// read from a terminal cannot be called off.
func (c *conversation) pump() {
	var in io.Reader = c.env.in
	if c.tty && len(c.detach) > 0 {
		in = &detachReader{in: in, keys: c.detach}
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			send := func(s *api.Session) error { _, err := s.Write(buf[:n]); return err }
			if !c.send(send) {
				return
			}
		}
		switch {
		case errors.Is(err, errDetached):
			c.leave(errDetached)
			return
		case err != nil:
			c.send((*api.Session).CloseInput)
			return
		}
	}
}

// leave ends the session when what was typed before has arrived.
func (c *conversation) leave(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = why
	if s := c.session; s != nil {
		time.AfterFunc(farewell, func() { s.Close() })
		if s.Leave() != nil {
			s.Close()
		}
	}
}

// farewell is how long leaving may take.
const farewell = time.Second

// raw hands the terminal's keys to the process.
func (c *conversation) raw() (restore func(), err error) {
	fd, ok := terminal(c.env.in)
	if !ok || !c.tty || !c.stdin {
		return func() {}, nil
	}
	old, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	return func() { term.Restore(fd, old) }, nil
}

// watchSignals passes on signals and sizes until the function it returns is called.
func (c *conversation) watchSignals() (stop func()) {
	ch := make(chan os.Signal, 16)
	done := make(chan struct{})
	var wanted []os.Signal
	if c.tty {
		wanted = append(wanted, syscall.SIGWINCH)
	}
	if c.sigProxy && !c.tty {
		wanted = append(wanted, proxied()...)
	}
	if len(wanted) > 0 {
		signal.Notify(ch, wanted...)
	}
	go func() {
		for {
			select {
			case sig := <-ch:
				c.pass(sig)
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(ch)
		close(done)
	}
}

func (c *conversation) pass(sig os.Signal) {
	if sig == syscall.SIGINT || sig == syscall.SIGTERM {
		if c.asked++; c.asked == patience {
			c.leave(errLeft)
			return
		}
	}
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s == nil {
		return
	}
	var err error
	if sig == syscall.SIGWINCH {
		if rows, cols := c.env.size(); rows > 0 {
			err = s.Resize(rows, cols)
		}
	} else {
		err = s.Signal(unix.SignalName(sig.(syscall.Signal)))
	}
	if err != nil {
		c.env.log.Debug("pass on signal", "signal", sig, "err", err)
	}
}

// proxied are the signals that a foreground container gets in davit's place.
func proxied() []os.Signal {
	return []os.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGALRM, syscall.SIGCONT, syscall.SIGIO, syscall.SIGVTALRM, syscall.SIGWINCH, syscall.SIGPWR,
	}
}
