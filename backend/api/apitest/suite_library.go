package apitest

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"davit/backend/api"
)

func testPush(s *suite) {
	if s.PushTo == "" {
		s.Fatal("Setup.PushTo is missing, and Without does not say why")
	}
	o, err := s.Service.Push(s.ctx(), api.PushSpec{Ref: s.Image, To: s.PushTo})
	s.ok(err)
	all := s.watch(o.ID)
	last := all[len(all)-1]
	if last.State != api.OperationDone || last.Kind != "push" || last.Done != last.Total || !strings.Contains(last.Result, "sha256:") {
		s.Fatalf("ended as %+v (%v)", last, last.Error)
	}
	_, err = s.Service.Push(s.ctx(), api.PushSpec{Ref: "localhost/suite/absent"})
	s.want(api.KindNotFound, err)
	_, err = s.Service.Push(s.ctx(), api.PushSpec{Ref: s.Image, To: "Not A Name"})
	s.want(api.KindInvalid, err)
}

// rootfs is a tar of a file system with one file.
func rootfs(s *suite) *bytes.Buffer {
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	s.ok(t.WriteHeader(&tar.Header{Name: "hello", Mode: 0o644, Size: 3}))
	_, err := io.WriteString(t, "hi\n")
	s.ok(err)
	s.ok(t.Close())
	return &b
}

func testImport(s *suite) {
	tag := "localhost/suite/" + name() + ":imported"
	i, err := s.Service.Import(s.ctx(), api.ImportSpec{Name: tag, Origin: "suite.tar", Changes: []string{"CMD [\"/hello\"]"}}, rootfs(s))
	s.ok(err)
	d := s.image(tag)
	if d.ID != i.ID || !slices.Contains(i.Names, tag) || !strings.Contains(d.Origin, "suite.tar") || len(d.Layers) != 1 {
		s.Errorf("%+v", d)
	}
	_, err = s.Service.RemoveImage(s.ctx(), tag, api.RemoveImageOptions{})
	s.ok(err)
	for _, junk := range []string{"", "this is no archive"} {
		_, err := s.Service.Import(s.ctx(), api.ImportSpec{Name: tag}, strings.NewReader(junk))
		s.want(api.KindCorrupt, err)
	}
	_, err = s.Service.Import(s.ctx(), api.ImportSpec{Name: "Not A Name"}, rootfs(s))
	s.want(api.KindInvalid, err)
}

func testCommit(s *suite) {
	c := s.sh("echo changed > /tmp/app.log")
	s.ok(s.Service.Start(s.ctx(), c.ID))
	_, err := s.Service.Wait(s.ctx(), c.ID)
	s.ok(err)
	changes, err := s.Service.Changes(s.ctx(), c.ID)
	s.ok(err)
	if !slices.ContainsFunc(changes, func(x api.Change) bool { return x.Path == "/tmp/app.log" && x.Kind == api.ChangeAdded }) {
		s.Errorf("changes %+v", changes)
	}
	var archive bytes.Buffer
	s.ok(s.Service.Export(s.ctx(), c.ID, &archive))
	names := map[string]bool{}
	for t := tar.NewReader(&archive); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		s.ok(err)
		names[h.Name] = true
	}
	if !names["etc/passwd"] {
		s.Errorf("exported %d entries without etc/passwd", len(names))
	}
	tag := "localhost/suite/" + name() + ":committed"
	i, err := s.Service.Commit(s.ctx(), api.CommitSpec{Container: c.ID, Name: tag, Message: "from the suite"})
	s.ok(err)
	if d := s.image(tag); d.ID != i.ID || d.ID == s.image(s.Image).ID {
		s.Errorf("committed %+v", d.Image)
	}
	_, err = s.Service.RemoveImage(s.ctx(), tag, api.RemoveImageOptions{})
	s.ok(err)
	_, err = s.Service.Commit(s.ctx(), api.CommitSpec{Container: "absent"})
	s.want(api.KindNotFound, err)
	_, err = s.Service.Changes(s.ctx(), "absent")
	s.want(api.KindNotFound, err)
	s.want(api.KindNotFound, s.Service.Export(s.ctx(), "absent", &archive))
}

func testPrune(s *suite) {
	i, err := s.Service.Import(s.ctx(), api.ImportSpec{}, rootfs(s))
	s.ok(err)
	before, err := s.Service.DiskUsage(s.ctx())
	s.ok(err)
	at := slices.IndexFunc(before.Images, func(u api.ImageUsage) bool { return u.ID == i.ID })
	if at < 0 {
		s.Fatalf("%s is not in %+v", i.ID, before.Images)
	}
	u := before.Images[at]
	if u.Size != u.Shared+u.Unique || u.Unique <= 0 || before.ImagesSize < u.Size || before.Reclaimable < u.Unique {
		s.Errorf("usage %+v of %+v", u, before)
	}
	dry, err := s.Service.PruneImages(s.ctx(), api.PruneSpec{DryRun: true})
	s.ok(err)
	has := func(p api.Pruned) bool {
		return slices.ContainsFunc(p.Images, func(x api.PrunedImage) bool { return x.ID == i.ID && x.Gone })
	}
	if !has(dry) || dry.Trashed < u.Unique {
		s.Errorf("would prune %+v", dry)
	}
	s.image(i.ID)
	did, err := s.Service.PruneImages(s.ctx(), api.PruneSpec{})
	s.ok(err)
	if !has(did) || did.Freed != dry.Freed || did.Trashed != dry.Trashed {
		s.Errorf("pruned %+v, promised %+v", did, dry)
	}
	_, err = s.Service.Image(s.ctx(), i.ID)
	s.want(api.KindNotFound, err)
	_, err = s.Service.EmptyTrash(s.ctx(), api.EmptyTrashSpec{IDs: []string{i.ID}})
	s.ok(err)
	s.image(s.Image)
	_, err = s.Service.PruneImages(s.ctx(), api.PruneSpec{Filters: map[string][]string{"color": {"red"}}})
	s.want(api.KindInvalid, err)
}

func testCheckImages(s *suite) {
	var all []api.CheckedImage
	s.ok(s.Service.CheckImages(s.ctx(), api.CheckSpec{Ref: s.Image}, func(c api.CheckedImage) error { all = append(all, c); return nil }))
	if len(all) != 1 || all[0].ID != s.image(s.Image).ID || len(all[0].Damaged) != 0 || all[0].Bytes <= 0 {
		s.Errorf("%+v", all)
	}
	s.want(api.KindNotFound, s.Service.CheckImages(s.ctx(), api.CheckSpec{Ref: "localhost/suite/absent"}, func(api.CheckedImage) error { return nil }))
}
