package keeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/userns"
	"davit/backend/userns/fdmsg"
)

// startLimit bounds how long a keeper may take to come up. A cold start
// takes about 60 ms; a machine under load may need seconds.
const startLimit = 20 * time.Second

// Options are what Ensure needs.
type Options struct {
	Dirs        store.Dirs
	GuardBinary string // absolute path of davit-guard
	Log         *slog.Logger
}

// Client is a connection to the keeper. It keeps the keeper alive, and with
// it the processes that it spawned to die with it.
type Client struct {
	mu sync.Mutex // one exchange at a time
	c  *net.UnixConn
}

// Dial connects to the person's keeper where one runs: that of this runtime
// directory, or of the same data with another.
func Dial(ctx context.Context, d store.Dirs) (*Client, error) {
	c, err := fdmsg.Dial(ctx, d.KeeperSocket())
	if err == nil {
		return &Client{c: c}, nil
	}
	if held, herr := dialHolder(ctx, d); herr == nil {
		return held, nil
	}
	return nil, err
}

// Ensure connects to the person's keeper and starts it where none answers.
// Where the host does not let it start, the error is of KindHost.
func Ensure(ctx context.Context, o Options) (*Client, error) {
	if c, err := Dial(ctx, o.Dirs); err == nil {
		return c, nil
	}
	if err := os.MkdirAll(o.Dirs.Runtime, 0o700); err != nil {
		return nil, api.Errorf(api.KindHost, "runtime directory: %w", err)
	}
	// Two fronts at once: the second waits here and finds the first one's keeper.
	lock, err := store.LockFile(ctx, filepath.Join(o.Dirs.Runtime, "start.lock"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Unlock() }()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		if c, err := Dial(ctx, o.Dirs); err == nil {
			return c, nil
		}
		err := start(ctx, o)
		if err == nil {
			return Dial(ctx, o.Dirs)
		}
		// An ending keeper still has its lock: it goes within moments.
		if !errors.Is(err, errHeld) || ctx.Err() != nil {
			return nil, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

var errHeld = errors.New("another keeper is just ending")

// start runs `davit-guard keep` and waits until the keeper says that it is
// ready (a line on its standard output) or all that could say so have ended.
func start(ctx context.Context, o Options) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	logFile, err := os.OpenFile(LogPath(o.Dirs), os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o600)
	if err != nil {
		_ = w.Close()
		return api.Errorf(api.KindHost, "runtime directory: %w", err)
	}
	defer func() { _ = logFile.Close() }()
	cmd, err := userns.Command(context.WithoutCancel(ctx), userns.Survives, o.GuardBinary, "keep")
	if err != nil {
		_ = w.Close()
		return err
	}
	cmd.Stdout, cmd.Stderr = w, logFile
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return api.Errorf(api.KindHost, "start %s: %w", o.GuardBinary, err)
	}
	go func() { _ = cmd.Wait() }() // it ends as soon as the keeper stands
	stop := context.AfterFunc(ctx, func() { _ = r.Close() })
	defer stop()
	line, err := io.ReadAll(io.LimitReader(r, 4096))
	switch answer := strings.TrimSpace(string(line)); {
	case ctx.Err() != nil:
		return api.Errorf(api.KindHost, "the keeper did not start within %s", startLimit)
	case err != nil:
		return err
	case answer == readyLine:
		return nil
	case answer == heldLine:
		return errHeld
	}
	return notStarted(o)
}

func notStarted(o Options) error {
	why := "it gave no reason"
	if b, err := os.ReadFile(LogPath(o.Dirs)); err == nil && len(b) > 0 {
		b = b[max(0, len(b)-2000):]
		why = strings.TrimSpace(string(b))
	}
	return api.Errorf(api.KindHost, "the user namespace that containers live in could not be made: %s", why).
		WithHint("`davit doctor` tries each thing that Davit needs from this machine and says how to mend it.")
}

// LogPath is where keeper and all that it spawns write their errors.
func LogPath(d store.Dirs) string { return filepath.Join(d.Runtime, "keeper.log") }

// Close ends the connection; processes spawned with DieWith are killed.
func (c *Client) Close() error { return c.c.Close() }

// Spawn starts a process in the user namespace and gives its pid.
func (c *Client) Spawn(ctx context.Context, s Spawn) (int, error) {
	r, err := c.do(ctx, request{Op: "spawn", Name: s.Name, Args: s.Args, Env: s.Env, Keep: s.Keep, DieWith: s.DieWith}, s.Files...)
	return r.PID, err
}

// Deposit has the keeper hold a copy of f under tag, for the case that this
// process (one that is kept) dies. A later deposit of the same tag replaces it.
func (c *Client) Deposit(ctx context.Context, tag string, f *os.File) error {
	_, err := c.do(ctx, request{Op: "deposit", Tag: tag}, f)
	return err
}

// Withdraw ends a deposit; unknown tags are no error.
func (c *Client) Withdraw(ctx context.Context, tag string) error {
	_, err := c.do(ctx, request{Op: "withdraw", Tag: tag})
	return err
}

// Exits calls sink for each process that the keeper has reaped without
// having spawned it: those that are remembered first, then past, then those
// to come. It needs a connection of its own and ends with it.
func (c *Client) Exits(ctx context.Context, past func(), sink func(Exit)) error {
	r, err := c.do(ctx, request{Op: "exits"})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.c.Close() })
	defer stop()
	for left := r.Past; ; left-- {
		if left == 0 {
			past()
		}
		var e Exit
		if _, err := fdmsg.Receive(c.c, &e); err != nil {
			return fmt.Errorf("exits: %w", err)
		}
		sink(e)
	}
}

func (c *Client) do(ctx context.Context, req request, files ...*os.File) (reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var r reply
	got, err := fdmsg.Exchange(ctx, c.c, req, &r, files...)
	fdmsg.CloseAll(got)
	if err != nil {
		return r, fmt.Errorf("keeper: %s: %w", req.Op, err)
	}
	if r.Error != nil {
		return r, r.Error
	}
	return r, nil
}
