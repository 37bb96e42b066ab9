package keeper

import (
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/userns"
	"davit/backend/userns/fdmsg"
)

// A kept process that lived longer than steady is started again at once;
// others after a pause that doubles up to maxPause. One that somebody killed
// is not at fault itself: it is back soon, however often that happens.
const (
	steady     = 5 * time.Second
	firstPause = 20 * time.Millisecond
	killPause  = 100 * time.Millisecond
	maxPause   = 5 * time.Second
)

type process struct {
	request
	files    []*os.File
	pid      int
	started  time.Time
	pause    time.Duration
	diesWith *net.UnixConn
	deposits []deposit // in the order they came
}

type deposit struct {
	tag  string
	file *os.File
}

func (k *keeper) answer(c *net.UnixConn, req request, files []*os.File) reply {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch req.Op {
	case "spawn":
		pid, err := k.spawn(c, req, files)
		return reply{PID: pid, Error: api.AsError(err)}
	case "deposit":
		return reply{Error: api.AsError(k.deposit(c, req.Tag, files))}
	case "withdraw":
		fdmsg.CloseAll(files)
		return reply{Error: api.AsError(k.withdraw(c, req.Tag))}
	case "exits":
		fdmsg.CloseAll(files)
		return reply{Past: len(k.exits)}
	}
	fdmsg.CloseAll(files)
	return reply{Error: api.Errorf(api.KindInvalid, "keeper: unknown request %q", req.Op)}
}

// spawn owns files. mu is held.
func (k *keeper) spawn(c *net.UnixConn, req request, files []*os.File) (int, error) {
	if len(req.Args) == 0 || !strings.HasPrefix(req.Args[0], "/") {
		fdmsg.CloseAll(files)
		return 0, api.Errorf(api.KindInvalid, "keeper: no absolute path to run")
	}
	if p := k.named[req.Name]; req.Name != "" && p != nil {
		fdmsg.CloseAll(files)
		return p.pid, nil
	}
	p := &process{request: req, files: files, pause: firstPause}
	if req.DieWith {
		p.diesWith = c
	}
	if err := k.start(p); err != nil {
		fdmsg.CloseAll(files)
		return 0, err
	}
	if req.Name != "" {
		k.named[req.Name] = p
	}
	if !req.Keep {
		fdmsg.CloseAll(files)
		p.files = nil
	}
	return p.pid, nil
}

// start runs p. mu is held, so that its end is not seen before it is known.
func (k *keeper) start(p *process) error {
	// Files are made close-on-exec when they come in; ForkExec passes on just those named.
	fds := []uintptr{k.null.Fd(), k.logFile.Fd(), k.logFile.Fd()}
	for _, f := range p.files {
		fds = append(fds, f.Fd())
	}
	tags := make([]string, 0, len(p.deposits))
	for _, d := range p.deposits {
		fds = append(fds, d.file.Fd())
		tags = append(tags, d.tag)
	}
	env := append(k.environment(p.Env), envFiles+"="+strconv.Itoa(len(p.files)))
	if len(tags) > 0 {
		env = append(env, EnvDeposits+"="+strings.Join(tags, depositSeparator))
	}
	if err := userns.Sweep(); err != nil {
		return err
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	if p.DieWith {
		// Its client hears of our end only by its own. Go's threads do not end.
		sys.Pdeathsig = syscall.SIGKILL
	}
	pid, err := syscall.ForkExec(p.Args[0], p.Args, &syscall.ProcAttr{Env: env, Files: fds, Sys: sys})
	if err != nil {
		return api.Errorf(api.KindInternal, "start %s: %w", p.Args[0], err)
	}
	p.pid, p.started = pid, time.Now()
	k.children[pid] = p
	k.needed()
	return nil
}

// environment is what a process gets: what was asked for, else the keeper's
// own, and always the person's user id on the host and our runtime directory.
func (k *keeper) environment(asked []string) []string {
	if asked == nil {
		asked = os.Environ()
	}
	// Ours come first: where a name is given twice, the first counts.
	ours := []string{store.EnvUID + "=" + os.Getenv(store.EnvUID), store.EnvRuntime + "=" + k.dirs.Runtime}
	return append(ours, asked...)
}

// ended deals with the end of a process that we started. mu is held.
func (k *keeper) ended(p *process, status syscall.WaitStatus) {
	delete(k.children, p.pid)
	if !p.Keep || status == 0 {
		k.drop(p)
		return
	}
	k.log.Error("a kept process ended", "name", p.Name, "pid", p.pid, "status", int(status), "deposits", len(p.deposits))
	pause := p.pause
	p.pause = min(2*p.pause, maxPause)
	if status.Signaled() && status.Signal() == unix.SIGKILL {
		p.pause = min(p.pause, killPause)
	}
	if time.Since(p.started) > steady {
		pause, p.pause = 0, firstPause
	}
	p.pid = 0
	time.AfterFunc(pause, func() { k.again(p) })
}

func (k *keeper) again(p *process) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.start(p); err != nil {
		// What it had deposited is worth waiting for: memory, processes or the
		// binary may be there again in a moment.
		k.log.Error("start again", "name", p.Name, "err", err)
		time.AfterFunc(maxPause, func() { k.again(p) })
	}
}

// drop forgets p with its deposits. mu is held.
func (k *keeper) drop(p *process) {
	if k.named[p.Name] == p {
		delete(k.named, p.Name)
	}
	fdmsg.CloseAll(p.files)
	for _, d := range p.deposits {
		_ = d.file.Close()
	}
	k.needed()
}

func (k *keeper) depositor(c *net.UnixConn) (*process, error) {
	cred, err := fdmsg.PeerCred(c)
	if err != nil {
		return nil, err
	}
	p := k.children[int(cred.Pid)]
	if p == nil || !p.Keep {
		return nil, errors.New("keeper: only processes that are kept can deposit")
	}
	return p, nil
}

func (k *keeper) deposit(c *net.UnixConn, tag string, files []*os.File) error {
	p, err := k.depositor(c)
	if err == nil && (len(files) != 1 || tag == "" || strings.Contains(tag, depositSeparator)) {
		err = errors.New("keeper: a deposit is one descriptor with a tag")
	}
	if err != nil {
		fdmsg.CloseAll(files)
		return err
	}
	if err := k.withdraw(c, tag); err != nil {
		fdmsg.CloseAll(files)
		return err
	}
	if !p.room() {
		fdmsg.CloseAll(files)
		return tooMany(errors.New("the keeper holds as many as it may"))
	}
	p.deposits = append(p.deposits, deposit{tag, files[0]})
	return nil
}

// room tells whether the process could still be started again with one more
// deposit: each of them is moved out of the way and back in its child.
func (p *process) room() bool {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return true
	}
	const ours = 20 // sockets, standard streams, the poller, connections
	return uint64(2*(len(p.deposits)+1)+len(p.files)+ours) <= limit.Cur
}

func tooMany(err error) *api.Error {
	return api.Errorf(api.KindHost, "there are too many open files: %w", err).
		WithHint("This session allows each process few of them (`ulimit -n`). End some containers, or raise the limit where you log in.")
}

func (k *keeper) withdraw(c *net.UnixConn, tag string) error {
	p, err := k.depositor(c)
	if err != nil {
		return err
	}
	p.deposits = slices.DeleteFunc(p.deposits, func(d deposit) bool {
		if d.tag == tag {
			_ = d.file.Close()
		}
		return d.tag == tag
	})
	return nil
}
