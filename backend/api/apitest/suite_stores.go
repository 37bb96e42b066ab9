package apitest

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"davit/backend/api"
)

func testTrash(s *suite) {
	tag := "localhost/suite/" + name() + ":trash"
	i, err := s.Service.Import(s.ctx(), api.ImportSpec{Name: tag}, rootfs(s))
	s.ok(err)
	find := func() *api.TrashedImage {
		all, err := s.Service.Trash(s.ctx())
		s.ok(err)
		if at := slices.IndexFunc(all, func(t api.TrashedImage) bool { return t.ID == i.ID }); at >= 0 {
			return &all[at]
		}
		return nil
	}
	gone, err := s.Service.RemoveImage(s.ctx(), tag, api.RemoveImageOptions{})
	s.ok(err)
	got := find()
	if !gone.InTrash || gone.Trashed <= 0 || gone.Freed != 0 || got == nil || !slices.Contains(got.Names, tag) || got.Freed <= 0 || got.Removed.IsZero() {
		s.Fatalf("removed %+v, in the trash %+v", gone, got)
	}
	_, err = s.Service.Image(s.ctx(), tag)
	s.want(api.KindNotFound, err)

	back, err := s.Service.RestoreImage(s.ctx(), i.ID)
	s.ok(err)
	if back.ID != i.ID || !slices.Contains(back.Names, tag) || find() != nil {
		s.Errorf("restored %+v, in the trash %+v", back, find())
	}
	s.image(tag)

	_, err = s.Service.RemoveImage(s.ctx(), tag, api.RemoveImageOptions{})
	s.ok(err)
	before, err := s.Service.DiskUsage(s.ctx())
	s.ok(err)
	dry, err := s.Service.EmptyTrash(s.ctx(), api.EmptyTrashSpec{IDs: []string{i.ID}, DryRun: true})
	s.ok(err)
	if dry.Freed <= 0 || before.Trash < dry.Freed || find() == nil {
		s.Errorf("emptying would give back %+v of %d", dry, before.Trash)
	}
	did, err := s.Service.EmptyTrash(s.ctx(), api.EmptyTrashSpec{IDs: []string{i.ID}})
	s.ok(err)
	if did.Freed != dry.Freed || len(did.Images) != 1 || find() != nil {
		s.Errorf("emptied %+v, promised %+v", did, dry)
	}
	_, err = s.Service.RestoreImage(s.ctx(), i.ID)
	s.want(api.KindNotFound, err)
	_, err = s.Service.EmptyTrash(s.ctx(), api.EmptyTrashSpec{IDs: []string{i.ID}})
	s.want(api.KindNotFound, err)

	_, err = s.Service.Import(s.ctx(), api.ImportSpec{Name: tag}, rootfs(s))
	s.ok(err)
	gone, err = s.Service.RemoveImage(s.ctx(), tag, api.RemoveImageOptions{Permanent: true})
	s.ok(err)
	if gone.InTrash || gone.Freed <= 0 || find() != nil {
		s.Errorf("removed for good %+v", gone)
	}
}

func testSaveTo(s *suite) {
	dir := s.TempDir()
	path := filepath.Join(dir, "image.tar")
	o, err := s.Service.SaveTo(s.ctx(), api.SaveSpec{Refs: []string{s.Image}, Format: api.SaveOCI, Path: path})
	s.ok(err)
	all := s.watch(o.ID)
	if last := all[len(all)-1]; last.State != api.OperationDone || last.Kind != "save" {
		s.Errorf("ended as %+v (%v)", last, last.Error)
	}
	_, err = s.Service.SaveTo(s.ctx(), api.SaveSpec{Refs: []string{"localhost/suite/absent"}, Format: api.SaveOCI, Path: path})
	s.want(api.KindNotFound, err)
	for _, bad := range []api.SaveSpec{
		{Refs: []string{s.Image}, Format: api.SaveOCI, Path: "relative"},
		{Refs: []string{s.Image}, Format: "zip", Path: path},
		{Format: api.SaveOCI, Path: path},
	} {
		_, err = s.Service.SaveTo(s.ctx(), bad)
		s.want(api.KindInvalid, err)
	}
}

func testOtherStores(s *suite) {
	all, err := s.Service.OtherStores(s.ctx())
	s.ok(err)
	for _, o := range all {
		if o.Where == "" || o.Readable == (o.Why != "") || o.Images == nil || !slices.Contains([]string{"podman", "docker"}, o.Kind) {
			s.Errorf("%+v", o)
		}
	}
	_, err = s.Service.ImportFrom(s.ctx(), api.ImportFromSpec{Store: "absent"})
	s.want(api.KindNotFound, err)
}

func testPreview(s *suite) {
	if why, ok := s.Without["Pull"]; ok {
		s.Skip(why)
	}
	d, err := s.Service.PreviewImage(s.ctx(), api.PreviewSpec{Ref: s.PullRef})
	s.ok(err)
	if len(d.Names) == 0 || len(d.RepoDigests) == 0 || len(d.Layers) == 0 || d.ID == "" || d.Platform == "" {
		s.Fatalf("%+v", d)
	}
	_, err = s.Service.Image(s.ctx(), s.PullRef)
	s.want(api.KindNotFound, err)
	ref := d.RepoDigests[0]
	if d.Layers[0].Here {
		s.Errorf("a layer of %s is here already", ref)
	}
	_, err = s.Service.ImageFiles(s.ctx(), api.FileQuery{Ref: ref, Layer: 1})
	s.want(api.KindNotFound, err)
	o, err := s.Service.FetchLayer(s.ctx(), ref, 1)
	s.ok(err)
	all := s.watch(o.ID)
	if last := all[len(all)-1]; last.State != api.OperationDone || last.Kind != "layer" {
		s.Fatalf("ended as %+v (%v)", last, last.Error)
	}
	files, err := s.Service.ImageFiles(s.ctx(), api.FileQuery{Ref: ref, Layer: 1})
	s.ok(err)
	changes, err := s.Service.LayerChanges(s.ctx(), ref, 1)
	s.ok(err)
	if len(files.Files) == 0 || len(changes) == 0 {
		s.Errorf("files %+v, changes %+v", files, changes)
	}
	if d, err = s.Service.PreviewImage(s.ctx(), api.PreviewSpec{Ref: s.PullRef}); err != nil || !d.Layers[0].Here {
		s.Errorf("afterwards %+v, %v", d, err)
	}
	_, err = s.Service.FetchLayer(s.ctx(), ref, len(d.Layers)+1)
	s.want(api.KindInvalid, err)
	_, err = s.Service.PreviewImage(s.ctx(), api.PreviewSpec{Ref: "Not A Name"})
	s.want(api.KindInvalid, err)
}

func testImageTree(s *suite) {
	all, err := s.Service.ImageTree(s.ctx())
	s.ok(err)
	id := s.image(s.Image).ID
	at := slices.IndexFunc(all, func(n api.TreeNode) bool { return n.ID == id })
	if at < 0 || all[at].Layers == 0 || all[at].Shared > all[at].Layers || len(all[at].Names) == 0 {
		s.Errorf("%+v", all)
	}
}

func testRegistrySettings(s *suite) {
	was, err := s.Service.RegistrySettings(s.ctx())
	s.ok(err)
	s.Cleanup(func() { s.ok(s.Service.SetRegistrySettings(context.Background(), was)) })
	s.ok(s.Service.SetRegistrySettings(s.ctx(), api.RegistrySettings{ShortNameMode: "disabled", Search: []string{"docker.io", "quay.io"}}))
	now, err := s.Service.RegistrySettings(s.ctx())
	s.ok(err)
	if now.ShortNameMode != "disabled" || !slices.Equal(now.Search, []string{"docker.io", "quay.io"}) {
		s.Errorf("set %+v", now)
	}
	s.want(api.KindInvalid, s.Service.SetRegistrySettings(s.ctx(), api.RegistrySettings{ShortNameMode: "loud"}))
	s.want(api.KindInvalid, s.Service.SetRegistrySettings(s.ctx(), api.RegistrySettings{ShortNameMode: "disabled", Search: []string{"no host"}}))
	_, err = s.Service.ProbeRegistry(s.ctx(), "no host")
	s.want(api.KindInvalid, err)
}

func testMoveOperation(s *suite) {
	s.want(api.KindNotFound, s.Service.MoveOperation(s.ctx(), "absent", 1))
	s.ok(s.Service.ResumeOperations(s.ctx()))
	all, err := s.Service.Operations(s.ctx())
	s.ok(err)
	for _, o := range all {
		if (o.State == api.OperationWaiting) != (o.Place > 0) || strings.Contains(o.ID, " ") {
			s.Errorf("%+v", o)
		}
	}
}
