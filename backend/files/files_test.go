package files

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// tree is a Root with these files; a name that ends with "/" is a directory,
// a text that begins with "->" a link.
func tree(t *testing.T, files map[string]string) (*Root, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch to, link := strings.CutPrefix(text, "->"); {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(p, 0o755)
		case link:
			err = os.Symlink(to, p)
		default:
			err = os.WriteFile(p, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, dir
}

func at(p string) api.FilePath { return api.FilePath{Path: p} }

func read(t *testing.T, r *Root, p string) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Read(t.Context(), api.ReadQuery{At: at(p)}, &b); err != nil {
		t.Fatalf("read %s: %v", p, err)
	}
	return b.String()
}

func write(r *Root, p, version, text string) (api.FileInfo, error) {
	return r.Write(context.Background(), api.WriteSpec{At: at(p), Version: version}, strings.NewReader(text))
}

func TestLinksLeadNowhereElse(t *testing.T) {
	r, _ := tree(t, map[string]string{
		"etc/passwd": "root:x:0:0::/:/bin/sh\nme:x:1000:1000::/:/bin/sh\n", "abs": "->/etc/passwd", "up": "->../../../../../../etc/passwd",
		"dir/in": "x", "link": "->/dir", "loop": "->loop",
	})
	for _, p := range []string{"/abs", "abs", "/up", "/../../etc/passwd", "/link/../etc/passwd", "dir/../../../etc/passwd"} {
		if got := read(t, r, p); !strings.HasPrefix(got, "root:x:0:0::") {
			t.Errorf("%s: %q", p, got)
		}
	}
	i, err := r.Info("/link/in", true)
	if err != nil || i.Real != "/dir/in" {
		t.Errorf("%+v %v", i, err)
	}
	if i, err := r.Info("/link", false); err != nil || i.Link != "/dir" || i.Dir || i.Mode[0] != 'l' {
		t.Errorf("%+v %v", i, err)
	}
	if _, err := r.Info("/loop", true); api.KindOf(err) != api.KindInvalid {
		t.Errorf("a loop: %v", err)
	}
	for _, p := range []string{"/none", "/dir/in/x", "/none/../etc/passwd"} {
		if _, err := r.Info(p, true); api.KindOf(err) != api.KindNotFound {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestWhatIsNoFileIsNotOpened(t *testing.T) {
	r, dir := tree(t, nil)
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Read(t.Context(), api.ReadQuery{At: at("/pipe")}, io.Discard); api.KindOf(err) != api.KindInvalid {
		t.Errorf("read: %v", err)
	}
	if _, err := write(r, "/pipe", "", "x"); api.KindOf(err) != api.KindInvalid {
		t.Errorf("write: %v", err)
	}
	var b bytes.Buffer
	if err := r.Pack(t.Context(), api.ArchiveQuery{At: at("/"), Name: "."}, &b); err != nil {
		t.Errorf("pack: %v", err)
	}
}

func TestListing(t *testing.T) {
	files := map[string]string{"d/z/": "", "d/a-link": "->z"}
	for n := range 30 {
		files[fmt.Sprintf("d/f%02d", n)] = "x"
	}
	r, _ := tree(t, files)
	l, err := r.List(t.Context(), "/d", 0, 3)
	if err != nil || l.Page.Total != 32 || !l.Own || l.Page.Path != "/d" {
		t.Fatalf("%+v %v", l, err)
	}
	names := ""
	for _, e := range l.Page.Entries {
		names += e.Path + e.Link + " "
	}
	if names != "/d/z /d/a-linkz /d/f00 " {
		t.Error(names)
	}
	if l, err = r.List(t.Context(), "d", 31, 0); err != nil || len(l.Page.Entries) != 1 || l.Page.Entries[0].Name != "f29" {
		t.Errorf("%+v %v", l, err)
	}
	if l, err = r.List(t.Context(), "d", 99, 0); err != nil || len(l.Page.Entries) != 0 {
		t.Errorf("%+v %v", l, err)
	}
}

func TestWritingIsAllOrNothing(t *testing.T) {
	r, dir := tree(t, map[string]string{"f": "old", "link": "->f"})
	if err := os.Chmod(filepath.Join(dir, "f"), 0o4711|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	before, err := r.Info("/f", false)
	if err != nil {
		t.Fatal(err)
	}
	after, err := write(r, "/link", before.Version, "new")
	if err != nil || read(t, r, "/f") != "new" || after.Perm != before.Perm || after.Path != "/f" {
		t.Fatalf("%+v %v", after, err)
	}
	if _, err := write(r, "/f", before.Version, "mine"); api.KindOf(err) != api.KindConflict || read(t, r, "/f") != "new" {
		t.Errorf("an old version: %v", err)
	}
	fails := io.MultiReader(strings.NewReader("half"), errorReader{})
	if _, err := r.Write(t.Context(), api.WriteSpec{At: at("/f")}, fails); err == nil || read(t, r, "/f") != "new" {
		t.Errorf("half a text: %v", err)
	}
	if _, err := write(r, "/made", "", "x"); err != nil {
		t.Error(err)
	}
	if l, err := r.List(t.Context(), "/", 0, 0); err != nil || l.Page.Total != 3 {
		t.Errorf("something was left behind: %+v %v", l.Page.Entries, err)
	}
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("broke off") }

func TestChanging(t *testing.T) {
	r, dir := tree(t, map[string]string{"d/e/f": "x", "d/g": "x", "other": "y"})
	if _, err := r.MakeDir("/d"); api.KindOf(err) != api.KindConflict {
		t.Errorf("make what is there: %v", err)
	}
	if i, err := r.MakeDir("/n"); err != nil || !i.Dir || i.Perm != 0o755 {
		t.Errorf("%+v %v", i, err)
	}
	if err := r.Move("/other", "/d/g"); api.KindOf(err) != api.KindConflict || read(t, r, "/d/g") != "x" {
		t.Errorf("move over another: %v", err)
	}
	if err := r.Move("/other", "/n/other"); err != nil || read(t, r, "/n/other") != "y" {
		t.Errorf("move: %v", err)
	}
	perm := uint32(0o2750)
	if err := r.Change(t.Context(), api.FileChange{At: at("/d"), Perm: &perm, Deep: true}); err != nil {
		t.Error(err)
	}
	for _, p := range []string{"/d", "/d/e/f"} {
		if i, err := r.Info(p, false); err != nil || i.Perm != perm {
			t.Errorf("%s: %+v %v", p, i, err)
		}
	}
	if err := r.Delete(t.Context(), "/d"); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "d")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the directory is still there")
	}
	for _, p := range []string{"/", "/..", "", "."} {
		if err := r.Delete(t.Context(), p); api.KindOf(err) != api.KindInvalid {
			t.Errorf("delete %q: %v", p, err)
		}
	}
}

func TestArchivesComeBackAsTheyWere(t *testing.T) {
	from, dir := tree(t, map[string]string{"src/a": "text", "src/sub/b": strings.Repeat("b", 100_000), "src/link": "->/nowhere", "src/empty/": ""})
	if err := os.Link(filepath.Join(dir, "src/a"), filepath.Join(dir, "src/hard")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "src/a"), 0o640); err != nil {
		t.Fatal(err)
	}
	old := time.Unix(1_000_000_000, 0)
	if err := os.Chtimes(filepath.Join(dir, "src/sub"), old, old); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := from.Pack(t.Context(), api.ArchiveQuery{At: at("/src"), Name: "dst"}, &b); err != nil {
		t.Fatal(err)
	}
	to, _ := tree(t, map[string]string{"in/dst/a": "is replaced", "in/dst/stays": "x"})
	done, err := to.Unpack(t.Context(), api.ArchiveSpec{At: at("/in"), Owner: true}, &b)
	if err != nil || done.Files != 7 || done.Bytes != 100_004 || len(done.Skipped) != 0 {
		t.Fatalf("%+v %v", done, err)
	}
	if read(t, to, "/in/dst/a") != "text" || read(t, to, "/in/dst/hard") != "text" || read(t, to, "/in/dst/stays") != "x" {
		t.Error("contents differ")
	}
	if i, err := to.Info("/in/dst/sub", false); err != nil || !i.Modified.Equal(old) {
		t.Errorf("%+v %v", i, err)
	}
	if i, err := to.Info("/in/dst/a", false); err != nil || i.Perm != 0o640 {
		t.Errorf("%+v %v", i, err)
	}
	if i, err := to.Info("/in/dst/link", false); err != nil || i.Link != "/nowhere" {
		t.Errorf("%+v %v", i, err)
	}
}

func TestHostileArchives(t *testing.T) {
	canary := filepath.Join(t.TempDir(), "canary")
	if err := os.WriteFile(canary, []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Dir(canary)
	for name, headers := range map[string][]tar.Header{
		"dot dot":      {{Name: "../canary", Typeflag: tar.TypeReg}},
		"deep dot dot": {{Name: "a/../../canary", Typeflag: tar.TypeReg}},
		"absolute":     {{Name: canary, Typeflag: tar.TypeReg}},
		"through link": {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "l/canary", Typeflag: tar.TypeReg}},
		"up link":      {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("../", 30) + outside}, {Name: "l/canary", Typeflag: tar.TypeReg}},
		"over link":    {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: canary}, {Name: "l", Typeflag: tar.TypeReg}},
		"hard link":    {{Name: "l", Typeflag: tar.TypeLink, Linkname: canary}, {Name: "l", Typeflag: tar.TypeReg}},
		"hard up":      {{Name: "l", Typeflag: tar.TypeLink, Linkname: "../../canary"}},
		"device":       {{Name: "sda", Typeflag: tar.TypeBlock}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			for _, h := range headers {
				h.Mode, h.Uid, h.Gid = 0o666, os.Getuid(), os.Getgid()
				if h.Typeflag == tar.TypeReg {
					h.Size = 5
				}
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
				if h.Typeflag == tar.TypeReg {
					_, _ = w.Write([]byte("OWNED"))
				}
			}
			_ = w.Close()
			r, _ := tree(t, map[string]string{"to/": ""})
			_, err := r.Unpack(t.Context(), api.ArchiveSpec{At: at("/to"), Owner: true}, &b)
			t.Log(err)
			if text, err := os.ReadFile(canary); err != nil || string(text) != "untouched" {
				t.Errorf("the canary: %q %v", text, err)
			}
		})
	}
}

// TestNothingEscapesWhileAContainerSwaps: a process that exchanges a directory
// and a link to the host's as fast as it can, while everything is done there
// (CVE-2018-15664).
func TestNothingEscapesWhileAContainerSwaps(t *testing.T) {
	host := t.TempDir()
	canary := filepath.Join(host, "f")
	if err := os.WriteFile(canary, []byte("CANARY"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, dir := tree(t, map[string]string{"d/f": "mine", "evil": "->" + host})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	swaps := 0
	go func() {
		defer close(done)
		for ; ctx.Err() == nil; swaps++ {
			_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(dir, "d"), unix.AT_FDCWD, filepath.Join(dir, "evil"), unix.RENAME_EXCHANGE)
		}
	}()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	_ = w.WriteHeader(&tar.Header{Name: "f", Typeflag: tar.TypeReg, Mode: 0o666, Uid: os.Getuid(), Gid: os.Getgid(), Size: 5})
	_, _ = w.Write([]byte("OWNED"))
	_ = w.Close()
	perm := uint32(0o777)
	for range 400 {
		var b bytes.Buffer
		_ = r.Read(ctx, api.ReadQuery{At: at("/d/f")}, &b)
		_ = r.Pack(ctx, api.ArchiveQuery{At: at("/d"), Follow: true}, &b)
		_ = r.Pack(ctx, api.ArchiveQuery{At: at("/")}, &b)
		if strings.Contains(b.String(), "CANARY") {
			t.Fatal("a file of the host was read")
		}
		_, _ = write(r, "/d/f", "", "OWNED")
		_, _ = r.Unpack(ctx, api.ArchiveSpec{At: at("/d"), Owner: true}, bytes.NewReader(archive.Bytes()))
		_ = r.Change(ctx, api.FileChange{At: at("/d/f"), Perm: &perm})
		_ = r.Change(ctx, api.FileChange{At: at("/d"), Perm: &perm, Deep: true})
		_, _ = r.MakeDir("/d/made")
		_ = r.Move("/d/made", "/d/moved")
		_ = r.Delete(ctx, "/d/moved")
	}
	cancel()
	<-done
	st, err := os.Stat(canary)
	if err != nil || st.Mode() != 0o600 {
		t.Errorf("the canary: %v %v", st, err)
	}
	if text, err := os.ReadFile(canary); err != nil || string(text) != "CANARY" {
		t.Errorf("the canary: %q %v", text, err)
	}
	if names, err := os.ReadDir(host); err != nil || len(names) != 1 {
		t.Errorf("the host's directory: %v %v", names, err)
	}
	if swaps < 100 {
		t.Errorf("only %d swaps", swaps)
	}
}

func TestShells(t *testing.T) {
	r, dir := tree(t, map[string]string{"bin/busybox": "x", "bin/sh": "->busybox", "usr/bin/bash": "->/bin/gone", "etc/passwd": "root:x:0:0::/:\napp:x:1000:::\nbad\n"})
	if err := os.Chmod(filepath.Join(dir, "bin/busybox"), 0o755); err != nil {
		t.Fatal(err)
	}
	if s := r.Shells(); fmt.Sprint(s) != "{[/bin/sh] [root app]}" {
		t.Error(s)
	}
}

// BenchmarkListing lists a directory of 10,000 files, as a page asks for it.
func BenchmarkListing(b *testing.B) {
	dir := b.TempDir()
	for n := range 10_000 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file-%05d", n)), nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	r, err := OpenDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for b.Loop() {
		l, err := r.List(b.Context(), "/", 0, 10_000)
		if err != nil || len(l.Page.Entries) != 10_000 {
			b.Fatal(len(l.Page.Entries), err)
		}
	}
}
