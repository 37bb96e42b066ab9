package apitest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"davit/backend/api"
)

// process is a command of a fake container.
type process struct {
	fake        *Fake
	args        []string
	vars        map[string]string
	env         []string
	dir         string
	hostname    string
	image       string
	tty         bool
	interactive bool
	main        bool // pid 1: signals without a handler do nothing
	out         func(stream string, text []byte)
	stdin       *pipe
	partial     map[string][]byte // lines begun; Fake.mu guards it
	life        context.Context   // ends with the process
	kill        context.CancelFunc

	mu         sync.Mutex
	killed     bool
	pending    []string // signals not handled yet
	wake       chan struct{}
	traps      map[string]string
	rows, cols uint16
	held       chan struct{} // closed when it may go on; nil: it may
}

// newProcess makes a process that has not begun. A command that no image has
// is KindStart, as from the real engine.
func newProcess(f *Fake, args, env []string) (*process, error) {
	name := args[0][strings.LastIndex(args[0], "/")+1:]
	_, service := services[name]
	switch {
	case strings.HasPrefix(args[0], "/etc"):
		return nil, api.Errorf(api.KindStart, "%s cannot be executed: permission denied", args[0]).WithExit(126)
	case busybox()[name] == nil && !service:
		return nil, api.Errorf(api.KindStart, "%s was not found in the image", args[0]).WithExit(127).
			WithHint("Give a command that the image has, or another image.")
	}
	p := &process{
		fake: f, args: args, env: env, main: true, stdin: newPipe(), vars: map[string]string{},
		partial: map[string][]byte{}, wake: make(chan struct{}, 1), traps: map[string]string{},
	}
	for _, e := range env {
		k, v, _ := strings.Cut(e, "=")
		p.vars[k] = v
	}
	p.life, p.kill = context.WithCancel(f.life)
	return p, nil
}

// run runs the command to its end and gives its exit code.
func (p *process) run() int {
	defer p.kill()
	if !p.interactive {
		p.stdin.closeWrite()
	}
	defer p.stdin.closeWrite()
	code := p.unwound(func() int { return p.command(p.args, false) })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return 137
	}
	return code & 0xff
}

// unwound runs f to its end or to an exit inside it.
func (p *process) unwound(f func() int) (code int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case quit:
			code = r.code
		default:
			panic(r)
		}
	}()
	return f()
}

// signal delivers a signal; KILL cannot be handled.
func (p *process) signal(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name == "KILL" {
		p.killed = true
		p.stdin.closeWrite()
		p.kill()
		return
	}
	p.pending = append(p.pending, name)
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// hold keeps the process from printing and from waking.
func (p *process) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = make(chan struct{})
	}
}

func (p *process) letGo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// waitHeld returns when the process may go on.
func (p *process) waitHeld() {
	p.mu.Lock()
	held := p.held
	p.mu.Unlock()
	if held == nil {
		return
	}
	select {
	case <-held:
	case <-p.life.Done():
		panic(quit{137})
	}
}

func (p *process) resize(rows, cols uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rows > 0 && cols > 0 {
		p.rows, p.cols = rows, cols
	}
}

// next takes a signal that has come, "" where there is none.
func (p *process) next() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) == 0 {
		return ""
	}
	s := p.pending[0]
	p.pending = p.pending[1:]
	return s
}

// quit unwinds a process: exit, or a signal that ends it.
type quit struct{ code int }

// handle runs the traps of the signals that have come.
func (p *process) handle() {
	for s := p.next(); s != ""; s = p.next() {
		action, trapped := p.traps[s]
		switch {
		case trapped:
			p.script(action)
		case !p.main && (s == "TERM" || s == "INT" || s == "HUP" || s == "QUIT"):
			panic(quit{128 + map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "TERM": 15}[s]})
		}
	}
}

// sleep waits; a signal with a trap is handled afterwards, as a shell does
// with a command in the foreground, but at once: images' shells wait for
// nothing longer than the suite's short sleeps.
func (p *process) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			p.waitHeld()
			return
		case <-p.life.Done():
			panic(quit{137})
		case <-p.wake:
			p.waitHeld()
			p.handle()
		}
	}
}

func (p *process) print(stream, format string, args ...any) {
	p.waitHeld()
	p.out(stream, fmt.Appendf(nil, format, args...))
}

// read gives one line of the standard input.
func (p *process) read() (string, error) {
	var line []byte
	var b [1]byte
	for {
		_, err := p.stdin.Read(b[:])
		switch {
		case err != nil && len(line) == 0:
			return "", io.EOF
		case err != nil || b[0] == '\n':
			return string(line), nil
		}
		line = append(line, b[0])
	}
}
