package apitest

import (
	"archive/tar"
	"bytes"
	"io"
	"slices"
	"strings"

	"davit/backend/api"
)

// each does something with a container that never ran and with one that runs.
func (s *suite) each(do func(at func(string) api.FilePath)) {
	stopped, running := s.sh("true"), s.sh("sleep 1000")
	s.start(running.ID)
	for _, c := range []api.Created{stopped, running} {
		do(func(p string) api.FilePath { return api.FilePath{Container: c.Name, Path: p} })
	}
}

func (s *suite) content(at api.FilePath) string {
	var b bytes.Buffer
	s.ok(s.Service.ReadFile(s.ctx(), api.ReadQuery{At: at}, &b))
	return b.String()
}

func (s *suite) names(at api.FilePath) (names []string, page api.DirPage) {
	page, err := s.Service.Files(s.ctx(), api.DirQuery{At: at})
	s.ok(err)
	for _, f := range page.Entries {
		names = append(names, f.Name)
	}
	return names, page
}

func testFiles(s *suite) {
	s.each(func(at func(string) api.FilePath) {
		names, page := s.names(at("/"))
		if !slices.Contains(names, "etc") || page.Total != len(names) || page.Path != "/" || !page.Marked {
			s.Errorf("the root has %+v", page)
		}
		part, err := s.Service.Files(s.ctx(), api.DirQuery{At: at("/"), Offset: 1, Limit: 1})
		s.ok(err)
		if part.Total != page.Total || len(part.Entries) != 1 || part.Entries[0].Name != names[1] {
			s.Errorf("a page of it is %+v", part)
		}
		i, err := s.Service.FileInfo(s.ctx(), api.InfoQuery{At: at("/etc/../etc/passwd"), Follow: true})
		s.ok(err)
		if i.Dir || i.Size == 0 || i.Real != "/etc/passwd" || !strings.HasPrefix(i.Mode, "-rw") || i.User != "root" {
			s.Errorf("%+v", i)
		}
		if text := s.content(at("etc/passwd")); !strings.HasPrefix(text, "root:x:0:") {
			s.Errorf("/etc/passwd is %q", text)
		}
		_, err = s.Service.Files(s.ctx(), api.DirQuery{At: at("/no/such")})
		s.want(api.KindNotFound, err)
		_, err = s.Service.Files(s.ctx(), api.DirQuery{At: at("/etc/passwd")})
		s.want(api.KindNotFound, err)
		s.want(api.KindConflict, s.Service.ReadFile(s.ctx(), api.ReadQuery{At: at("/etc")}, io.Discard))
	})
	_, err := s.Service.Files(s.ctx(), api.DirQuery{At: api.FilePath{Path: "/"}})
	s.want(api.KindInvalid, err)
	_, err = s.Service.Files(s.ctx(), api.DirQuery{At: api.FilePath{Volume: name(), Path: "/"}})
	s.want(api.KindNotFound, err)
	shells, err := s.Service.Shells(s.ctx(), s.sh("true").ID)
	s.ok(err)
	if !slices.Contains(shells.Shells, "/bin/sh") || !slices.Contains(shells.Users, "root") {
		s.Errorf("%+v", shells)
	}
}

func testFilesWrite(s *suite) {
	s.each(func(at func(string) api.FilePath) {
		_, err := s.Service.MakeDir(s.ctx(), at("/made"))
		s.ok(err)
		_, err = s.Service.MakeDir(s.ctx(), at("/made"))
		s.want(api.KindConflict, err)
		first, err := s.Service.WriteFile(s.ctx(), api.WriteSpec{At: at("/made/f")}, strings.NewReader("one"))
		s.ok(err)
		perm, uid := uint32(0o640), 0
		s.ok(s.Service.ChangeFile(s.ctx(), api.FileChange{At: at("/made/f"), Perm: &perm, UID: &uid}))
		second, err := s.Service.WriteFile(s.ctx(), api.WriteSpec{At: at("/made/f")}, strings.NewReader("two"))
		s.ok(err)
		if second.Perm != perm || second.Version == first.Version {
			s.Errorf("%+v after %+v", second, first)
		}
		_, err = s.Service.WriteFile(s.ctx(), api.WriteSpec{At: at("/made/f"), Version: first.Version}, strings.NewReader("late"))
		s.want(api.KindConflict, err)
		if got := s.content(at("/made/f")); got != "two" {
			s.Errorf("the file has %q", got)
		}
		if _, page := s.names(at("/")); !slices.ContainsFunc(page.Entries, func(f api.FileInfo) bool { return f.Name == "made" && f.Mark == api.ChangeAdded }) {
			s.Errorf("/made is not marked: %+v", page)
		}
		s.ok(s.Service.MoveFile(s.ctx(), at("/made/f"), "/made/g"))
		s.want(api.KindNotFound, s.Service.MoveFile(s.ctx(), at("/made/f"), "/made/h"))
		s.want(api.KindConflict, s.Service.MoveFile(s.ctx(), at("/made/g"), "/etc"))
		s.ok(s.Service.DeleteFile(s.ctx(), at("/made")))
		s.want(api.KindNotFound, s.Service.DeleteFile(s.ctx(), at("/made")))
		s.want(api.KindInvalid, s.Service.DeleteFile(s.ctx(), at("/")))
		s.ok(s.Service.DeleteFile(s.ctx(), at("/etc/passwd")))
		if names, page := s.names(at("/etc")); slices.Contains(names, "passwd") || !slices.Contains(page.Deleted, "passwd") {
			s.Errorf("what was deleted is not told: %+v", page)
		}
	})
}

func testArchives(s *suite) {
	s.each(func(at func(string) api.FilePath) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range []tar.Header{{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "d/f", Typeflag: tar.TypeReg, Mode: 0o600, Size: 4}} {
			s.ok(w.WriteHeader(&h))
		}
		_, _ = w.Write([]byte("text"))
		s.ok(w.Close())
		archive := b.String()
		u, err := s.Service.PutArchive(s.ctx(), api.ArchiveSpec{At: at("/")}, &b)
		s.ok(err)
		if u.Files != 2 || u.Bytes != 4 || s.content(at("/d/f")) != "text" {
			s.Errorf("%+v", u)
		}
		_, err = s.Service.PutArchive(s.ctx(), api.ArchiveSpec{At: at("/no/such")}, strings.NewReader(archive))
		s.want(api.KindNotFound, err)
		_, err = s.Service.PutArchive(s.ctx(), api.ArchiveSpec{At: at("/")}, strings.NewReader(archive[:600]))
		s.want(api.KindCorrupt, err)
		for name, want := range map[string]string{"": "d/ d/f ", "x": "x/ x/f ", ".": "./ f "} {
			if got := s.archived(api.ArchiveQuery{At: at("/d"), Name: name}); got != want {
				s.Errorf("named %q it has %q, want %q", name, got, want)
			}
		}
		s.want(api.KindNotFound, s.Service.GetArchive(s.ctx(), api.ArchiveQuery{At: at("/none")}, io.Discard))
		s.testSomeOfADirectory(at)
	})
}

// testBrowsedAndRemoved: what was mounted to look into a container that never
// ran is in nobody's way when it goes at once.
func testBrowsedAndRemoved(s *suite) {
	for range 25 {
		made, err := s.Service.Create(s.ctx(), api.RunSpec{Image: s.Image, Name: name(), Command: []string{"true"}})
		s.ok(err)
		s.gone(made.ID)
		_, err = s.Service.Files(s.ctx(), api.DirQuery{At: api.FilePath{Container: made.ID, Path: "/"}})
		s.ok(err)
		s.ok(s.Service.Remove(s.ctx(), made.ID, api.RemoveOptions{}))
	}
}

// testSomeOfADirectory: in one archive, without the directory itself.
func (s *suite) testSomeOfADirectory(at func(string) api.FilePath) {
	s.Helper()
	for _, name := range []string{"/d/\xff", "/d/g"} {
		_, err := s.Service.WriteFile(s.ctx(), api.WriteSpec{At: at(name)}, strings.NewReader("more"))
		s.ok(err)
	}
	for _, c := range []struct {
		in, want string
		only     []string
	}{{"/d", "g \xff ", []string{"g", "\xff"}}, {"/", "d/ ", []string{"d"}}} {
		if got := s.archived(api.ArchiveQuery{At: at(c.in), Only: c.only}); !strings.HasPrefix(got, c.want) {
			s.Errorf("%q of %s: %q, want %q", c.only, c.in, got, c.want)
		}
	}
	for name, kind := range map[string]api.Kind{"none": api.KindNotFound, "..": api.KindInvalid, "d/f": api.KindInvalid, "": api.KindInvalid} {
		q := api.ArchiveQuery{At: at("/d"), Only: []string{"f", name}}
		s.want(kind, s.Service.GetArchive(s.ctx(), q, io.Discard))
	}
}

// archived are the names in an archive.
func (s *suite) archived(q api.ArchiveQuery) (names string) {
	var b bytes.Buffer
	s.ok(s.Service.GetArchive(s.ctx(), q, &b))
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if err == io.EOF {
			return names
		}
		s.ok(err)
		names += h.Name + " "
	}
}
