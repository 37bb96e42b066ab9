package tree

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/tests/images"
)

func TestMain(m *testing.M) { os.Exit(images.Main(m)) }

func check(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// sample makes a tree with one of each: files, links of both kinds, a hole, a
// pipe, a directory of an old time and odd mode.
func sample(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	check(t,
		os.MkdirAll(at("d/e"), 0o755),
		os.WriteFile(at("d/file"), []byte("content"), 0o600),
		os.Link(at("d/file"), at("d/e/again")),
		os.Symlink("/etc/passwd", at("outside")),
		unix.Mkfifo(at("pipe"), 0o640),
		os.WriteFile(at("holes"), nil, 0o644),
		os.Truncate(at("holes"), 8<<20),
		os.WriteFile(at("suid"), []byte("x"), 0o755),
		os.Chmod(at("suid"), 0o755|fs.ModeSetuid),
		unix.Setxattr(at("d/file"), "user.note", []byte("mine"), 0),
		unix.Setxattr(at("d"), "user.overlay.opaque", []byte("y"), 0),
		os.Chmod(at("d"), 0o710),
		os.Chtimes(at("d"), time.Unix(1000, 0), time.Unix(1000, 0)),
	)
	return dir
}

func TestACopyIsWhatWasCopied(t *testing.T) {
	from, to := sample(t), t.TempDir()
	got, err := Copy(t.Context(), from, to, Options{})
	check(t, err)
	if got.Files != 8 {
		t.Errorf("it counts %d entries", got.Files)
	}
	at := func(name string) string { return filepath.Join(to, name) }
	a, err1 := os.Stat(at("d/file"))
	b, err2 := os.Stat(at("d/e/again"))
	check(t, err1, err2)
	if !os.SameFile(a, b) || a.Mode() != 0o600 {
		t.Errorf("a hard link is none, or of another mode: %v", a.Mode())
	}
	if text, err := os.ReadFile(at("d/e/again")); err != nil || string(text) != "content" {
		t.Errorf("it holds %q, %v", text, err)
	}
	if link, err := os.Readlink(at("outside")); err != nil || link != "/etc/passwd" {
		t.Errorf("the link leads to %q, %v", link, err)
	}
	var st unix.Stat_t
	check(t, unix.Stat(at("holes"), &st))
	if st.Size != 8<<20 || st.Blocks*512 > 1<<20 {
		t.Errorf("the holes take %d bytes", st.Blocks*512)
	}
	check(t, unix.Lstat(at("pipe"), &st))
	if st.Mode != unix.S_IFIFO|0o640 {
		t.Errorf("the pipe has mode %o", st.Mode)
	}
	for name, mode := range map[string]fs.FileMode{"d": fs.ModeDir | 0o710, "suid": 0o755 | fs.ModeSetuid} {
		if info, err := os.Stat(at(name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if info, err := os.Stat(at("d")); err != nil || !info.ModTime().Equal(time.Unix(1000, 0)) {
		t.Errorf("d is of %v, %v", info.ModTime(), err)
	}
	note := make([]byte, 10)
	if n, err := unix.Getxattr(at("d/file"), "user.note", note); err != nil || string(note[:n]) != "mine" {
		t.Errorf("its note is %q, %v", note[:max(n, 0)], err)
	}
	if _, err := unix.Getxattr(at("d"), "user.overlay.opaque", note); err == nil {
		t.Error("what only overlayfs understands is in a copy for others")
	}
}

func TestACopyReplacesWhatIsInItsWay(t *testing.T) {
	from, to := sample(t), t.TempDir()
	canary := filepath.Join(t.TempDir(), "canary")
	check(t,
		os.WriteFile(canary, []byte("alive"), 0o644),
		os.Symlink(canary, filepath.Join(to, "suid")),
		os.Symlink(filepath.Dir(canary), filepath.Join(to, "d")),
		os.Mkdir(filepath.Join(to, "outside"), 0o755),
		os.WriteFile(filepath.Join(to, "stays"), nil, 0o644),
	)
	_, err := Copy(t.Context(), from, to, Options{Overlay: true})
	check(t, err)
	if text, err := os.ReadFile(canary); err != nil || string(text) != "alive" {
		t.Errorf("it was followed out of the tree: %q, %v", text, err)
	}
	if info, err := os.Lstat(filepath.Join(to, "d")); err != nil || !info.IsDir() {
		t.Errorf("d is %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(filepath.Join(to, "stays")); err != nil {
		t.Error(err)
	}
	mark := make([]byte, 2)
	if n, err := unix.Getxattr(filepath.Join(to, "d"), "user.overlay.opaque", mark); err != nil || string(mark[:n]) != "y" {
		t.Errorf("the mark of overlayfs is %q, %v", mark[:max(n, 0)], err)
	}
}

func TestFillSeesLayersAsTheContainerDoes(t *testing.T) {
	low, mid, top, to := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		low + "/srv/data/old": "low", low + "/srv/data/both": "low", mid + "/srv/data/both": "mid", top + "/srv/data/new": "top",
	} {
		check(t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	}
	check(t, Fill(t.Context(), to, []string{low, mid, top}, "/srv/data", Options{}))
	for name, want := range map[string]string{"old": "low", "both": "mid", "new": "top"} {
		if text, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(text) != want {
			t.Errorf("%s holds %q, %v", name, text, err)
		}
	}
	check(t, unix.Setxattr(top+"/srv", "user.overlay.opaque", []byte("y"), 0))
	check(t, Fill(t.Context(), to, []string{low, mid, top}, "/srv/data", Options{}))
	if names, err := os.ReadDir(to); err != nil || len(names) != 1 || names[0].Name() != "new" {
		t.Errorf("what is hidden is there: %v, %v", names, err)
	}
}

func TestSizeOwnersAndEmpty(t *testing.T) {
	dir := sample(t)
	files, bytes, err := Size(t.Context(), dir)
	if err != nil || files != 8 || bytes != 7+8<<20+1 {
		t.Errorf("%d entries of %d bytes, %v", files, bytes, err)
	}
	n := 0
	check(t, Owners(t.Context(), dir, func(uid, gid int, _ int64) {
		n++
		if uid != os.Getuid() || gid != os.Getgid() {
			t.Errorf("something is %d:%d's", uid, gid)
		}
	}))
	if n != 9 { // itself, too
		t.Errorf("%d have an owner", n)
	}
	asked := 0
	check(t, Chown(t.Context(), dir, func(uid, gid int) (int, int) { asked++; return uid, gid }))
	if asked != 9 {
		t.Errorf("it asks for %d", asked)
	}
	if info, err := os.Stat(filepath.Join(dir, "suid")); err != nil || info.Mode()&fs.ModeSetuid == 0 {
		t.Errorf("setuid is gone: %v, %v", info.Mode(), err)
	}
	check(t, Empty(dir))
	if empty, err := IsEmpty(dir); err != nil || !empty {
		t.Errorf("it is not empty: %v", err)
	}
}
