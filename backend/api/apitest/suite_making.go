package apitest

import (
	"bytes"
	"slices"
	"strings"

	"davit/backend/api"
)

func testVolumes(s *suite) {
	v, err := s.Service.CreateVolume(s.ctx(), api.VolumeSpec{Name: name(), Labels: map[string]string{"a": "b"}})
	s.ok(err)
	s.Cleanup(func() { _ = s.Service.RemoveVolume(s.Context(), v.Name, api.RemoveOptions{Force: true}) })
	again, err := s.Service.CreateVolume(s.ctx(), api.VolumeSpec{Name: v.Name})
	s.ok(err)
	if again.Labels["a"] != "b" || again.Driver != "local" || again.Mountpoint == "" {
		s.Errorf("%+v", again)
	}
	_, err = s.Service.CreateVolume(s.ctx(), api.VolumeSpec{Name: "../x"})
	s.want(api.KindInvalid, err)
	c := s.sh("sleep 100", func(r *api.RunSpec) {
		r.Mounts = []api.Mount{{Type: api.MountVolume, Source: v.Name, Target: "/data"}, {Type: api.MountVolume, Target: "/anon"}}
	})
	s.want(api.KindConflict, s.Service.RemoveVolume(s.ctx(), v.Name, api.RemoveOptions{}))
	got, err := s.Service.Volume(s.ctx(), v.Name)
	s.ok(err)
	if len(got.UsedBy) != 1 || got.UsedBy[0].ID != c.ID || got.UsedBy[0].Target != "/data" || got.Size == nil {
		s.Errorf("%+v", got)
	}
	d := s.inspect(c.ID)
	i := slices.IndexFunc(d.Mounts, func(m api.Mount) bool { return m.Target == "/anon" })
	if i < 0 || d.Mounts[i].Source == "" {
		s.Fatalf("%+v", d.Mounts)
	}
	_, err = s.Service.ImportVolume(s.ctx(), v.Name, rootfs(s))
	s.ok(err)
	_, err = s.Service.ImportVolume(s.ctx(), v.Name, strings.NewReader("no tar"))
	s.want(api.KindCorrupt, err)
	copied, err := s.Service.CloneVolume(s.ctx(), v.Name, api.VolumeSpec{Name: name()})
	s.ok(err)
	var tar bytes.Buffer
	s.ok(s.Service.ExportVolume(s.ctx(), copied.Name, &tar))
	if !bytes.Contains(tar.Bytes(), []byte("hi\n")) {
		s.Error("the clone has not what was imported")
	}
	_, err = s.Service.CloneVolume(s.ctx(), v.Name, api.VolumeSpec{Name: copied.Name})
	s.want(api.KindConflict, err)
	emptied, err := s.Service.EmptyVolume(s.ctx(), copied.Name)
	s.ok(err)
	if emptied.Files == nil || *emptied.Files != 0 {
		s.Errorf("%+v", emptied)
	}
	s.ok(s.Service.RemoveVolume(s.ctx(), copied.Name, api.RemoveOptions{}))
	s.want(api.KindNotFound, s.Service.RemoveVolume(s.ctx(), copied.Name, api.RemoveOptions{}))
	s.ok(s.Service.RemoveVolume(s.ctx(), copied.Name, api.RemoveOptions{Force: true}))
	_, err = s.Service.Volumes(s.ctx(), api.VolumeFilter{Filters: map[string][]string{"colour": {"red"}}})
	s.want(api.KindInvalid, err)
}

func testSecrets(s *suite) {
	made, err := s.Service.CreateSecret(s.ctx(), api.SecretSpec{Name: name()}, strings.NewReader("hidden"))
	s.ok(err)
	s.Cleanup(func() { _ = s.Service.RemoveSecret(s.Context(), made.Name) })
	if made.Size != 6 || made.ID == "" {
		s.Errorf("%+v", made)
	}
	_, err = s.Service.CreateSecret(s.ctx(), api.SecretSpec{Name: made.Name}, strings.NewReader("x"))
	s.want(api.KindConflict, err)
	_, err = s.Service.CreateSecret(s.ctx(), api.SecretSpec{Name: made.Name, Replace: true}, strings.NewReader("other"))
	s.ok(err)
	_, err = s.Service.CreateSecret(s.ctx(), api.SecretSpec{Name: "a/b"}, strings.NewReader("x"))
	s.want(api.KindInvalid, err)
	_, err = s.Service.CreateSecret(s.ctx(), api.SecretSpec{Name: name()}, strings.NewReader(""))
	s.want(api.KindInvalid, err)
	c := s.sh("true", func(r *api.RunSpec) { r.Secrets = []api.SecretUse{{Source: made.Name}} })
	got, err := s.Service.Secret(s.ctx(), made.ID)
	s.ok(err)
	if got.Size != 5 || !slices.Contains(got.UsedBy, c.Name) {
		s.Errorf("%+v", got)
	}
	s.ok(s.Service.RemoveSecret(s.ctx(), made.Name))
	_, err = s.Service.Secret(s.ctx(), made.Name)
	s.want(api.KindNotFound, err)
}

func testCheckSpec(s *suite) {
	c, err := s.Service.CheckSpec(s.ctx(), api.RunSpec{
		Image: s.Image, Name: "no way", Env: []string{"A=1", "B"}, Ports: []api.Port{{ContainerPort: 80}, {HostPort: 5}}, Sysctls: map[string]string{"kernel.hostname": "x"},
	})
	s.ok(err)
	var fields []string
	for _, p := range c.Problems {
		fields = append(fields, p.Field)
	}
	if want := []string{"name", "env[1]", "ports[1].containerPort", "sysctls.kernel.hostname"}; !slices.Equal(fields, want) {
		s.Errorf("%q, want %q", fields, want)
	}
	_, err = s.Service.Create(s.ctx(), api.RunSpec{Image: s.Image, Name: "no way"})
	if e := s.want(api.KindInvalid, err); len(c.Problems) > 0 && e.Msg != c.Problems[0].Msg {
		s.Errorf("%q and %q", e.Msg, c.Problems[0].Msg)
	}
	p, err := s.Service.ParseRun(s.ctx(), "docker run --gpus all -p 8080:80 nginx")
	s.ok(err)
	if len(p.Specs) != 1 || p.Specs[0].Spec.Ports[0].HostPort != 8080 || !slices.Equal(p.Specs[0].Unknown, []string{"--gpus all"}) {
		s.Errorf("%+v", p)
	}
	_, err = s.Service.ParseRun(s.ctx(), "'")
	s.want(api.KindInvalid, err)
	for _, form := range []api.SpecForm{api.FormRun, api.FormCompose, api.FormQuadlet, api.FormKube} {
		r, err := s.Service.RenderSpec(s.ctx(), p.Specs[0].Spec, form)
		s.ok(err)
		if !strings.Contains(r.Text, "nginx") || r.File == "" {
			s.Errorf("%s: %+v", form, r)
		}
	}
}

func testEdit(s *suite) {
	c := s.sh("echo now; sleep 100")
	s.start(c.ID)
	d := s.inspect(c.ID)
	edit := api.Edit{Ref: c.ID, Version: d.Version, Spec: d.Spec}
	edit.Spec.Env = []string{"A=1"}
	p, err := s.Service.PlanEdit(s.ctx(), edit)
	s.ok(err)
	if !p.Recreate || !p.Restart || len(p.Changes) != 1 || p.Changes[0].To != "A=1" {
		s.Errorf("%+v", p)
	}
	s.ok(s.Service.Update(s.ctx(), c.ID, api.Update{Restart: "on-failure:1"}))
	_, err = s.Service.ApplyEdit(s.ctx(), edit)
	s.want(api.KindConflict, err) // somebody else was first
	s.ok(s.Service.Update(s.ctx(), c.ID, api.Update{Restart: "no"}))
	d = s.inspect(c.ID)
	edit.Version = d.Version
	done, err := s.Service.ApplyEdit(s.ctx(), edit)
	s.ok(err)
	s.gone(done.ID)
	if done.ID == c.ID || done.Name != c.Name || !done.Recreated || !done.Undo {
		s.Errorf("%+v", done)
	}
	if now := s.state(c.Name, api.StateRunning); now.ID != done.ID || !slices.Contains(now.Env, "A=1") {
		s.Errorf("%s has %q", now.ID, now.Env)
	}
	back, err := s.Service.UndoEdit(s.ctx(), c.Name)
	s.ok(err)
	if back.ID != c.ID {
		s.Errorf("%+v", back)
	}
	s.state(c.Name, api.StateRunning)
	_, err = s.Service.UndoEdit(s.ctx(), c.Name)
	s.want(api.KindNotFound, err)
	twin, err := s.Service.Duplicate(s.ctx(), c.Name)
	s.ok(err)
	if twin.Name != "" || !slices.Equal(twin.Command, d.Spec.Command) {
		s.Errorf("%+v", twin)
	}
}

func testSnapshots(s *suite) {
	c := s.sh("true")
	made, err := s.Service.TakeSnapshot(s.ctx(), api.SnapshotSpec{Ref: c.ID, Name: "one"})
	s.ok(err)
	all, err := s.Service.Snapshots(s.ctx(), c.ID)
	s.ok(err)
	if len(all) != 1 || all[0].ID != made.ID || all[0].Name != "one" {
		s.Errorf("%+v", all)
	}
	before, err := s.Service.RestoreSnapshot(s.ctx(), c.ID, "one")
	s.ok(err)
	if all, err = s.Service.Snapshots(s.ctx(), c.ID); err != nil || len(all) != 2 || all[0].ID != before.ID {
		s.Errorf("%+v %v", all, err)
	}
	s.ok(s.Service.RemoveSnapshot(s.ctx(), c.ID, made.ID))
	s.want(api.KindNotFound, s.Service.RemoveSnapshot(s.ctx(), c.ID, made.ID))
}
