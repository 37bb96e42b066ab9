package apitest

import (
	"context"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

func testCreate(s *suite) {
	want := name()
	made := s.sh("echo hi", func(r *api.RunSpec) {
		r.Name, r.Env, r.Labels = want, []string{"A=1", "EMPTY="}, map[string]string{"suite": want}
		r.Ports = []api.Port{{ContainerPort: 8080}}
	})
	if len(made.ID) != 64 || strings.Trim(made.ID, "0123456789abcdef") != "" || made.Name != want {
		s.Errorf("made %+v", made)
	}
	if len(made.Ports) != 1 || made.Ports[0].HostPort == 0 || made.Ports[0].ContainerPort != 8080 {
		s.Errorf("ports %+v: a free one should have been chosen", made.Ports)
	}
	for _, ref := range []string{made.ID, want, made.ID[:12]} {
		d := s.state(ref, api.StateCreated)
		if d.ID != made.ID || d.Name != want || d.Labels["suite"] != want {
			s.Errorf("%s is %+v", ref, d)
		}
		if !slices.Equal(d.Args, []string{"sh", "-c", "echo hi"}) || !slices.Contains(d.Env, "A=1") || !slices.Contains(d.Env, "EMPTY=") {
			s.Errorf("args %q, env %q", d.Args, d.Env)
		}
		if !strings.HasPrefix(d.ImageID, "sha256:") || d.Image == "" || d.Created.IsZero() || d.PID != 0 {
			s.Errorf("image %q %q, created %s, pid %d", d.ImageID, d.Image, d.Created, d.PID)
		}
		if d.Spec.Name != want || !slices.Equal(d.Spec.Env, []string{"A=1", "EMPTY="}) {
			s.Errorf("spec %+v is not what was asked for", d.Spec)
		}
	}
	other, err := s.Service.Create(s.ctx(), api.RunSpec{Image: s.Image, Command: []string{"true"}})
	s.ok(err)
	s.gone(other.ID)
	if other.Name == "" {
		s.Error("no name was made up")
	}
}

// rangedPort is one of the first of a range in which enough are free.
var rangedPort = api.Port{HostFirst: 11000, HostLast: 14999, ContainerPort: 80, Protocol: "udp"}

func testPortOfARange(s *suite) {
	inRange := func(p api.Port) bool { return rangedPort.HostFirst <= p.HostPort && p.HostPort <= rangedPort.HostLast }
	var chosen []uint16
	for range 2 {
		c := s.sh("sleep 100", func(r *api.RunSpec) { r.Ports = []api.Port{rangedPort, {ContainerPort: 81}} })
		s.start(c.ID)
		d := s.state(c.ID, api.StateRunning)
		if len(d.Ports) != 2 || !inRange(d.Ports[0]) || d.Ports[0].HostLast != rangedPort.HostLast || d.Ports[1].Ranged() {
			s.Fatalf("asked for %+v, got %+v", rangedPort, d.Ports)
		}
		if len(d.Spec.Ports) != 2 || d.Spec.Ports[0].HostPort != 0 || d.Spec.Ports[0].HostFirst != rangedPort.HostFirst {
			s.Errorf("the spec has %+v", d.Spec.Ports)
		}
		now, err := s.Service.Publish(s.ctx(), c.ID, api.PortChange{Add: []api.Port{{HostFirst: 11000, HostLast: 14999, ContainerPort: 82}}})
		s.ok(err)
		if len(now) != 3 || !inRange(now[2]) {
			s.Errorf("published %+v", now)
		}
		chosen = append(chosen, d.Ports[0].HostPort)
	}
	if chosen[0] == chosen[1] {
		s.Errorf("two containers have port %d", chosen[0])
	}
}

func testCreateRefuses(s *suite) {
	taken := s.sh("true")
	for _, c := range []struct {
		why  string
		kind api.Kind
		spec api.RunSpec
	}{
		{"name taken", api.KindConflict, api.RunSpec{Image: s.Image, Name: taken.Name, Command: []string{"true"}}},
		{"bad name", api.KindInvalid, api.RunSpec{Image: s.Image, Name: "../x", Command: []string{"true"}}},
		{"no image", api.KindInvalid, api.RunSpec{Command: []string{"true"}}},
		{"image not a name", api.KindInvalid, api.RunSpec{Image: "Not A Name", Command: []string{"true"}}},
		{"bad environment", api.KindInvalid, api.RunSpec{Image: s.Image, Env: []string{"=x"}, Command: []string{"true"}}},
		{"range backwards", api.KindInvalid, api.RunSpec{Image: s.Image, Ports: []api.Port{{ContainerPort: 80, HostFirst: 81, HostLast: 80}}, Command: []string{"true"}}},
		{"port without container port", api.KindInvalid, api.RunSpec{Image: s.Image, Ports: []api.Port{{HostPort: 8080}}, Command: []string{"true"}}},
	} {
		made, err := s.Service.Create(s.ctx(), c.spec)
		if err == nil {
			s.gone(made.ID)
			s.Errorf("%s: was created", c.why)
			continue
		}
		s.Log(c.why, "→", err)
		s.want(c.kind, err)
	}
	_, err := s.Service.Create(s.ctx(), api.RunSpec{Image: "localhost/suite/absent", Command: []string{"true"}})
	if e := s.want(api.KindNotFound, err); e.Ref != "localhost/suite/absent:latest" {
		s.Errorf("ref %q, want the full name of the image that is absent", e.Ref)
	}
}

func testNotFound(s *suite) {
	v, none := s.Service, name()
	calls := map[string]func(context.Context) error{
		"Container": func(c context.Context) error { _, err := v.Container(c, none); return err },
		"Start":     func(c context.Context) error { return v.Start(c, none) },
		"Stop":      func(c context.Context) error { return v.Stop(c, none, api.StopOptions{}) },
		"Restart":   func(c context.Context) error { return v.Restart(c, none, api.StopOptions{}) },
		"Kill":      func(c context.Context) error { return v.Kill(c, none, "KILL") },
		"Remove":    func(c context.Context) error { return v.Remove(c, none, api.RemoveOptions{Force: true}) },
		"Wait":      func(c context.Context) error { _, err := v.Wait(c, none); return err },
		"Logs": func(c context.Context) error {
			return v.Logs(c, none, api.LogQuery{Follow: true}, func(api.LogLine) error { return nil })
		},
		"Attach": func(c context.Context) error { _, err := v.Attach(c, none, api.AttachOptions{}); return err },
		"Exec": func(c context.Context) error {
			_, err := v.Exec(c, none, api.ExecSpec{Args: []string{"true"}})
			return err
		},
		"Image":           func(c context.Context) error { _, err := v.Image(c, "localhost/"+none); return err },
		"Tag":             func(c context.Context) error { return v.Tag(c, "localhost/"+none, "localhost/x") },
		"Operation":       func(c context.Context) error { _, err := v.Operation(c, none); return err },
		"CancelOperation": func(c context.Context) error { return v.CancelOperation(c, none) },
		"WatchOperation": func(c context.Context) error {
			return v.WatchOperation(c, none, func(api.Operation) error { return nil })
		},
		"RemoveImage": func(c context.Context) error {
			_, err := v.RemoveImage(c, "localhost/"+none, api.RemoveImageOptions{Force: true})
			return err
		},
		"Logout": func(c context.Context) error { return v.Logout(c, none+".example.org") },
	}
	for verb, call := range calls {
		s.Log(verb)
		e := s.want(api.KindNotFound, call(s.ctx()))
		if !strings.Contains(e.Ref+e.Msg, none) {
			s.Errorf("%s: %+v does not say what was not found", verb, e)
		}
	}
	_, err := v.Container(s.ctx(), "")
	if k := api.KindOf(err); k != api.KindNotFound && k != api.KindInvalid {
		s.Errorf("container \"\": %v", err)
	}
}

// Seventeen ids cannot all begin with another hex digit.
func testShortIDs(s *suite) {
	first := map[byte]string{}
	for range 17 {
		id := s.sh("true").ID
		if _, twice := first[id[0]]; twice {
			_, err := s.Service.Container(s.ctx(), id[:1])
			s.want(api.KindConflict, err)
			s.want(api.KindConflict, s.Service.Start(s.ctx(), id[:1]))
			if d := s.inspect(id[:20]); d.ID != id {
				s.Errorf("%s is %s", id[:20], d.ID)
			}
			return
		}
		first[id[0]] = id
	}
	s.Fatal("seventeen containers without a pair")
}

func testList(s *suite) {
	label := "suite=" + name()
	k, v, _ := strings.Cut(label, "=")
	labelled := func(r *api.RunSpec) { r.Labels = map[string]string{k: v} }
	created := s.sh("true", labelled)
	exited, _ := s.run("exit 3", labelled)
	running := s.sh("sleep 100", labelled)
	s.start(running.ID)
	for _, c := range []struct {
		why    string
		filter api.ContainerFilter
		want   []string
	}{
		{"running only", api.ContainerFilter{}, []string{running.ID}},
		{"all, newest first", api.ContainerFilter{All: true}, []string{running.ID, exited.ID, created.ID}},
		{"last", api.ContainerFilter{Last: 2}, []string{running.ID, exited.ID}},
		{"status", api.ContainerFilter{Filters: map[string][]string{"status": {"created", "exited"}}}, []string{exited.ID, created.ID}},
		{"name", api.ContainerFilter{All: true, Filters: map[string][]string{"name": {created.Name}}}, []string{created.ID}},
		{"id", api.ContainerFilter{All: true, Filters: map[string][]string{"id": {exited.ID[:12]}}}, []string{exited.ID}},
		{"exited", api.ContainerFilter{All: true, Filters: map[string][]string{"exited": {"3"}}}, []string{exited.ID}},
	} {
		if c.filter.Filters == nil {
			c.filter.Filters = map[string][]string{}
		}
		c.filter.Filters["label"] = []string{label}
		list, err := s.Service.Containers(s.ctx(), c.filter)
		s.ok(err)
		var got []string
		for _, x := range list {
			got = append(got, x.ID)
		}
		if !slices.Equal(got, c.want) {
			s.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
	_, err := s.Service.Containers(s.ctx(), api.ContainerFilter{Filters: map[string][]string{"nonsense": {"1"}}})
	s.want(api.KindInvalid, err)
}

func testExitCode(s *suite) {
	for script, code := range map[string]int{"exit 0": 0, "exit 3": 3, "false": 1} {
		c, e := s.run(script)
		if e.Code != code || (code == 0) != (e.Reason == "") {
			s.Errorf("%s: %+v, want code %d and a reason for it", script, e, code)
		}
		d := s.state(c.ID, api.StateExited)
		if d.ExitCode != code || d.Finished.IsZero() || d.Started.IsZero() || d.PID != 0 {
			s.Errorf("%s: %+v", script, d.Container)
		}
		if again := s.wait(c.ID); again != e {
			s.Errorf("waiting again: %+v, then %+v", e, again)
		}
	}
}

func testStartRefuses(s *suite) {
	for command, code := range map[string]int{"/no/such/command": 127, "/etc": 126} {
		c := s.sh("", func(r *api.RunSpec) { r.Command = []string{command} })
		e := s.want(api.KindStart, s.Service.Start(s.ctx(), c.ID))
		if e.ExitCode != code {
			s.Errorf("%s: exit code %d, want %d", command, e.ExitCode, code)
		}
		if d := s.inspect(c.ID); d.State == api.StateRunning || d.PID != 0 {
			s.Errorf("%s: %+v", command, d.Container)
		}
	}
}

func testStartTwice(s *suite) {
	c := s.sh("echo began; sleep 100")
	s.start(c.ID)
	before := s.state(c.ID, api.StateRunning)
	s.start(c.ID)
	if after := s.inspect(c.ID); after.PID != before.PID || before.PID == 0 || !after.Started.Equal(before.Started) {
		s.Errorf("starting a running one changed it: %+v, then %+v", before.Container, after.Container)
	}
	done, _ := s.run("echo again")
	s.start(done.ID)
	s.wait(done.ID)
	if got := texts(s.logs(done.ID, api.LogQuery{})); got != "stdout:again\nstdout:again\n" {
		s.Errorf("log after two starts: %q", got)
	}
}

const trapping = "trap 'echo bye; exit 7' TERM; echo ready; while true; do sleep 0.05; done"

func testStop(s *suite) {
	c := s.sh(trapping)
	s.ok(s.Service.Stop(s.ctx(), c.ID, api.StopOptions{})) // created: nothing to do
	s.start(c.ID)
	s.said(c.ID, "ready")
	s.ok(s.Service.Stop(s.ctx(), c.ID, api.StopOptions{}))
	if d := s.state(c.ID, api.StateExited); d.ExitCode != 7 {
		s.Errorf("exit code %d, want its trap's 7", d.ExitCode)
	}
	s.ok(s.Service.Stop(s.ctx(), c.ID, api.StopOptions{}))
	if got := texts(s.logs(c.ID, api.LogQuery{})); got != "stdout:ready\nstdout:bye\n" {
		s.Errorf("log %q", got)
	}
}

func testStopKills(s *suite) {
	c := s.sh("trap '' TERM; echo ready; while true; do sleep 0.05; done")
	s.start(c.ID)
	s.said(c.ID, "ready")
	begin := time.Now()
	s.ok(s.Service.Stop(s.ctx(), c.ID, api.StopOptions{Timeout: number(1)}))
	if took := time.Since(begin); took < 900*time.Millisecond || took > 8*time.Second {
		s.Errorf("took %s with a grace of 1 s", took)
	}
	if d := s.state(c.ID, api.StateExited); d.ExitCode != 137 || d.Reason == "" {
		s.Errorf("exit %d %q, want 137 and why", d.ExitCode, d.Reason)
	}
}

func testRestart(s *suite) {
	c := s.sh(trapping)
	s.ok(s.Service.Restart(s.ctx(), c.ID, api.StopOptions{})) // not running: starts
	s.said(c.ID, "ready")
	before := s.state(c.ID, api.StateRunning)
	s.ok(s.Service.Restart(s.ctx(), c.ID, api.StopOptions{}))
	if after := s.state(c.ID, api.StateRunning); after.PID == before.PID {
		s.Errorf("still pid %d", after.PID)
	}
}

func testKill(s *suite) {
	c := s.sh(trapping)
	s.want(api.KindConflict, s.Service.Kill(s.ctx(), c.ID, "KILL"))
	s.start(c.ID)
	s.said(c.ID, "ready")
	s.want(api.KindInvalid, s.Service.Kill(s.ctx(), c.ID, "NONSENSE"))
	s.ok(s.Service.Kill(s.ctx(), c.ID, "sigterm"))
	if e := s.wait(c.ID); e.Code != 7 {
		s.Errorf("%+v, want its trap's 7", e)
	}
	s.start(c.ID)
	s.ok(s.Service.Kill(s.ctx(), c.ID, "9"))
	if e := s.wait(c.ID); e.Code != 137 {
		s.Errorf("%+v, want 137", e)
	}
}

func testRemove(s *suite) {
	c := s.sh("sleep 100")
	s.start(c.ID)
	s.want(api.KindConflict, s.Service.Remove(s.ctx(), c.ID, api.RemoveOptions{}))
	s.state(c.ID, api.StateRunning)
	s.ok(s.Service.Remove(s.ctx(), c.ID, api.RemoveOptions{Force: true}))
	_, err := s.Service.Container(s.ctx(), c.ID)
	s.want(api.KindNotFound, err)
	again := s.sh("true", func(r *api.RunSpec) { r.Name = c.Name })
	s.ok(s.Service.Remove(s.ctx(), again.Name, api.RemoveOptions{}))
}

func testAutoRemove(s *suite) {
	c := s.sh("sleep 0.3; exit 4", func(r *api.RunSpec) { r.AutoRemove = true })
	s.start(c.ID)
	if e := s.wait(c.ID); e.Code != 4 {
		s.Errorf("%+v, want 4", e)
	}
	s.until("it is gone", func() bool {
		_, err := s.Service.Container(s.ctx(), c.ID)
		return api.KindOf(err) == api.KindNotFound
	})
}

func testWaitCancelled(s *suite) {
	c := s.sh("sleep 100")
	s.start(c.ID)
	ctx, cancel := context.WithTimeout(s.ctx(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Service.Wait(ctx, c.ID)
	s.want(api.KindCancelled, err)
	s.state(c.ID, api.StateRunning)
}
