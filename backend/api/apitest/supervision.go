package apitest

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

// Pause implements api.Service.
func (f *Fake) Pause(ctx context.Context, ref string) error {
	return f.with(ctx, ref, func(b *box) error {
		switch {
		case !b.running():
			return conflict(b, "is not running")
		case b.detail.State == api.StatePaused:
			return conflict(b, "is paused")
		}
		b.proc.hold()
		b.detail.State = api.StatePaused
		f.event("container", "pause", b.detail.ID, b.detail.Name)
		return nil
	})
}

// Unpause implements api.Service.
func (f *Fake) Unpause(ctx context.Context, ref string) error {
	return f.with(ctx, ref, func(b *box) error {
		if b.detail.State != api.StatePaused {
			return conflict(b, "is not paused")
		}
		b.proc.letGo()
		b.detail.State = api.StateRunning
		f.event("container", "unpause", b.detail.ID, b.detail.Name)
		return nil
	})
}

func conflict(b *box, what string) error {
	return api.Errorf(api.KindConflict, "container %s %s", b.detail.Name, what).WithRef(b.detail.Name)
}

// Rename implements api.Service.
func (f *Fake) Rename(ctx context.Context, ref, name string) error {
	return f.with(ctx, ref, func(b *box) error {
		if !validName.MatchString(name) {
			return api.Errorf(api.KindInvalid, "%q cannot be a container's name", name).WithRef(name)
		}
		for _, o := range f.boxes {
			if o.detail.Name == name {
				return api.Errorf(api.KindConflict, "the name %s is taken by container %s", name, o.detail.ID[:12]).WithRef(name)
			}
		}
		b.detail.Name = name
		b.changes++
		f.event("container", "rename", b.detail.ID, name)
		return nil
	})
}

// Update implements api.Service.
func (f *Fake) Update(ctx context.Context, ref string, u api.Update) error {
	return f.with(ctx, ref, func(b *box) error {
		policy, _, _ := strings.Cut(u.Restart, ":")
		switch {
		case u == (api.Update{}):
			return api.Errorf(api.KindInvalid, "nothing is to be changed").WithRef(b.detail.Name)
		case !slices.Contains([]string{"", "no", "always", "unless-stopped", "on-failure"}, policy):
			return api.Errorf(api.KindInvalid, "unknown restart policy %q", u.Restart).WithRef(u.Restart)
		case u.Limits != (api.Limits{}) && !f.info.CgroupDelegated:
			return api.Errorf(api.KindHost, "limits cannot be set: no control group was given to you").
				WithHint("davit doctor shows how to get one.")
		}
		if u.Restart != "" {
			b.detail.Restart = u.Restart
		}
		if u.Limits.Memory != 0 {
			b.detail.Limits.Memory = max(0, u.Limits.Memory)
		}
		if u.Limits.CPUs != 0 {
			b.detail.Limits.CPUs = max(0, u.Limits.CPUs)
		}
		if u.Limits.Pids != 0 {
			b.detail.Limits.Pids = max(0, u.Limits.Pids)
		}
		b.changes++
		f.event("container", "update", b.detail.ID, b.detail.Name)
		return nil
	})
}

// Top implements api.Service.
func (f *Fake) Top(ctx context.Context, ref string) (list []api.Process, err error) {
	err = f.with(ctx, ref, func(b *box) error {
		if !b.running() {
			return conflict(b, "is not running")
		}
		list = []api.Process{{
			PID: b.detail.PID, Parent: 4000, Inside: 1, State: "S", Started: b.detail.Started, TTY: "?",
			CPUTime: f.now().Sub(b.detail.Started) / 100, Memory: 12 << 20, Command: strings.Join(b.detail.Args, " "),
		}}
		return nil
	})
	return list, err
}

// SignalProcess implements api.Service.
func (f *Fake) SignalProcess(ctx context.Context, ref string, pid int, signal string) error {
	list, err := f.Top(ctx, ref)
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.PID == pid {
			return f.Kill(ctx, ref, signal)
		}
	}
	return api.Errorf(api.KindNotFound, "%s has no process %d", ref, pid).WithRef(ref)
}

// Stats implements api.Service.
func (f *Fake) Stats(ctx context.Context, q api.StatsQuery, sink func(api.StatsRound) error) error {
	every := time.Second
	if q.Interval > 0 {
		every = q.Interval
	}
	for {
		round, running, err := f.statsRound(ctx, q)
		if err != nil {
			return err
		}
		if err := sink(round); err != nil {
			return failed(err)
		}
		if q.Once || len(q.Refs) > 0 && !running && !q.All {
			return nil
		}
		if err := f.pause(ctx, every); err != nil {
			return err
		}
	}
}

func (f *Fake) statsRound(ctx context.Context, q api.StatsQuery) (api.StatsRound, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	round := api.StatsRound{Time: f.now(), Containers: []api.Stats{}}
	if err := f.enter(ctx); err != nil {
		return round, false, err
	}
	boxes := f.boxes
	if len(q.Refs) > 0 {
		boxes = nil
		for _, ref := range q.Refs {
			b, err := f.find(ref)
			if err != nil {
				return round, false, err
			}
			boxes = append(boxes, b)
		}
	}
	running := false
	for _, b := range boxes {
		running = running || b.running()
		if b.running() || q.All || len(q.Refs) > 0 {
			round.Containers = append(round.Containers, f.stats(b, f.now()))
		}
	}
	return round, running, nil
}

// stats makes waves, each container its own; f.mu is held.
func (f *Fake) stats(b *box, at time.Time) api.Stats {
	s := api.Stats{ID: b.detail.ID, Name: b.detail.Name, Time: at, MemoryLimit: f.info.Memory, Source: "cgroup"}
	if b.detail.Limits.Memory > 0 {
		s.MemoryLimit = b.detail.Limits.Memory
	}
	if !b.running() {
		return s
	}
	up := at.Sub(b.detail.Started)
	phase := float64(len(b.detail.Name)) + float64(at.UnixMilli())/20_000
	s.Running, s.Pids = true, 1+len(b.detail.Name)%7
	s.CPU = 6 + 5*math.Sin(phase)
	s.CPUTime = up / 16
	s.Memory = int64(40<<20 + 12<<20*math.Sin(phase/3))
	s.NetIn, s.NetOut = int64(up.Seconds()*1800), int64(up.Seconds()*5200)
	s.NetInRate, s.NetOutRate = 1800, 5200
	s.DiskRead, s.DiskWritten = 9<<20, int64(up.Seconds()*700)
	s.Pressure = &api.Pressure{CPU: max(0, 2*math.Sin(phase))}
	return s
}

// StatsHistory implements api.Service.
func (f *Fake) StatsHistory(ctx context.Context, ref string, since time.Time) (list []api.Stats, err error) {
	err = f.with(ctx, ref, func(b *box) error {
		list = []api.Stats{}
		if !b.running() {
			return nil
		}
		from := b.detail.Started
		if day := f.now().Add(-24 * time.Hour); from.Before(day) {
			from = day
		}
		if from.Before(since) {
			from = since
		}
		for at := from.Add(10 * time.Second); at.Before(f.now()); at = at.Add(10 * time.Second) {
			list = append(list, f.stats(b, at))
		}
		return nil
	})
	return list, err
}

// CheckHealth implements api.Service.
func (f *Fake) CheckHealth(ctx context.Context, ref string) (r api.HealthResult, err error) {
	err = f.with(ctx, ref, func(b *box) error {
		check := b.detail.HealthCheck
		switch {
		case check == nil:
			return api.Errorf(api.KindInvalid, "container %s has no health check", b.detail.Name).WithRef(b.detail.Name)
		case !b.running():
			return conflict(b, "is not running")
		}
		r = api.HealthResult{Start: f.now(), End: f.now(), Output: "ok"}
		if slices.Contains(check.Test, "false") || slices.Contains(check.Test, "exit 1") {
			r.Code, r.Output = 1, ""
		}
		f.noteHealth(b, &r)
		return nil
	})
	return r, err
}

// noteHealth counts as the real one does; f.mu is held.
func (f *Fake) noteHealth(b *box, r *api.HealthResult) {
	log := b.detail.HealthLog
	before := log.Status
	if r.Code == 0 {
		log.Status, log.Failing = api.HealthHealthy, 0
	} else if log.Failing++; log.Failing >= b.detail.HealthCheck.Retries {
		log.Status = api.HealthUnhealthy
	}
	r.Status = log.Status
	log.Log = append(log.Log[max(0, len(log.Log)-4):], *r)
	b.detail.Health = log.Status
	if log.Status != before {
		f.event("container", "health_status: "+log.Status, b.detail.ID, b.detail.Name)
	}
}

// beginHealth is a container's health when it starts; f.mu is held.
func beginHealth(b *box) {
	b.detail.Health, b.detail.HealthLog = "", nil
	if b.detail.HealthCheck != nil {
		b.detail.Health = api.HealthStarting
		b.detail.HealthLog = &api.Health{Status: api.HealthStarting, Log: []api.HealthResult{}}
	}
}

// healthOf is what a spec asks for.
func healthOf(spec api.RunSpec) *api.HealthCheck {
	if spec.HealthCheck == nil || spec.HealthCheck.None || len(spec.HealthCheck.Test) < 2 {
		return nil
	}
	h := *spec.HealthCheck
	if h.Retries == 0 {
		h.Retries = 3
	}
	return &h
}

// WaitUntil implements api.Service.
func (f *Fake) WaitUntil(ctx context.Context, ref string, conditions []api.Condition) (e api.Exit, err error) {
	if len(conditions) == 0 {
		conditions = []api.Condition{api.WaitNotRunning}
	}
	for _, c := range conditions {
		if !slices.Contains([]api.Condition{
			api.WaitNotRunning, api.WaitNextExit, api.WaitRemoved, api.WaitRunning, api.WaitPaused, api.WaitHealthy, api.WaitUnhealthy,
		}, c) {
			return e, api.Errorf(api.KindInvalid, "there is no condition %q", string(c)).WithRef(string(c))
		}
	}
	var it *box
	var finished time.Time
	if err := f.with(ctx, ref, func(b *box) error { it, finished = b, b.detail.Finished; return nil }); err != nil {
		return e, err
	}
	removed := false
	err = f.until(ctx, func() bool {
		d := it.detail
		e, removed = api.Exit{Code: d.ExitCode, Reason: d.Reason}, it.removed
		return removed || slices.ContainsFunc(conditions, func(c api.Condition) bool {
			switch c {
			case api.WaitNotRunning:
				return !it.running()
			case api.WaitNextExit:
				return !it.running() && !d.Finished.Equal(finished)
			case api.WaitRunning:
				return d.State == api.StateRunning
			case api.WaitPaused:
				return d.State == api.StatePaused
			case api.WaitHealthy, api.WaitUnhealthy:
				return d.Health == string(c)
			}
			return false
		})
	})
	if err == nil && removed && !slices.Contains(conditions, api.WaitRemoved) && !slices.Contains(conditions, api.WaitNotRunning) {
		err = api.Errorf(api.KindNotFound, "container %s was removed", ref).WithRef(ref)
	}
	return e, err
}

// PastEvents implements api.Service.
func (f *Fake) PastEvents(ctx context.Context, q api.EventQuery) ([]api.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	list := []api.Event{}
	for _, e := range f.events {
		if e.Type != "operation" && !e.Time.Before(q.Since) && (q.Until.IsZero() || !e.Time.After(q.Until)) {
			list = append(list, e)
		}
	}
	return list, nil
}

// Resume implements api.Service.
func (f *Fake) Resume(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.enter(ctx)
}

// Autostart implements api.Service.
func (f *Fake) Autostart(ctx context.Context) (api.Autostart, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Autostart{}, err
	}
	return api.Autostart{
		Enabled: f.autostart, Method: "systemd", File: "/home/ada/.config/systemd/user/davit.service", Linger: true,
		Logout:   "Containers go on when you log out.",
		Verified: []string{"systemd runs a manager for you", "lingering is on"},
	}, nil
}

// SetAutostart implements api.Service.
func (f *Fake) SetAutostart(ctx context.Context, on bool) (api.Autostart, error) {
	f.mu.Lock()
	if f.enter(ctx) == nil {
		f.autostart = on
	}
	f.mu.Unlock()
	return f.Autostart(ctx)
}
