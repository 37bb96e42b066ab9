package keeper

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/store"
	"davit/backend/userns"
	"davit/backend/userns/fdmsg"
	"davit/backend/userns/scope"
)

const (
	readyLine = "ready"
	heldLine  = "held"

	// linger is how long a keeper with nothing to do waits for the next front:
	// commands typed one after another then find the namespace made.
	linger = 10 * time.Second

	// maxExits bounds the exits that are remembered for a guard to come.
	maxExits = 4096
)

type keeper struct {
	dirs    store.Dirs
	log     *slog.Logger
	logFile *os.File
	null    *os.File

	mu       sync.Mutex
	children map[int]*process    // by pid
	named    map[string]*process // running or about to be started again
	exits    []Exit
	watchers map[*net.UnixConn]struct{}
	clients  int
	idle     *time.Timer
	trim     userns.Trimmer
}

// Main is the keeper's role: it serves until nothing needs it. parent is the
// process to end once the keeper stands (0: none).
func Main(d store.Dirs, parent int) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the subreaper: %w", err)
	}
	// Mounts that the host makes later (a USB disk) are seen; ours stay here.
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount propagation: %w", err)
	}
	if err := scope.Unify(); err != nil {
		fmt.Fprintln(os.Stderr, "keeper:", err) // containers run without limits, as they do anyway
	}
	locks, mine, err := lock(d)
	if err != nil {
		return err
	}
	if !mine {
		fmt.Println(heldLine)
		endParent(parent)
		return nil
	}
	l, err := fdmsg.Open(d.KeeperSocket())
	if err != nil {
		return err
	}
	k, err := newKeeper(d)
	if err != nil {
		return err
	}
	userns.Deaf()
	go k.reap()
	go k.accept(l)
	fmt.Println(readyLine)
	// Whoever waits for the line waits for the end of the pipe.
	if err := unix.Dup2(int(k.null.Fd()), 1); err != nil {
		return err
	}
	endParent(parent)
	<-k.idle.C
	return errors.Join(l.Remove(), locks.free())
}

func newKeeper(d store.Dirs) (*keeper, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &keeper{
		dirs:     d,
		log:      slog.New(slog.NewTextHandler(os.Stderr, nil)).With("role", "keeper"),
		logFile:  os.Stderr,
		null:     null,
		children: map[int]*process{},
		named:    map[string]*process{},
		watchers: map[*net.UnixConn]struct{}{},
		idle:     time.NewTimer(linger),
	}, nil
}

// endParent ends rootlesskit's parent, which waits for nothing but our end.
func endParent(parent int) {
	if parent > 1 && parent == os.Getppid() {
		_ = unix.Kill(parent, unix.SIGKILL)
	}
}

func (k *keeper) accept(l *fdmsg.Door) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		k.mu.Lock()
		k.clients++
		k.needed()
		k.mu.Unlock()
		go k.serve(c)
	}
}

// needed sets the timer by what there is; mu is held.
func (k *keeper) needed() {
	k.trim.Touch()
	if k.clients == 0 && len(k.children) == 0 && len(k.named) == 0 {
		k.idle.Reset(linger)
		return
	}
	k.idle.Stop()
}

func (k *keeper) serve(c *net.UnixConn) {
	defer k.gone(c)
	for {
		var req request
		files, err := fdmsg.Receive(c, &req)
		if errors.Is(err, fdmsg.ErrCut) {
			if fdmsg.Send(c, reply{Error: tooMany(err)}) != nil {
				return
			}
			continue
		}
		if err != nil {
			if err != io.EOF {
				k.log.Error("client", "err", err)
			}
			return
		}
		r := k.answer(c, req, files)
		if err := fdmsg.Send(c, r); err != nil {
			return
		}
		if req.Op == "exits" {
			k.watch(c)
		}
	}
}

func (k *keeper) gone(c *net.UnixConn) {
	_ = c.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.watchers, c)
	for _, p := range k.children {
		if p.diesWith == c {
			_ = unix.Kill(p.pid, unix.SIGKILL)
		}
	}
	k.clients--
	k.needed()
}

// watch sends what was reaped so far and what will be.
func (k *keeper) watch(c *net.UnixConn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.exits {
		if fdmsg.Send(c, e) != nil {
			return
		}
	}
	k.watchers[c] = struct{}{}
}

// reap waits for children, ours and those that we inherited.
func (k *keeper) reap() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGCHLD)
	for range signals {
		for k.reapOne() {
		}
	}
}

func (k *keeper) reapOne() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	// The start time can only be read while the process is a zombie.
	pid, err := userns.Zombie(unix.WNOHANG)
	if err != nil || pid == 0 {
		return false
	}
	e := Exit{PID: pid, At: time.Now()}
	if start, err := store.ProcessStart(pid); err == nil {
		e.Start = start
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return true
	}
	e.Status = int(status)
	if p := k.children[pid]; p != nil {
		k.ended(p, status)
	} else {
		k.tell(e)
	}
	k.needed()
	return true
}

func (k *keeper) tell(e Exit) {
	k.exits = append(k.exits, e)
	if len(k.exits) > maxExits {
		k.exits = append([]Exit(nil), k.exits[maxExits/2:]...)
	}
	for c := range k.watchers {
		if err := fdmsg.Send(c, e); err != nil {
			delete(k.watchers, c)
		}
	}
}
