package engine

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
	"davit/backend/guard/ring"
	"davit/backend/store"
)

// Pause implements api.Service.
func (e *Engine) Pause(ctx context.Context, ref string) error {
	return e.held(ctx, ref, e.guard.Pause)
}

// Unpause implements api.Service.
func (e *Engine) Unpause(ctx context.Context, ref string) error {
	return e.held(ctx, ref, e.guard.Unpause)
}

func (e *Engine) held(ctx context.Context, ref string, do func(context.Context, string) error) error {
	entry, err := e.running(ctx, ref)
	if err == nil {
		err = do(ctx, entry.Record.ID)
	}
	if err != nil {
		return explain(err)
	}
	e.news.look(entry.Record.ID)
	return nil
}

// CheckHealth implements api.Service.
func (e *Engine) CheckHealth(ctx context.Context, ref string) (api.HealthResult, error) {
	entry, err := e.sound(ctx, ref)
	if err == nil && entry.Record.HealthCheck == nil {
		err = invalid(entry.Record.Name, "container %s has no health check", entry.Record.Name).
			WithHint("Give it one when it is made: --health-cmd.")
	}
	if err == nil {
		entry, err = e.running(ctx, entry.Record.ID)
	}
	if err != nil {
		return api.HealthResult{}, explain(err)
	}
	r, err := e.guard.CheckHealth(ctx, entry.Record.ID)
	e.news.look(entry.Record.ID)
	return r, explain(err)
}

// Rename implements api.Service.
func (e *Engine) Rename(ctx context.Context, ref, name string) error {
	if err := validName(name); err != nil || name == "" {
		return explain(errors.Join(err, emptyName(name)))
	}
	return explain(e.change(ctx, ref, api.Update{}, func(rec *store.Record) error {
		old := rec.Name
		rec.Name = strings.TrimPrefix(name, "/")
		if rec.Name == old {
			return api.Errorf(api.KindConflict, "container %s has that name already", old).WithRef(old)
		}
		return e.name(rec)
	}))
}

func emptyName(name string) error {
	if name != "" {
		return nil
	}
	return invalid("", "a container wants a name")
}

// Update implements api.Service.
func (e *Engine) Update(ctx context.Context, ref string, u api.Update) error {
	if u == (api.Update{}) {
		return explain(invalid(ref, "nothing is to be changed").WithHint("Name a limit or a restart policy."))
	}
	if err := validRestart(u.Restart, false); err != nil {
		return explain(err)
	}
	return explain(e.change(ctx, ref, u, func(rec *store.Record) error {
		if u.Restart != "" {
			if err := validRestart(u.Restart, rec.AutoRemove); err != nil {
				return err
			}
			rec.Restart = u.Restart
		}
		rec.Limits = cgroup.Merge(rec.Limits, u.Limits)
		return errors.Join(cgroup.Valid(rec.Limits), cgroup.Here().Allows(u.Limits))
	}))
}

// change rewrites a container's record with the names locked, and tells the
// guard of what runs first: what it refuses is not written down.
func (e *Engine) change(ctx context.Context, ref string, u api.Update, do func(*store.Record) error) error {
	lock, err := store.LockFile(ctx, e.dirs.NamesLock())
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return err
	}
	rec := entry.Record
	if err := do(&rec); err != nil {
		return err
	}
	name, action := "", "update"
	if rec.Name != entry.Record.Name {
		name, action = rec.Name, "rename"
	}
	if entry.State.Active() {
		if err := e.guard.Update(ctx, rec.ID, name, u); err != nil {
			return err
		}
	}
	if err := store.WriteJSON(e.dirs.Container(rec.ID).Record(), rec); err != nil {
		return err
	}
	e.note(action, rec)
	e.news.look(rec.ID)
	return nil
}

// note writes in the journal what the guard does not know of.
func (e *Engine) note(action string, rec store.Record) {
	e.news.note(api.Event{Type: "container", Action: action, ID: rec.ID, Name: rec.Name, Image: rec.Image})
}

// PastEvents implements api.Service.
func (e *Engine) PastEvents(ctx context.Context, q api.EventQuery) ([]api.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	list, err := store.ReadJournal(e.dirs, q)
	return list, explain(err)
}

// Resume implements api.Service.
func (e *Engine) Resume(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return explain(err)
	}
	return explain(e.guard.Resume(ctx))
}

// Autostart implements api.Service: it is the front that can look, for it is
// the person on the host; this process is root of a user namespace.
func (e *Engine) Autostart(context.Context) (api.Autostart, error) {
	return api.Autostart{}, explain(notHere())
}

// SetAutostart implements api.Service.
func (e *Engine) SetAutostart(context.Context, bool) (api.Autostart, error) {
	return api.Autostart{}, explain(notHere())
}

func notHere() error {
	return api.Errorf(api.KindUnavailable, "this is changed on the host, not in the engine")
}

// StatsHistory implements api.Service.
func (e *Engine) StatsHistory(ctx context.Context, ref string, since time.Time) ([]api.Stats, error) {
	entry, err := e.find(ctx, ref)
	if err != nil {
		return nil, explain(err)
	}
	list, err := ring.Read(e.dirs.Container(entry.Record.ID).Stats(), since)
	if err != nil {
		return nil, explain(err)
	}
	for i := range list {
		list[i].ID, list[i].Name = entry.Record.ID, entry.Record.Name
	}
	return list, nil
}

// health reads the results of a container's checks.
func (e *Engine) health(entry store.Entry) *api.Health {
	var h api.Health
	err := store.ReadJSON(e.dirs.Container(entry.Record.ID).Health(), &h)
	switch {
	case err == nil:
		return &h
	case !errors.Is(err, os.ErrNotExist):
		e.log.Warn("read the health", "err", err)
	}
	if entry.State.Health == "" {
		return nil
	}
	return &api.Health{Status: entry.State.Health, Log: []api.HealthResult{}}
}
