package apitest

import (
	"archive/tar"
	"bytes"
	"io"
	"slices"
	"strings"

	"davit/backend/api"
)

// testSnapshotFiles: a snapshot's files are those of its time, links in it lead
// nowhere but into it, and nobody changes them.
func testSnapshotFiles(s *suite) {
	c := s.sh("true")
	now := func(p string) api.FilePath { return api.FilePath{Container: c.ID, Path: p} }
	then := func(p string) api.FilePath { return api.FilePath{Container: c.ID, Snapshot: "before", Path: p} }
	s.write(now("/kept"), "one")
	_, err := s.Service.PutArchive(s.ctx(), api.ArchiveSpec{At: now("/")}, links(map[string]string{
		"absolute": "/kept", "up": "../../../../../../../../kept", "outside": "/proc/1/root/kept", "circle": "circle",
	}))
	s.ok(err)
	_, err = s.Service.TakeSnapshot(s.ctx(), api.SnapshotSpec{Ref: c.ID, Name: "before"})
	s.ok(err)
	s.write(now("/kept"), "two")
	s.write(now("/later"), "three")
	s.ok(s.Service.DeleteFile(s.ctx(), now("/absolute")))
	for _, p := range []string{"/kept", "kept", "/absolute", "/up", "/etc/../up"} {
		if text := s.content(then(p)); text != "one" {
			s.Errorf("%s was %q", p, text)
		}
	}
	s.want(api.KindNotFound, s.Service.ReadFile(s.ctx(), api.ReadQuery{At: then("/outside")}, io.Discard))
	if s.Service.ReadFile(s.ctx(), api.ReadQuery{At: then("/circle")}, io.Discard) == nil {
		s.Errorf("a circle has content")
	}
	names, page := s.names(then("/"))
	if !slices.Contains(names, "kept") || slices.Contains(names, "later") || !page.Marked || page.Total != len(names) {
		s.Errorf("the root had %+v", page)
	}
	if i := slices.IndexFunc(page.Entries, func(f api.FileInfo) bool { return f.Name == "kept" }); page.Entries[i].Mark != "added" || page.Entries[i].Size != 3 {
		s.Errorf("%+v", page.Entries[i])
	}
	if got := s.archived(api.ArchiveQuery{At: then("/kept")}); got != "kept " {
		s.Errorf("packed: %q", got)
	}
	s.testNothingChanges(then)
	s.want(api.KindInvalid, s.fileAt(api.FilePath{Snapshot: "before", Path: "/"}))
	s.want(api.KindInvalid, s.fileAt(api.FilePath{Volume: "v", Snapshot: "before", Path: "/"}))
	s.want(api.KindNotFound, s.fileAt(api.FilePath{Container: c.ID, Snapshot: "another", Path: "/"}))
	s.ok(s.Service.RemoveSnapshot(s.ctx(), c.ID, "before"))
	s.want(api.KindNotFound, s.fileAt(then("/kept")))
}

// testNothingChanges tries all that changes files.
func (s *suite) testNothingChanges(at func(string) api.FilePath) {
	s.Helper()
	_, err := s.Service.WriteFile(s.ctx(), api.WriteSpec{At: at("/kept")}, strings.NewReader("other"))
	s.want(api.KindInvalid, err)
	_, err = s.Service.MakeDir(s.ctx(), at("/made"))
	s.want(api.KindInvalid, err)
	_, err = s.Service.PutArchive(s.ctx(), api.ArchiveSpec{At: at("/")}, links(map[string]string{"a": "b"}))
	s.want(api.KindInvalid, err)
	s.want(api.KindInvalid, s.Service.MoveFile(s.ctx(), at("/kept"), "/moved"))
	s.want(api.KindInvalid, s.Service.DeleteFile(s.ctx(), at("/kept")))
	perm := uint32(0o600)
	s.want(api.KindInvalid, s.Service.ChangeFile(s.ctx(), api.FileChange{At: at("/kept"), Perm: &perm}))
	if text := s.content(at("/kept")); text != "one" {
		s.Errorf("it is %q now", text)
	}
}

func (s *suite) write(at api.FilePath, text string) {
	s.Helper()
	_, err := s.Service.WriteFile(s.ctx(), api.WriteSpec{At: at}, strings.NewReader(text))
	s.ok(err)
}

func (s *suite) fileAt(at api.FilePath) error {
	_, err := s.Service.FileInfo(s.ctx(), api.InfoQuery{At: at})
	return err
}

// links is an archive of symbolic links, by name.
func links(to map[string]string) io.Reader {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, target := range to {
		_ = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}) // to memory
	}
	_ = w.Close()
	return &b
}
