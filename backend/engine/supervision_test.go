package engine

import (
	"slices"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/store"
)

func TestRenameKeepsTheRest(t *testing.T) {
	b := newBench(t)
	c, other := b.made(t, api.RunSpec{Name: "old", Env: []string{"A=1"}}), b.made(t, api.RunSpec{Name: "other"})
	kind(t, b.Rename(t.Context(), "old", "other"), api.KindConflict, "taken")
	kind(t, b.Rename(t.Context(), "old", "old"), api.KindConflict, "has that name already")
	kind(t, b.Rename(t.Context(), "old", "../x"), api.KindInvalid, "cannot be the name")
	kind(t, b.Rename(t.Context(), "old", ""), api.KindInvalid, "wants a name")
	kind(t, b.Rename(t.Context(), "absent", "x"), api.KindNotFound, "absent")
	kind(t, b.Rename(t.Context(), c.ID[:20], "/new"), "", "")
	d, err := b.Container(t.Context(), "new")
	if err != nil || d.ID != c.ID || !slices.Contains(d.Env, "A=1") || d.Spec.Name != "new" {
		t.Errorf("%+v, %v", d, err)
	}
	if o, err := b.Container(t.Context(), "other"); err != nil || o.ID != other.ID {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestUpdateWritesWhatTheGuardTook(t *testing.T) {
	b := newBench(t)
	c := b.made(t, api.RunSpec{Name: "web"})
	kind(t, b.Update(t.Context(), "web", api.Update{Restart: "on-failure:3"}), "", "")
	if err := b.Start(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	b.guard.fail = api.Errorf(api.KindHost, "the kernel said no")
	kind(t, b.Update(t.Context(), "web", api.Update{Restart: "always"}), api.KindHost, "said no")
	rec, err := store.ReadRecord(b.dirs.Container(c.ID))
	if err != nil || rec.Restart != "on-failure:3" {
		t.Errorf("%q, %v", rec.Restart, err)
	}
	gone := b.made(t, api.RunSpec{Name: "gone", AutoRemove: true})
	kind(t, b.Update(t.Context(), gone.ID, api.Update{Restart: "always"}), api.KindInvalid, "both removed and restarted")
}

func TestHealthCheckOfImageAndSpec(t *testing.T) {
	img := &api.HealthCheck{Test: []string{"CMD", "curl"}, Interval: time.Minute, Retries: 7}
	for name, c := range map[string]struct {
		img, asked *api.HealthCheck
		want       *api.HealthCheck
	}{
		"none":             {nil, nil, nil},
		"the image's":      {img, nil, &api.HealthCheck{Test: img.Test, Interval: time.Minute, Timeout: healthTimeout, StartInterval: healthStartInterval, Retries: 7}},
		"switched off":     {img, &api.HealthCheck{None: true}, nil},
		"image says NONE":  {&api.HealthCheck{None: true, Test: []string{"NONE"}}, nil, nil},
		"only an interval": {nil, &api.HealthCheck{Interval: time.Second}, nil},
		"joined": {img, &api.HealthCheck{Interval: time.Second, Test: []string{"CMD-SHELL", "x"}},
			&api.HealthCheck{Test: []string{"CMD-SHELL", "x"}, Interval: time.Second, Timeout: healthTimeout, StartInterval: healthStartInterval, Retries: 7}},
	} {
		got := healthCheck(c.img, c.asked)
		if (got == nil) != (c.want == nil) {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		if got != nil && (!slices.Equal(got.Test, c.want.Test) || got.Interval != c.want.Interval || got.Timeout != c.want.Timeout ||
			got.Retries != c.want.Retries || got.StartInterval != c.want.StartInterval || got.None) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestConditions(t *testing.T) {
	entry := func(s store.State) store.Entry { return store.Entry{State: s} }
	started, later := time.Unix(1, 0), time.Unix(2, 0)
	up := store.State{State: api.StateRunning, Started: started}
	down := store.State{State: api.StateExited, Started: started, Finished: later}
	for name, c := range map[string]struct {
		c          api.Condition
		first, now store.State
		want       bool
	}{
		"runs on":           {api.WaitNotRunning, up, up, false},
		"ended":             {api.WaitNotRunning, up, down, true},
		"next exit":         {api.WaitNextExit, up, down, true},
		"ended before":      {api.WaitNextExit, down, down, false},
		"ended and started": {api.WaitNextExit, up, store.State{State: api.StateRunning, Started: later, Finished: later}, true},
		"begun since":       {api.WaitNextExit, down, store.State{State: api.StateRunning, Started: later, Finished: later}, false},
		"running":           {api.WaitRunning, down, up, true},
		"paused":            {api.WaitPaused, up, store.State{State: api.StatePaused}, true},
		"healthy":           {api.WaitHealthy, up, store.State{State: api.StateRunning, Health: "healthy"}, true},
		"unhealthy":         {api.WaitUnhealthy, up, store.State{State: api.StateRunning, Health: "healthy"}, false},
	} {
		if got := fulfils(c.c, entry(c.first), entry(c.now)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTerminalName(t *testing.T) {
	for dev, want := range map[int]string{0: "?", 136 << 8: "pts/0", 136<<8 | 17: "pts/17", 137<<8 | 1: "pts/257", 4<<8 | 1: "?"} {
		if got := terminalName(dev); got != want {
			t.Errorf("%#x is %s, want %s", dev, got, want)
		}
	}
}
