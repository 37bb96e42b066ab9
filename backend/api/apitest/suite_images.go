package apitest

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

func (s *suite) image(ref string) api.ImageDetail {
	s.Helper()
	d, err := s.Service.Image(s.ctx(), ref)
	s.ok(err)
	return d
}

func testImages(s *suite) {
	d := s.image(s.Image)
	if !strings.HasPrefix(d.ID, "sha256:") || len(d.ID) != 71 || d.Platform == "" || d.Origin == "" || len(d.Names) == 0 {
		s.Errorf("%+v", d.Image)
	}
	if len(d.Layers) == 0 || d.Size <= 0 {
		s.Errorf("%d layers, %d bytes", len(d.Layers), d.Size)
	}
	for _, l := range d.Layers {
		if !strings.HasPrefix(l.DiffID, "sha256:") || l.MediaType == "" {
			s.Errorf("layer %+v", l)
		}
	}
	if byID := s.image(d.ID); byID.ID != d.ID {
		s.Errorf("%s is %s", d.ID, byID.ID)
	}
	list, err := s.Service.Images(s.ctx(), api.ImageFilter{})
	s.ok(err)
	if !slices.ContainsFunc(list, func(i api.Image) bool { return i.ID == d.ID && slices.Equal(i.Names, d.Names) }) {
		s.Errorf("%s is not in the list", d.ID)
	}
	r, err := s.Service.ResolveImage(s.ctx(), s.Image)
	s.ok(err)
	if r.Local != d.ID || !slices.Contains(r.Candidates, r.Name) || r.Ref != s.Image || r.Why == "" {
		s.Errorf("resolved %+v", r)
	}
	r, err = s.Service.ResolveImage(s.ctx(), "localhost/suite/"+name())
	s.ok(err)
	if r.Local != "" || !strings.HasSuffix(r.Name, ":latest") {
		s.Errorf("resolved %+v", r)
	}
}

func testImageRefuses(s *suite) {
	for _, ref := range []string{"", "host.example/UPPER/case", "a b", "host/x:bad tag", "../x"} {
		_, err := s.Service.ResolveImage(s.ctx(), ref)
		s.Log("resolve", ref, err)
		s.want(api.KindInvalid, err)
		_, err = s.Service.Pull(s.ctx(), api.PullSpec{Ref: ref})
		s.want(api.KindInvalid, err)
	}
	s.want(api.KindInvalid, s.Service.Tag(s.ctx(), s.Image, "Not A Name"))
}

func testTag(s *suite) {
	id := s.image(s.Image).ID
	tag := "localhost/suite/" + name() + ":v1"
	s.ok(s.Service.Tag(s.ctx(), s.Image, tag))
	if d := s.image(tag); d.ID != id || !slices.Contains(d.Names, tag) {
		s.Errorf("%s is %s %q", tag, d.ID, d.Names)
	}
	list, err := s.Service.Images(s.ctx(), api.ImageFilter{Reference: tag})
	s.ok(err)
	if len(list) != 1 || list[0].ID != id {
		s.Errorf("listed by its name: %+v", list)
	}
	r, err := s.Service.RemoveImage(s.ctx(), tag, api.RemoveImageOptions{})
	s.ok(err)
	if !slices.Equal(r.Untagged, []string{tag}) || len(r.Deleted) != 0 {
		s.Errorf("removed %+v: only a name should have gone", r)
	}
	_, err = s.Service.Image(s.ctx(), tag)
	s.want(api.KindNotFound, err)
	s.image(id)
}

func testImageInUse(s *suite) {
	c := s.sh("true")
	d := s.image(s.Image)
	if !slices.Contains(d.UsedBy, c.Name) || d.Containers != len(d.UsedBy) {
		s.Errorf("used by %q (%d), want %s in it", d.UsedBy, d.Containers, c.Name)
	}
	_, err := s.Service.RemoveImage(s.ctx(), d.ID, api.RemoveImageOptions{})
	e := s.want(api.KindConflict, err)
	if !strings.Contains(e.Msg+e.Hint, c.Name) && len(d.UsedBy) == 1 {
		s.Errorf("%+v does not say who uses it", e)
	}
}

func testSample(s *suite) {
	first, err := s.Service.LoadSample(s.ctx())
	s.ok(err)
	again, err := s.Service.LoadSample(s.ctx())
	s.ok(err)
	if first.ID != again.ID || len(first.Names) == 0 {
		s.Errorf("%+v, then %+v", first, again)
	}
	if d := s.image(first.Names[0]); d.ID != first.ID || len(d.Config.ExposedPorts) == 0 {
		s.Errorf("the sample exposes %q", d.Config.ExposedPorts)
	}
}

func testSaveLoad(s *suite) {
	tag := "localhost/suite/" + name() + ":saved"
	s.ok(s.Service.Tag(s.ctx(), s.Image, tag))
	for _, format := range []api.SaveFormat{api.SaveDocker, api.SaveOCI} {
		var archive bytes.Buffer
		s.ok(s.Service.Save(s.ctx(), []string{tag}, format, &archive))
		if archive.Len() < 1024 {
			s.Errorf("%s of %d bytes", format, archive.Len())
		}
		_, err := s.Service.RemoveImage(s.ctx(), tag, api.RemoveImageOptions{})
		s.ok(err)
		r, err := s.Service.Load(s.ctx(), &archive)
		s.ok(err)
		if len(r.Images) != 1 || !slices.Contains(r.Images[0].Names, tag) {
			s.Fatalf("%s loaded %+v", format, r.Images)
		}
		s.image(tag)
	}
	_, err := s.Service.RemoveImage(s.ctx(), tag, api.RemoveImageOptions{})
	s.ok(err)
	full := errors.New("disk full")
	err = s.Service.Save(s.ctx(), []string{s.Image}, api.SaveDocker, failing{full})
	if !errors.Is(err, full) {
		s.Errorf("%v, want the writer's own error", err)
	}
	s.want(api.KindNotFound, s.Service.Save(s.ctx(), []string{"localhost/suite/absent"}, api.SaveDocker, &bytes.Buffer{}))
	s.want(api.KindInvalid, s.Service.Save(s.ctx(), []string{s.Image}, "nonsense", &bytes.Buffer{}))
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func testLoadRefuses(s *suite) {
	for _, junk := range []string{"", "this is no archive", strings.Repeat("\x00", 1<<20), strings.Repeat("junk", 1<<20)} {
		_, err := s.Service.Load(s.ctx(), strings.NewReader(junk))
		if k := api.KindOf(err); k != api.KindCorrupt && k != api.KindInvalid {
			s.Errorf("loading %d bytes of junk: %v", len(junk), err)
		}
	}
	_, err := s.Service.LoadPath(s.ctx(), filepath.Join(s.TempDir(), "no-such.tar"))
	s.want(api.KindNotFound, err)
}

func (s *suite) pull(ref string) api.Operation {
	s.Helper()
	o, err := s.Service.Pull(s.ctx(), api.PullSpec{Ref: ref})
	s.ok(err)
	return o
}

// watch follows an operation to its end.
func (s *suite) watch(id string) (all []api.Operation) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 10*patience)
	defer cancel()
	s.ok(s.Service.WatchOperation(ctx, id, func(o api.Operation) error {
		all = append(all, o)
		return nil
	}))
	if len(all) == 0 {
		s.Fatal("an operation that was never told of")
	}
	return all
}

func testPull(s *suite) {
	if s.PullRef == "" {
		s.Fatal("Setup.PullRef is missing, and Without does not say why")
	}
	first := s.pull(s.PullRef)
	if joined := s.pull(s.PullRef); joined.ID != first.ID { // the first had ended by then
		if o, err := s.Service.Operation(s.ctx(), first.ID); err != nil || o.State == api.OperationRunning {
			s.Errorf("a second pull is %s, while %s is %s (%v)", joined.ID, first.ID, o.State, err)
		}
		s.watch(joined.ID)
	}
	s.Cleanup(func() {
		_, err := s.Service.RemoveImage(context.Background(), s.PullRef, api.RemoveImageOptions{})
		s.ok(err)
	})
	all := s.watch(first.ID)
	last := all[len(all)-1]
	if last.State != api.OperationDone || last.Error != nil || last.Ended.IsZero() || last.Image != first.Subject {
		s.Fatalf("ended as %+v (%v)", last, last.Error)
	}
	for i := range all[1:] {
		if all[i+1].Done < all[i].Done || all[i].State != api.OperationRunning {
			s.Errorf("step %d: %s %d, then %d", i, all[i].State, all[i].Done, all[i+1].Done)
		}
	}
	if last.Total <= 0 || last.Done != last.Total || len(last.Steps) == 0 {
		s.Errorf("%d of %d bytes in %d steps", last.Done, last.Total, len(last.Steps))
	}
	if d := s.image(s.PullRef); d.ID != last.ImageID || len(d.RepoDigests) == 0 {
		s.Errorf("pulled %s, have %s %q", last.ImageID, d.ID, d.RepoDigests)
	}
	again := s.watch(s.pull(s.PullRef).ID)
	if o := again[len(again)-1]; o.State != api.OperationDone || !o.UpToDate {
		s.Errorf("pulled again: %+v", o)
	}
}

func testPullFails(s *suite) {
	if why, ok := s.Without["Pull"]; ok {
		s.Skip(why)
	}
	absent := s.PullRef[:strings.LastIndex(s.PullRef, "/")+1] + "suite-absent:none"
	all := s.watch(s.pull(absent).ID)
	last := all[len(all)-1]
	if last.State != api.OperationFailed || last.Error == nil {
		s.Fatalf("ended as %+v", last)
	}
	if k := last.Error.Kind; k != api.KindNotFound && k != api.KindDenied {
		s.Errorf("%s: %v", k, last.Error)
	}
}

func testOperations(s *suite) {
	if why, ok := s.Without["Pull"]; ok {
		s.Skip(why)
	}
	o := s.pull(s.PullRef)
	s.ok(s.Service.CancelOperation(s.ctx(), o.ID))
	got, err := s.Service.Operation(s.ctx(), o.ID)
	s.ok(err)
	s.until("it ends", func() bool {
		got, err = s.Service.Operation(s.ctx(), o.ID)
		return err != nil || got.State != api.OperationRunning
	})
	s.ok(err)
	switch got.State {
	case api.OperationCancelled:
		_, err := s.Service.Image(s.ctx(), s.PullRef)
		s.want(api.KindNotFound, err)
	case api.OperationDone: // it was faster than us
		_, err := s.Service.RemoveImage(s.ctx(), s.PullRef, api.RemoveImageOptions{})
		s.ok(err)
	default:
		s.Errorf("ended as %+v", got)
	}
	s.ok(s.Service.CancelOperation(s.ctx(), o.ID)) // once more does nothing
	list, err := s.Service.Operations(s.ctx())
	s.ok(err)
	if len(list) == 0 || !slices.ContainsFunc(list, func(x api.Operation) bool { return x.ID == o.ID }) {
		s.Errorf("operations %+v", list)
	}
	if !slices.IsSortedFunc(list, func(a, b api.Operation) int {
		return b.Started.Truncate(time.Millisecond).Compare(a.Started.Truncate(time.Millisecond))
	}) {
		s.Error("not newest first")
	}
	stopped := errors.New("seen enough")
	if err := s.Service.WatchOperation(s.ctx(), o.ID, func(api.Operation) error { return stopped }); !errors.Is(err, stopped) {
		s.Errorf("%v, want the sink's own error", err)
	}
}
