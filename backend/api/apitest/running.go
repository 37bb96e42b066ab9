package apitest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

// Start implements api.Service.
func (f *Fake) Start(ctx context.Context, ref string) error {
	return f.with(ctx, ref, f.start)
}

// start runs a container's command; f.mu is held.
func (f *Fake) start(b *box) error {
	if b.detail.State == api.StatePaused {
		return conflict(b, "is paused")
	}
	if b.running() {
		return nil
	}
	if b.detail.State == api.StateBroken {
		return api.Errorf(api.KindCorrupt, "%s", b.detail.Reason).WithRef(b.detail.Name)
	}
	if err := f.claimPorts(b); err != nil {
		return err
	}
	p, err := newProcess(f, b.detail.Args, b.detail.Env)
	if err != nil {
		e := api.AsError(err)
		b.detail.State, b.detail.ExitCode, b.detail.Reason = api.StateExited, e.ExitCode, e.Msg
		b.detail.Finished = f.now()
		f.event("container", "die", b.detail.ID, b.detail.Name)
		return e.WithRef(b.detail.Name)
	}
	p.tty, p.interactive = b.detail.Spec.TTY, b.detail.Spec.Interactive
	p.hostname, p.dir, p.image = cmp.Or(b.detail.Spec.Hostname, b.detail.ID[:12]), b.detail.WorkingDir, b.detail.Image
	p.out = func(stream string, text []byte) { f.output(b, stream, text) }
	b.proc = p
	d := &b.detail
	d.State, d.Started, d.Finished, d.Reason, d.ExitCode = api.StateRunning, f.now(), time.Time{}, "", 0
	d.PID, d.IP, d.Gateway = 4000+f.rand.IntN(60000), fmt.Sprintf("10.88.0.%d", 2+f.rand.IntN(250)), "10.88.0.1"
	beginHealth(b)
	f.event("container", "start", d.ID, d.Name)
	f.work.Go(func() { f.ended(b, p.run()) })
	return nil
}

// ended notes how a container's command ended.
func (f *Fake) ended(b *box, code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flushLines(b)
	d := &b.detail
	d.State, d.Finished, d.ExitCode, d.PID, d.IP, d.Gateway = api.StateExited, f.now(), code, 0, "", ""
	d.Health = ""
	d.Reason = exitReason(code, d.OOMKilled)
	for _, s := range b.watch {
		// The reader of a session may have gone; the container does not care.
		_ = s.End(api.Exit{Code: code, Reason: d.Reason})
		_ = s.Close()
	}
	b.watch, b.proc = nil, nil
	f.event("container", "die", d.ID, d.Name)
	f.events[len(f.events)-1].ExitCode = &code
	if d.AutoRemove {
		f.drop(b)
	}
}

// claimPorts refuses a host port that another running container has; f.mu is held.
func (f *Fake) claimPorts(b *box) error {
	for _, o := range f.boxes {
		if !o.running() {
			continue
		}
		for _, p := range o.detail.Ports {
			if slices.ContainsFunc(b.detail.Ports, func(q api.Port) bool { return q.HostPort == p.HostPort }) {
				return api.Errorf(api.KindConflict, "port %d is taken by container %s", p.HostPort, o.detail.Name).
					WithRef(b.detail.Name).WithHint("Choose another host port, or stop %s.", o.detail.Name).WithExit(125)
			}
		}
	}
	return nil
}

// Stop implements api.Service.
func (f *Fake) Stop(ctx context.Context, ref string, o api.StopOptions) error {
	var it *box
	var p *process
	var d time.Duration
	var forever bool
	err := f.with(ctx, ref, func(b *box) error {
		it, p = b, b.proc
		if p == nil {
			return nil
		}
		name, err := signalName(cmp.Or(o.Signal, b.detail.Spec.StopSignal, b.image.detail.Config.StopSignal, "TERM"))
		if err != nil {
			return err
		}
		d, forever = grace(b, o)
		b.detail.State = api.StateStopping
		f.event("container", "stop", b.detail.ID, b.detail.Name)
		p.signal(name)
		p.letGo()
		return nil
	})
	if err != nil || p == nil {
		return err
	}
	if !forever {
		kill := time.AfterFunc(d, func() { p.signal("KILL") })
		defer kill.Stop()
	}
	return f.until(ctx, func() bool { return it.proc != p })
}

// Restart implements api.Service.
func (f *Fake) Restart(ctx context.Context, ref string, o api.StopOptions) error {
	if err := f.Stop(ctx, ref, o); err != nil {
		return err
	}
	return f.Start(ctx, ref)
}

// Kill implements api.Service.
func (f *Fake) Kill(ctx context.Context, ref, signal string) error {
	return f.with(ctx, ref, func(b *box) error {
		name, err := signalName(cmp.Or(signal, "KILL"))
		if err != nil {
			return err
		}
		if !b.running() {
			return api.Errorf(api.KindConflict, "container %s is not running", b.detail.Name).WithRef(b.detail.Name)
		}
		b.proc.signal(name)
		if b.detail.State == api.StatePaused && (name == "KILL" || name == "TERM") {
			b.proc.letGo()
			b.detail.State = api.StateRunning
		}
		f.event("container", "kill", b.detail.ID, b.detail.Name)
		return nil
	})
}

// signalName turns "SIGTERM", "term" and "15" into "TERM".
func signalName(s string) (string, error) {
	numbers := map[string]string{"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	name = cmp.Or(numbers[name], name)
	for _, known := range numbers {
		if name == known {
			return name, nil
		}
	}
	return "", api.Errorf(api.KindInvalid, "there is no signal %q", s).WithRef(s)
}

// Attach implements api.Service.
func (f *Fake) Attach(ctx context.Context, ref string, a api.AttachOptions) (*api.Session, error) {
	near, far := duplex()
	mine := api.NewSession(far)
	err := f.with(ctx, ref, func(b *box) error {
		if !b.running() && !a.Start {
			return api.Errorf(api.KindConflict, "container %s is not running", b.detail.Name).WithRef(b.detail.Name)
		}
		if a.Logs {
			replay(mine, b.lines)
		}
		b.watch = append(b.watch, mine)
		if err := f.start(b); err != nil {
			b.watch = slices.DeleteFunc(b.watch, func(s *api.Session) bool { return s == mine })
			return err
		}
		p := b.proc
		p.resize(a.Rows, a.Cols)
		f.work.Go(func() { feed(mine, p, a.Stdin) })
		return nil
	})
	if err != nil {
		_ = near.Close()
		return nil, err
	}
	f.closeAtEnd(near, far)
	return api.NewSession(near), nil
}

func replay(s *api.Session, lines []api.LogLine) {
	for _, l := range lines {
		w := s.Stdout()
		if l.Stream == "stderr" {
			w = s.Stderr()
		}
		_, _ = fmt.Fprintln(w, l.Text)
	}
}

// feed passes on what the person sends until the session is closed.
func feed(s *api.Session, p *process, stdin bool) {
	for {
		in, err := s.ReadInput()
		switch {
		case err != nil:
			return
		case in.Resize:
			p.resize(in.Rows, in.Cols)
		case in.Signal != "":
			if name, err := signalName(in.Signal); err == nil {
				p.signal(name)
			}
		case in.Close && stdin:
			p.stdin.closeWrite()
		case stdin:
			_, _ = p.stdin.Write(in.Data)
		}
	}
}

// Exec implements api.Service.
func (f *Fake) Exec(ctx context.Context, ref string, spec api.ExecSpec) (*api.Session, error) {
	near, far := duplex()
	mine := api.NewSession(far)
	err := f.with(ctx, ref, func(b *box) error {
		if !b.running() {
			return api.Errorf(api.KindConflict, "container %s is not running", b.detail.Name).WithRef(b.detail.Name)
		}
		if b.detail.State == api.StatePaused {
			return conflict(b, "is paused")
		}
		if len(spec.Args) == 0 {
			return api.Errorf(api.KindInvalid, "exec wants a command")
		}
		p, err := newProcess(f, spec.Args, mergeEnv(b.detail.Env, spec.Env))
		if err != nil {
			return err
		}
		p.tty, p.interactive, p.hostname = spec.TTY, spec.Interactive, b.proc.hostname
		p.dir, p.image = cmp.Or(spec.WorkingDir, b.detail.WorkingDir), b.detail.Image
		p.main = false
		p.resize(spec.Rows, spec.Cols)
		f.work.Go(func() { f.runExec(b.proc, p, mine, spec) })
		return nil
	})
	if err != nil {
		_ = near.Close()
		return nil, err
	}
	f.closeAtEnd(near, far)
	return api.NewSession(near), nil
}

// runExec runs a further process, which ends with the container's first.
func (f *Fake) runExec(first, p *process, s *api.Session, spec api.ExecSpec) {
	if spec.Detach {
		_ = s.End(api.Exit{})
		_ = s.Close()
		p.out = func(string, []byte) {}
	} else {
		p.out = func(stream string, text []byte) { toSession(s, stream, text, p.tty) }
		f.work.Go(func() { feed(s, p, spec.Interactive) })
	}
	stop := context.AfterFunc(first.life, func() { p.signal("KILL") })
	code := p.run()
	stop()
	if !spec.Detach {
		_ = s.End(api.Exit{Code: code, Reason: exitReason(code, false)})
		_ = s.Close()
	}
}

// closeAtEnd frees who reads a session when the fake ends.
func (f *Fake) closeAtEnd(ends ...*end) {
	context.AfterFunc(f.life, func() {
		for _, e := range ends {
			_ = e.Close()
		}
	})
}

func toSession(s *api.Session, stream string, text []byte, tty bool) {
	w := s.Stdout()
	if stream == "stderr" && !tty {
		w = s.Stderr()
	}
	if tty {
		text = []byte(strings.ReplaceAll(string(text), "\n", "\r\n"))
	}
	_, _ = w.Write(text)
}
