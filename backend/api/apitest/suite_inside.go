package apitest

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"davit/backend/api"
)

func testInside(s *suite) {
	list, err := s.Service.ImageFiles(s.ctx(), api.FileQuery{Ref: s.Image})
	s.ok(err)
	if !slices.ContainsFunc(list.Files, func(f api.File) bool { return f.Path == "/etc" && f.Dir && strings.HasPrefix(f.Mode, "d") }) ||
		slices.ContainsFunc(list.Files, func(f api.File) bool { return f.Path == "/etc/passwd" }) {
		s.Errorf("the root has %+v", list.Files)
	}
	list, err = s.Service.ImageFiles(s.ctx(), api.FileQuery{Ref: s.Image, Match: "passwd"})
	s.ok(err)
	if !slices.ContainsFunc(list.Files, func(f api.File) bool { return f.Path == "/etc/passwd" && f.Size > 0 && f.Layer == 1 }) {
		s.Errorf("found %+v", list.Files)
	}
	var text bytes.Buffer
	s.ok(s.Service.ImageFile(s.ctx(), api.FileRef{Ref: s.Image, Path: "/etc/passwd"}, &text))
	if !strings.HasPrefix(text.String(), "root:x:0:") {
		s.Errorf("/etc/passwd is %q", text.String())
	}
	changes, err := s.Service.LayerChanges(s.ctx(), s.Image, 1)
	s.ok(err)
	if !slices.ContainsFunc(changes, func(c api.Change) bool { return c.Kind == api.ChangeAdded && strings.HasPrefix(c.Path, "/bin/") }) {
		s.Errorf("layer 1 does %+v", changes)
	}
	w, err := s.Service.Waste(s.ctx(), s.Image)
	s.ok(err)
	if w.Total <= 0 || w.Efficiency <= 0 || w.Efficiency > 1 {
		s.Errorf("%+v", w)
	}
	_, err = s.Service.ImageFiles(s.ctx(), api.FileQuery{Ref: s.Image, Layer: 99})
	s.want(api.KindInvalid, err)
	_, err = s.Service.LayerChanges(s.ctx(), s.Image, 0)
	s.want(api.KindInvalid, err)
	_, err = s.Service.ImageFiles(s.ctx(), api.FileQuery{Ref: s.Image, Path: "/no/such"})
	s.want(api.KindNotFound, err)
	s.want(api.KindNotFound, s.Service.ImageFile(s.ctx(), api.FileRef{Ref: s.Image, Path: "/no/such"}, &text))
	s.want(api.KindInvalid, s.Service.ImageFile(s.ctx(), api.FileRef{Ref: s.Image, Path: "/etc"}, &text))
	_, err = s.Service.Waste(s.ctx(), "localhost/suite/absent")
	s.want(api.KindNotFound, err)
}

func testCompare(s *suite) {
	same, err := s.Service.CompareImages(s.ctx(), s.Image, s.Image)
	s.ok(err)
	if len(same.Config)+len(same.Changes) != 0 || same.Shared == 0 {
		s.Errorf("an image differs from itself: %+v", same)
	}
	tag := "localhost/suite/" + name() + ":other"
	_, err = s.Service.Import(s.ctx(), api.ImportSpec{Name: tag, Changes: []string{"CMD [\"/hello\"]"}}, rootfs(s))
	s.ok(err)
	other, err := s.Service.CompareImages(s.ctx(), s.Image, tag)
	s.ok(err)
	if len(other.Config) == 0 || len(other.Changes) == 0 || other.Shared != 0 {
		s.Errorf("%+v", other)
	}
	_, err = s.Service.RemoveImage(s.ctx(), tag, api.RemoveImageOptions{})
	s.ok(err)
}

func testRepository(s *suite) {
	if s.TagsOf == "" {
		s.Fatal("Setup.TagsOf is missing, and Without does not say why")
	}
	r, err := s.Service.Repository(s.ctx(), s.TagsOf)
	s.ok(err)
	if r.Name != s.TagsOf || len(r.Tags) == 0 || r.LatestIs == nil {
		s.Errorf("%+v", r)
	}
	m, err := s.Service.Manifest(s.ctx(), s.TagsOf, api.RegistryAccess{})
	s.ok(err)
	if !strings.HasPrefix(m.Digest, "sha256:") || len(m.Images) == 0 || m.Raw == "" || m.Size != int64(len(m.Raw)) || m.Images[0].Platform == "" {
		s.Errorf("%+v", m)
	}
	_, err = s.Service.Manifest(s.ctx(), "Not A Name", api.RegistryAccess{})
	s.want(api.KindInvalid, err)
}

func testSetRegistry(s *suite) {
	host := strings.ReplaceAll(name(), "_", "-") + ".example:5000"
	has := func() *api.Registry {
		all, err := s.Service.Registries(s.ctx())
		s.ok(err)
		if i := slices.IndexFunc(all, func(r api.Registry) bool { return r.Host == host }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	s.ok(s.Service.SetRegistry(s.ctx(), api.RegistrySpec{Host: host, Insecure: true, Mirrors: []string{"mirror.example:5000"}}))
	if r := has(); r == nil || !r.Insecure || !slices.Equal(r.Mirrors, []string{"mirror.example:5000"}) {
		s.Errorf("added %+v", r)
	}
	s.ok(s.Service.SetRegistry(s.ctx(), api.RegistrySpec{Host: host, Blocked: true}))
	if r := has(); r == nil || r.Insecure || !r.Blocked || len(r.Mirrors) != 0 {
		s.Errorf("changed %+v", r)
	}
	s.ok(s.Service.RemoveRegistry(s.ctx(), host))
	if r := has(); r != nil {
		s.Errorf("still there: %+v", r)
	}
	s.want(api.KindNotFound, s.Service.RemoveRegistry(s.ctx(), host))
	s.want(api.KindInvalid, s.Service.SetRegistry(s.ctx(), api.RegistrySpec{Host: "no host"}))
}

func testPauseOperation(s *suite) {
	if why, ok := s.Without["Pull"]; ok {
		s.Skip(why)
	}
	o := s.pull(s.PullRef)
	s.Cleanup(func() { _, _ = s.Service.RemoveImage(context.Background(), s.PullRef, api.RemoveImageOptions{}) })
	if err := s.Service.PauseOperation(s.ctx(), o.ID); err == nil {
		s.until("it stands still", func() bool {
			got, err := s.Service.Operation(s.ctx(), o.ID)
			return err == nil && got.State != api.OperationRunning
		})
		got, err := s.Service.Operation(s.ctx(), o.ID)
		s.ok(err)
		if got.State == api.OperationPaused {
			s.ok(s.Service.ResumeOperation(s.ctx(), o.ID))
		}
	} else {
		s.want(api.KindConflict, err) // it was faster than us
	}
	all := s.watch(o.ID)
	if last := all[len(all)-1]; last.State != api.OperationDone {
		s.Errorf("ended as %+v (%v)", last, last.Error)
	}
	s.want(api.KindConflict, s.Service.PauseOperation(s.ctx(), o.ID))
	s.want(api.KindNotFound, s.Service.ResumeOperation(s.ctx(), "absent"))
	_, err := s.Service.RemoveImage(s.ctx(), s.PullRef, api.RemoveImageOptions{})
	s.ok(err)
}
