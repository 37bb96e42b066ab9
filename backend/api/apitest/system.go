package apitest

import (
	"context"
	"slices"

	"davit/backend/api"
)

// Events implements api.Service.
func (f *Fake) Events(ctx context.Context, cursor uint64, sink func(api.Event) error) error {
	f.mu.Lock()
	err := f.enter(ctx)
	oldest := f.cursor - uint64(len(f.events))
	if cursor == 0 || cursor > f.cursor || cursor < oldest {
		cursor = f.cursor // from now, or too old: the client lists again
	}
	hello := api.Event{Cursor: cursor, Time: f.now(), Type: "hello"}
	f.mu.Unlock()
	if err != nil {
		return err
	}
	if err := sink(hello); err != nil {
		return failed(err)
	}
	for {
		var batch []api.Event
		err := f.until(ctx, func() bool {
			i := slices.IndexFunc(f.events, func(e api.Event) bool { return e.Cursor > cursor })
			if i < 0 {
				return false
			}
			batch = slices.Clone(f.events[i:])
			return true
		})
		if err != nil {
			return err
		}
		for _, e := range batch {
			cursor = e.Cursor
			if err := sink(e); err != nil {
				return failed(err)
			}
		}
	}
}

// Info implements api.Service.
func (f *Fake) Info(ctx context.Context) (api.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return api.Info{}, api.AsError(err)
	}
	i := f.info
	i.Containers, i.Images, i.Running = len(f.boxes), len(f.images), 0
	for _, b := range f.boxes {
		if b.running() {
			i.Running++
		}
	}
	return i, nil
}

// Doctor implements api.Service.
func (f *Fake) Doctor(ctx context.Context) ([]api.Check, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, api.AsError(err)
	}
	return slices.Clone(f.checks), nil
}

// Mend implements api.Service: what a check offers puts it right.
func (f *Fake) Mend(ctx context.Context, r api.MendRequest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return api.AsError(err)
	}
	for _, step := range r.Apply {
		c, err := f.offering(step.Action)
		if err != nil {
			return err
		}
		if step.Digest != c.Mend.Digest {
			return api.Errorf(api.KindConflict, "%s: the computer has changed since this was shown", step.Action)
		}
		c.State, c.Mend = api.CheckOK, &api.Mend{Action: step.Action, Done: true}
	}
	for _, action := range r.Undo {
		c, err := f.offering(action)
		if err != nil {
			return err
		}
		c.State, c.Mend = api.CheckWarning, pretended(action)
	}
	return nil
}

// offering is the check that an action belongs to.
func (f *Fake) offering(action string) (*api.Check, error) {
	for i := range f.checks {
		if m := f.checks[i].Mend; m != nil && m.Action == action {
			return &f.checks[i], nil
		}
	}
	return nil, api.Errorf(api.KindInvalid, "%q is nothing that can be mended", action)
}

func pretended(action string) *api.Mend {
	return &api.Mend{Action: action, Text: "# /etc/pretended/" + action + "\nyes\n", Digest: "digest of " + action}
}
