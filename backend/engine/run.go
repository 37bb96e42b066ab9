package engine

import (
	"cmp"
	"context"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/runspec"
	"davit/backend/store"
)

// Start implements api.Service.
func (e *Engine) Start(ctx context.Context, ref string) error {
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return explain(err)
	}
	return explain(e.start(ctx, entry))
}

func (e *Engine) start(ctx context.Context, entry store.Entry) error {
	switch entry.State.State {
	case api.StateRunning:
		return nil
	case api.StatePaused:
		return api.Errorf(api.KindConflict, "container %s is paused", entry.Record.Name).WithRef(entry.Record.Name).
			WithHint("Let it go on: davit unpause %s", entry.Record.Name)
	}
	defer e.news.look(entry.Record.ID)
	return e.guard.Start(ctx, entry.Record.ID)
}

// Stop implements api.Service.
func (e *Engine) Stop(ctx context.Context, ref string, o api.StopOptions) error {
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return explain(err)
	}
	return explain(e.stop(ctx, entry, o))
}

func (e *Engine) stop(ctx context.Context, entry store.Entry, o api.StopOptions) error {
	if o.Signal != "" {
		if err := validSignal(o.Signal); err != nil {
			return err
		}
	}
	if o.Timeout != nil && *o.Timeout < -1 {
		return invalid("", "a stop timeout of %d seconds makes no sense", *o.Timeout)
	}
	if !entry.State.Active() {
		return nil
	}
	if err := e.guard.Stop(ctx, entry.Record.ID, o); err != nil {
		return err
	}
	if !entry.Record.AutoRemove { // else its removal was the last of it
		e.note("stop", entry.Record)
	}
	e.news.look(entry.Record.ID)
	return nil
}

// Restart implements api.Service.
func (e *Engine) Restart(ctx context.Context, ref string, o api.StopOptions) error {
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return explain(err)
	}
	if entry.Record.AutoRemove && entry.State.Active() {
		return api.Errorf(api.KindConflict, "container %s is removed when it stops, so it cannot be restarted", entry.Record.Name).
			WithRef(entry.Record.Name).WithHint("Stop it and run a new one.")
	}
	if err := e.stop(ctx, entry, o); err != nil {
		return explain(err)
	}
	if entry, err = e.sound(ctx, entry.Record.ID); err != nil {
		return explain(err)
	}
	if err := e.start(ctx, entry); err != nil {
		return explain(err)
	}
	e.note("restart", entry.Record)
	return nil
}

// Kill implements api.Service.
func (e *Engine) Kill(ctx context.Context, ref, signal string) error {
	signal = strings.ToUpper(cmp.Or(signal, "KILL"))
	if err := validSignal(signal); err != nil {
		return explain(err)
	}
	entry, err := e.running(ctx, ref)
	if err != nil {
		return explain(err)
	}
	return explain(e.guard.Kill(ctx, entry.Record.ID, signal))
}

// running is sound for verbs that need a running container.
func (e *Engine) running(ctx context.Context, ref string) (store.Entry, error) {
	entry, err := e.sound(ctx, ref)
	if err == nil && !entry.State.Active() {
		err = api.Errorf(api.KindConflict, "container %s is not running", entry.Record.Name).WithRef(entry.Record.Name).
			WithHint("Start it first: davit start %s", entry.Record.Name)
	}
	return entry, err
}

// Wait implements api.Service.
func (e *Engine) Wait(ctx context.Context, ref string) (api.Exit, error) {
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return api.Exit{}, explain(err)
	}
	if !entry.State.Active() {
		return api.Exit{Code: entry.State.ExitCode, Reason: entry.State.Reason}, nil
	}
	exit, err := e.guard.Wait(ctx, entry.Record.ID)
	return exit, explain(err)
}

// lastWords is how long a log is read on after its container's process has
// gone and before its guard has said so: the pipe may not be empty yet.
const lastWords = 2 * time.Second

// live tells whether a container's log may still grow.
func live(dir store.ContainerDir) func() bool {
	var gone time.Time
	return func() bool {
		st, err := store.ReadState(dir)
		if err != nil || !st.Active() {
			return false
		}
		if st.Alive() {
			gone = time.Time{}
			return true
		}
		if gone.IsZero() {
			gone = time.Now()
		}
		return time.Since(gone) < lastWords
	}
}

// Attach implements api.Service.
func (e *Engine) Attach(ctx context.Context, ref string, a api.AttachOptions) (*api.Session, error) {
	find := e.running
	if a.Start || a.From != nil { // it may have ended since
		find = e.sound
	}
	entry, err := find(ctx, ref)
	if err != nil {
		return nil, explain(err)
	}
	conn, err := e.guard.Attach(ctx, entry.Record.ID, a)
	if err != nil {
		return nil, explain(err)
	}
	return api.NewSession(conn), nil
}

// Exec implements api.Service.
func (e *Engine) Exec(ctx context.Context, ref string, spec api.ExecSpec) (*api.Session, error) {
	if len(spec.Args) == 0 || spec.Args[0] == "" {
		return nil, invalid(ref, "no command specified").WithExit(125)
	}
	for _, wrong := range runspec.Check(api.RunSpec{Image: "-", Command: spec.Args, Env: spec.Env, WorkingDir: spec.WorkingDir, User: spec.User}) {
		return nil, wrong
	}
	entry, err := e.running(ctx, ref)
	if err != nil {
		return nil, explain(err)
	}
	conn, err := e.guard.Exec(ctx, entry.Record.ID, spec)
	if err != nil {
		return nil, explain(err)
	}
	return api.NewSession(conn), nil
}
