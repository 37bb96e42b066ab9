package apitest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

func testPause(s *suite) {
	c := s.sh("echo ready; while true; do echo tick; sleep 0.05; done")
	s.want(api.KindConflict, s.Service.Pause(s.ctx(), c.ID))
	s.start(c.ID)
	s.said(c.ID, "tick")
	s.want(api.KindConflict, s.Service.Unpause(s.ctx(), c.ID))
	s.ok(s.Service.Pause(s.ctx(), c.ID))
	s.state(c.ID, api.StatePaused)
	s.want(api.KindConflict, s.Service.Pause(s.ctx(), c.ID))
	s.want(api.KindConflict, s.Service.Start(s.ctx(), c.ID))
	_, err := s.Service.Exec(s.ctx(), c.ID, api.ExecSpec{Args: []string{"true"}})
	s.want(api.KindConflict, err)
	time.Sleep(100 * time.Millisecond) // what was on its way to the log
	before := len(s.logs(c.ID, api.LogQuery{}))
	time.Sleep(200 * time.Millisecond)
	if after := len(s.logs(c.ID, api.LogQuery{})); after != before {
		s.Errorf("%d lines were written while it was paused", after-before)
	}
	s.ok(s.Service.Unpause(s.ctx(), c.ID))
	s.state(c.ID, api.StateRunning)
	s.until("it goes on", func() bool { return len(s.logs(c.ID, api.LogQuery{})) > before })
}

func testPausedEnds(s *suite) {
	paused := func() api.Created {
		c := s.sh(trapping)
		s.start(c.ID)
		s.said(c.ID, "ready")
		s.ok(s.Service.Pause(s.ctx(), c.ID))
		return c
	}
	c := paused()
	s.ok(s.Service.Stop(s.ctx(), c.ID, api.StopOptions{}))
	if d := s.state(c.ID, api.StateExited); d.ExitCode != 7 {
		s.Errorf("stopped: exit code %d, want its trap's 7", d.ExitCode)
	}
	c = paused()
	s.ok(s.Service.Kill(s.ctx(), c.ID, "KILL"))
	if e := s.wait(c.ID); e.Code != 137 {
		s.Errorf("killed: %+v", e)
	}
	c = paused()
	s.want(api.KindConflict, s.Service.Remove(s.ctx(), c.ID, api.RemoveOptions{}))
	s.ok(s.Service.Remove(s.ctx(), c.ID, api.RemoveOptions{Force: true}))
}

func testRename(s *suite) {
	c, other, to := s.sh("sleep 100"), s.sh("true"), name()
	s.start(c.ID)
	s.want(api.KindConflict, s.Service.Rename(s.ctx(), c.ID, other.Name))
	s.want(api.KindConflict, s.Service.Rename(s.ctx(), c.ID, c.Name))
	s.want(api.KindInvalid, s.Service.Rename(s.ctx(), c.ID, "../x"))
	s.want(api.KindInvalid, s.Service.Rename(s.ctx(), c.ID, ""))
	s.ok(s.Service.Rename(s.ctx(), c.Name, to))
	if d := s.state(to, api.StateRunning); d.ID != c.ID || d.Name != to {
		s.Errorf("%s is %s of %s", to, d.Name, d.ID)
	}
	_, err := s.Service.Container(s.ctx(), c.Name)
	s.want(api.KindNotFound, err)
	again := s.sh("true", func(r *api.RunSpec) { r.Name = c.Name })
	if again.Name != c.Name {
		s.Errorf("the old name is %q now", again.Name)
	}
}

func testUpdate(s *suite) {
	c := s.sh("sleep 100")
	s.want(api.KindInvalid, s.Service.Update(s.ctx(), c.ID, api.Update{}))
	s.want(api.KindInvalid, s.Service.Update(s.ctx(), c.ID, api.Update{Restart: "sometimes"}))
	if d := s.inspect(c.ID); d.Restart != "no" {
		s.Errorf("policy %q", d.Restart)
	}
	s.ok(s.Service.Update(s.ctx(), c.ID, api.Update{Restart: "unless-stopped"}))
	s.start(c.ID)
	s.ok(s.Service.Update(s.ctx(), c.ID, api.Update{Restart: "on-failure:2"}))
	if d := s.state(c.ID, api.StateRunning); d.Restart != "on-failure:2" {
		s.Errorf("policy %q", d.Restart)
	}
	// Set and shown, or refused: never ignored.
	err := s.Service.Update(s.ctx(), c.ID, api.Update{Limits: api.Limits{Memory: 64 << 20}})
	if err == nil {
		if d := s.inspect(c.ID); d.Limits.Memory != 64<<20 {
			s.Errorf("limits %+v", d.Limits)
		}
		return
	}
	if e := s.want(api.KindHost, err); e.Hint == "" {
		s.Errorf("%v: no way to mend it", e)
	}
}

func testTop(s *suite) {
	c := s.sh("sleep 100")
	_, err := s.Service.Top(s.ctx(), c.ID)
	s.want(api.KindConflict, err)
	s.start(c.ID)
	list, err := s.Service.Top(s.ctx(), c.ID)
	s.ok(err)
	if len(list) == 0 || list[0].Inside != 1 || list[0].PID == 0 || list[0].Command == "" || list[0].Started.IsZero() {
		s.Errorf("%+v", list)
	}
	s.want(api.KindNotFound, s.Service.SignalProcess(s.ctx(), c.ID, 1, "KILL"))
	s.want(api.KindInvalid, s.Service.SignalProcess(s.ctx(), c.ID, list[0].PID, "NONE"))
	s.ok(s.Service.SignalProcess(s.ctx(), c.ID, list[0].PID, "KILL"))
	if e := s.wait(c.ID); e.Code != 137 {
		s.Errorf("%+v", e)
	}
}

func testStats(s *suite) {
	up, down := s.sh("sleep 100"), s.sh("true")
	s.start(up.ID)
	enough := errors.New("enough")
	rounds := 0
	err := s.Service.Stats(s.ctx(), api.StatsQuery{Refs: []string{up.Name}, Interval: 100 * time.Millisecond}, func(r api.StatsRound) error {
		if len(r.Containers) != 1 || r.Containers[0].ID != up.ID || r.Containers[0].Name != up.Name || !r.Containers[0].Running {
			s.Fatalf("%+v", r)
		}
		c := r.Containers[0]
		if c.Memory <= 0 || c.MemoryLimit <= 0 || c.Pids < 1 || c.Source == "" {
			s.Errorf("%+v", c)
		}
		if rounds++; rounds == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		s.Errorf("%v, want the sink's own error", err)
	}
	s.ok(s.Service.Stats(s.ctx(), api.StatsQuery{Refs: []string{up.ID, down.ID}, Once: true}, func(r api.StatsRound) error {
		if len(r.Containers) != 2 || r.Containers[1].ID != down.ID || r.Containers[1].Running {
			s.Errorf("%+v", r.Containers)
		}
		return nil
	}))
	s.want(api.KindNotFound, s.Service.Stats(s.ctx(), api.StatsQuery{Refs: []string{name()}}, func(api.StatsRound) error { return nil }))
	history, err := s.Service.StatsHistory(s.ctx(), down.ID, time.Time{})
	s.ok(err)
	if len(history) != 0 {
		s.Errorf("%d samples of what never ran", len(history))
	}
}

func testHealth(s *suite) {
	check := func(script string) func(*api.RunSpec) {
		return func(r *api.RunSpec) {
			r.HealthCheck = &api.HealthCheck{Test: []string{"CMD-SHELL", script}, Interval: time.Hour, Retries: 2}
		}
	}
	none := s.sh("sleep 100")
	_, err := s.Service.CheckHealth(s.ctx(), none.ID)
	s.want(api.KindInvalid, err)
	good := s.sh("sleep 100", check("echo fine"))
	_, err = s.Service.CheckHealth(s.ctx(), good.ID)
	s.want(api.KindConflict, err)
	s.start(good.ID)
	if d := s.inspect(good.ID); d.Health != api.HealthStarting || d.HealthCheck == nil {
		s.Errorf("at the start: %q, %+v", d.Health, d.HealthCheck)
	}
	r, err := s.Service.CheckHealth(s.ctx(), good.ID)
	s.ok(err)
	if r.Code != 0 || r.Status != api.HealthHealthy || r.Output == "" {
		s.Errorf("%+v", r)
	}
	if d := s.inspect(good.ID); d.Health != api.HealthHealthy || d.HealthLog == nil || len(d.HealthLog.Log) != 1 {
		s.Errorf("after a check: %q, %+v", d.Health, d.HealthLog)
	}
	bad := s.sh("sleep 100", check("exit 1"))
	s.start(bad.ID)
	for _, want := range []string{api.HealthStarting, api.HealthUnhealthy} {
		r, err := s.Service.CheckHealth(s.ctx(), bad.ID)
		s.ok(err)
		if r.Code != 1 || r.Status != want {
			s.Errorf("%+v, want %s", r, want)
		}
	}
	if d := s.inspect(bad.ID); d.Health != api.HealthUnhealthy || d.HealthLog.Failing != 2 {
		s.Errorf("%q, %+v", d.Health, d.HealthLog)
	}
}

func testWaitUntil(s *suite) {
	c := s.sh("sleep 0.3; exit 5", func(r *api.RunSpec) {
		r.HealthCheck = &api.HealthCheck{Test: []string{"CMD-SHELL", "true"}, Interval: time.Hour}
	})
	_, err := s.Service.WaitUntil(s.ctx(), c.ID, []api.Condition{"tired"})
	s.want(api.KindInvalid, err)
	_, err = s.Service.WaitUntil(s.ctx(), c.ID, nil) // created: it does not run
	s.ok(err)
	s.start(c.ID)
	e, err := s.Service.WaitUntil(s.ctx(), c.ID, []api.Condition{api.WaitNextExit})
	s.ok(err)
	if e.Code != 5 {
		s.Errorf("%+v, want 5", e)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = s.Service.Remove(s.Context(), c.ID, api.RemoveOptions{}) })
	e, err = s.Service.WaitUntil(s.ctx(), c.ID, []api.Condition{api.WaitRemoved})
	s.ok(err)
	if e.Code != 5 {
		s.Errorf("removed: %+v, want 5", e)
	}
}

func testPastEvents(s *suite) {
	began := time.Now().Add(-time.Second)
	c, _ := s.run("exit 6")
	s.ok(s.Service.Remove(s.ctx(), c.ID, api.RemoveOptions{}))
	list, err := s.Service.PastEvents(s.ctx(), api.EventQuery{Since: began})
	s.ok(err)
	var actions []string
	for _, e := range list {
		if e.ID != c.ID {
			continue
		}
		actions = append(actions, e.Action)
		if e.Name != c.Name || e.Time.Before(began) || e.Type != "container" || e.Action == "die" && (e.ExitCode == nil || *e.ExitCode != 6) {
			s.Errorf("%+v", e)
		}
	}
	if want := []string{"create", "start", "die", "destroy"}; !slices.Equal(actions, want) {
		s.Errorf("%s, want %s", strings.Join(actions, ", "), strings.Join(want, ", "))
	}
	old, err := s.Service.PastEvents(s.ctx(), api.EventQuery{Until: began.Add(-time.Hour)})
	s.ok(err)
	if slices.ContainsFunc(old, func(e api.Event) bool { return e.ID == c.ID }) {
		s.Error("an event of today is among those of an hour ago")
	}
}

func testAutostart(s *suite) {
	a, err := s.Service.Autostart(s.ctx())
	s.ok(err)
	if a.Method == "" || a.Logout == "" || len(a.Verified) == 0 || (a.Fix == "") != (a.FixWhy == "") {
		s.Errorf("%+v says not all that it should", a)
	}
}
