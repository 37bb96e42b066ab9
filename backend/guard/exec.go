package guard

import (
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/oci"
	"davit/backend/store"
)

// drainStep is how often a process's pipes are looked at after its end.
const drainStep = 20 * time.Millisecond

// exec runs a further process in the container, confined as its first one,
// and joins its streams to conn, which it owns.
func (c *container) exec(conn net.Conn, spec api.ExecSpec) (err error) {
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	if _, err := c.runningNow("entered"); err != nil {
		return err
	}
	if len(spec.Args) == 0 {
		return api.Errorf(api.KindInvalid, "no command to execute").WithExit(125)
	}
	p, err := c.execProcess(spec)
	if err != nil {
		return err
	}
	x := &execution{c: c, tty: spec.TTY, hangUp: spec.HangUp}
	theirs, err := x.pipes(spec)
	if err != nil {
		return err
	}
	defer closeFiles(theirs.In, theirs.Out, theirs.Err)
	enter := c.enter
	if spec.Toolbox {
		enter = c.debug
	}
	if x.proc, err = enter(p, theirs); err != nil {
		x.close()
		return err
	}
	x.console = x.proc.Console()
	c.g.enter()
	if spec.Detach {
		s := api.NewSession(conn)
		go x.wait(nil)
		defer func() { _ = s.Close() }()
		return s.End(api.Exit{})
	}
	s := newSession(conn)
	x.join(s)
	go x.wait(s)
	return nil
}

// enter starts a process in the container unless it is plain that its program
// cannot run.
func (c *container) enter(p *specs.Process, stdio Stdio) (Process, error) {
	if r := c.running(); r != nil {
		if inside, err := seen(r.proc.PID()); err == nil {
			defer inside.close()
			if err := inside.wontStart(p); err != nil {
				return nil, err
			}
		}
	}
	return c.g.Runtime.Exec(c.rec.ID, p, stdio)
}

// debug starts a process in the container that has the toolbox.
func (c *container) debug(p *specs.Process, stdio Stdio) (Process, error) {
	return c.g.Runtime.Debug(c.rec.ID, p, stdio)
}

// execution is one exec.
type execution struct {
	c       *container
	tty     bool
	hangUp  bool // the process ends with its session
	proc    Process
	stdin   *os.File
	outs    [2]*os.File // stdout, stderr: read ends
	console *os.File
	pumps   sync.WaitGroup

	mu   sync.Mutex
	over bool // it has ended: its pid may be another's soon
}

// execProcess is the container's own process with what spec changes.
func (c *container) execProcess(spec api.ExecSpec) (*specs.Process, error) {
	var bundle specs.Spec
	if err := store.ReadJSON(c.dir.Config(), &bundle); err != nil {
		return nil, err
	}
	p := bundle.Process
	p.Args, p.Terminal, p.ConsoleSize = spec.Args, spec.TTY, nil
	if spec.WorkingDir != "" {
		p.Cwd = spec.WorkingDir
	}
	name, more := spec.User, []string(nil)
	switch {
	case name == "" && spec.Toolbox:
		name = "0"
	case name == "":
		name, more = c.rec.User, c.rec.Spec.Groups
	}
	u, home, err := c.user(name, more...)
	if err != nil {
		return nil, err
	}
	p.User = u
	p.Env = withHome(mergeEnv(p.Env, spec.Env, spec.TTY), home)
	if spec.Privileged {
		p.Capabilities = oci.AllCapabilities()
	} else if u.UID != 0 && p.Capabilities != nil {
		p.Capabilities.Effective, p.Capabilities.Permitted = nil, nil
	}
	if spec.Rows > 0 && spec.Cols > 0 {
		p.ConsoleSize = &specs.Box{Height: uint(spec.Rows), Width: uint(spec.Cols)}
	}
	return p, nil
}

// mergeEnv lays more over env; later ones win.
func mergeEnv(env, more []string, tty bool) []string {
	merged := slices.Clone(env)
	if tty && !slices.ContainsFunc(merged, func(e string) bool { return strings.HasPrefix(e, "TERM=") }) {
		merged = append(merged, "TERM=xterm")
	}
	for _, e := range more {
		key, _, _ := strings.Cut(e, "=")
		merged = slices.DeleteFunc(merged, func(o string) bool { return strings.HasPrefix(o, key+"=") })
		merged = append(merged, e)
	}
	return merged
}

func (x *execution) pipes(spec api.ExecSpec) (Stdio, error) {
	var s Stdio
	if spec.TTY {
		return s, nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return s, err
	}
	if spec.Detach {
		return Stdio{In: null, Out: null, Err: null}, nil
	}
	s.In = null
	if spec.Interactive {
		_ = null.Close()
		s.In, x.stdin, err = os.Pipe()
	}
	if err == nil {
		x.outs[0], s.Out, err = os.Pipe()
	}
	if err == nil {
		x.outs[1], s.Err, err = os.Pipe()
	}
	if err != nil {
		x.close()
		closeFiles(s.In, s.Out, s.Err)
	}
	return s, err
}

func (x *execution) close() { closeFiles(x.stdin, x.outs[0], x.outs[1], x.console) }

// join moves the streams both ways.
func (x *execution) join(s *session) {
	if x.console != nil {
		x.pumps.Go(func() { move(s, "stdout", x.console) })
	} else {
		x.pumps.Go(func() { move(s, "stdout", x.outs[0]) })
		x.pumps.Go(func() { move(s, "stderr", x.outs[1]) })
	}
	go func() {
		s.listen(func(in api.Input) error { return x.input(in) })
		if !x.tty {
			closeFiles(x.stdin)
		}
		if x.hangUp {
			_ = x.signal(unix.SIGHUP) // without an ear to complain to
		}
	}()
}

func move(s *session, stream string, f *os.File) {
	buf := make([]byte, chunk)
	for {
		n, err := f.Read(buf)
		if n > 0 {
			s.push(stream, buf[:n])
		}
		if err != nil {
			return
		}
	}
}

func (x *execution) input(in api.Input) error {
	switch {
	case in.Resize && x.console != nil:
		resize(&run{console: x.console}, in.Rows, in.Cols)
	case in.Resize:
	case in.Signal != "":
		sig, err := parseSignal(in.Signal)
		if err != nil {
			return err
		}
		return x.signal(sig)
	case x.console != nil && !in.Close:
		_, _ = x.console.Write(in.Data)
	case in.Close:
		closeFiles(x.stdin)
	case x.stdin != nil:
		if _, err := x.stdin.Write(in.Data); err != nil {
			return io.ErrClosedPipe
		}
	}
	return nil
}

func (x *execution) signal(sig unix.Signal) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return nil
	}
	return x.proc.Signal(sig)
}

// reap frees the pid of a process that has ended.
func (x *execution) reap() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over = true
	return x.proc.Reap()
}

// wait waits for the end. A process that the exec left behind may hold its
// pipes open: what it writes goes on until its end, the exit is told at once,
// as docker does.
func (x *execution) wait(s *session) {
	defer x.c.g.leave()
	status, err := x.proc.Wait()
	if err != nil {
		x.c.log.Error("wait for an exec", "err", err)
	}
	if err := x.reap(); err != nil {
		x.c.log.Error("reap an exec", "err", err)
	}
	if s == nil {
		x.close()
		return
	}
	s.unbound()
	x.drain()
	s.finish(piece{exit: &api.Exit{Code: exitCode(status)}})
	x.close()
}

// drain waits until what the process wrote is read: its pipes are empty, or
// closed by all who held them.
func (x *execution) drain() {
	done := make(chan struct{})
	go func() { x.pumps.Wait(); close(done) }()
	for {
		select {
		case <-done:
			return
		case <-time.After(drainStep):
			if x.empty() {
				return
			}
		}
	}
}

func (x *execution) empty() bool {
	for _, f := range []*os.File{x.outs[0], x.outs[1], x.console} {
		if f == nil {
			continue
		}
		raw, err := f.SyscallConn()
		if err != nil {
			continue
		}
		left := 0
		_ = raw.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
		if left > 0 {
			return false
		}
	}
	return true
}

func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
