package engine

import (
	"context"
	"slices"
	"time"

	"davit/backend/api"
	"davit/backend/store"
)

// lookEvery is how often a container is looked at where no file changes: its
// guard may have been killed.
const lookEvery = time.Second

// WaitUntil implements api.Service.
func (e *Engine) WaitUntil(ctx context.Context, ref string, conditions []api.Condition) (api.Exit, error) {
	if len(conditions) == 0 {
		conditions = []api.Condition{api.WaitNotRunning}
	}
	for _, c := range conditions {
		if !slices.Contains(allConditions, c) {
			return api.Exit{}, invalid(string(c), "there is no condition %q", string(c)).
				WithHint("Conditions are not-running, next-exit, removed, running, paused, healthy and unhealthy.")
		}
	}
	if len(conditions) == 1 && conditions[0] == api.WaitNotRunning {
		return e.Wait(ctx, ref) // the guard tells, also of one that is removed when it ends
	}
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return api.Exit{}, explain(err)
	}
	exit, err := e.waitUntil(ctx, entry, conditions)
	return exit, explain(err)
}

var allConditions = []api.Condition{
	api.WaitNotRunning, api.WaitNextExit, api.WaitRemoved, api.WaitRunning, api.WaitPaused, api.WaitHealthy, api.WaitUnhealthy,
}

func (e *Engine) waitUntil(ctx context.Context, first store.Entry, conditions []api.Condition) (api.Exit, error) {
	id, name := first.Record.ID, first.Record.Name
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes, err := store.Watch(ctx, string(e.dirs.Container(id)))
	if err != nil {
		return api.Exit{}, err
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := first
	for {
		now, err := store.ReadContainer(e.dirs, id)
		if err != nil {
			if slices.Contains(conditions, api.WaitRemoved) || slices.Contains(conditions, api.WaitNotRunning) {
				return exitOf(last), nil
			}
			return api.Exit{}, api.Errorf(api.KindNotFound, "container %s was removed", name).WithRef(name)
		}
		last = now
		if slices.ContainsFunc(conditions, func(c api.Condition) bool { return fulfils(c, first, now) }) {
			return exitOf(now), nil
		}
		select {
		case <-changes: // closed when ctx ends
		case <-tick.C:
		}
		if err := ctx.Err(); err != nil {
			return api.Exit{}, err
		}
	}
}

func exitOf(e store.Entry) api.Exit {
	return api.Exit{Code: e.State.ExitCode, Reason: e.State.Reason}
}

func fulfils(c api.Condition, first, now store.Entry) bool {
	switch st := now.State; c {
	case api.WaitNotRunning:
		return !st.Active()
	case api.WaitNextExit:
		ended := !st.Finished.IsZero() && !st.Finished.Equal(first.State.Finished)
		again := first.State.Active() && !st.Started.Equal(first.State.Started)
		return ended && !hasProcess(st.State) || again
	case api.WaitRunning:
		return st.State == api.StateRunning
	case api.WaitPaused:
		return st.State == api.StatePaused
	case api.WaitHealthy:
		return st.Health == api.HealthHealthy
	case api.WaitUnhealthy:
		return st.Health == api.HealthUnhealthy
	}
	return false
}
