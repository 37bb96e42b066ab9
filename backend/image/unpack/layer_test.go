package unpack

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

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/tests/images"
)

func TestMain(m *testing.M) { os.Exit(images.Main(m)) }

func ids(t testing.TB) IDs {
	t.Helper()
	i, err := ReadIDs()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func layer(t testing.TB, blob []byte, o ...Limits) (string, Result, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layer")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Remove(dir); err != nil {
			t.Error(err)
		}
	})
	opt := Options{IDs: ids(t)}
	if len(o) > 0 {
		opt.Limits = o[0]
	}
	var recipe bytes.Buffer
	opt.Recipe = &recipe
	r, err := Layer(context.Background(), bytes.NewReader(blob), dir, opt)
	if err == nil && r.Recipe {
		sameTar(t, blob, &recipe, dir)
	}
	return dir, r, err
}

// sameTar makes the tar again from what was unpacked: whatever a layer is, its
// recipe gives it back or says that it cannot.
func sameTar(t testing.TB, blob []byte, recipe io.Reader, dir string) {
	t.Helper()
	z, _, err := Decompress(bytes.NewReader(blob))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	want, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := Tar(context.Background(), &got, recipe, dir); err != nil {
		t.Errorf("make the tar again: %v", err)
	} else if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the tar that was made again has %d bytes and is another than the %d that it was", got.Len(), len(want))
	}
}

func unpacked(t testing.TB, entries ...images.Entry) string {
	t.Helper()
	dir, _, err := layer(t, images.Tar(t, entries...))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func stat(t testing.TB, p string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(p, &st); err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	return st
}

func body(t testing.TB, p string) string {
	t.Helper()
	b, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func xattr(p, k string) string {
	b := make([]byte, 256)
	n, err := unix.Lgetxattr(p, k, b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

func TestAttributes(t *testing.T) {
	at := time.Date(2020, 2, 3, 4, 5, 6, 789, time.UTC)
	dir := unpacked(t,
		images.Entry{Name: "d/", Mode: 0o1777, Time: at},
		images.Entry{Name: "d/suid", Body: "x", Mode: 0o6755, Time: at},
		images.Entry{Name: "open", Body: "x", Mode: 0o666, Time: at},
		images.Entry{Name: "d/cap", Body: "x", Mode: 0o755, Xattrs: map[string]string{"user.a": "1", "user.overlay.opaque": "y", "trusted.x": "1"}},
		images.Symlink("l", "/nowhere"), images.Hardlink("h", "open"),
		images.Entry{Name: "p", Type: tar.TypeFifo, Mode: 0o622},
		images.Entry{Name: "c", Type: tar.TypeChar},
		images.Entry{Name: "old", Time: time.Unix(-5, 0)}, images.Entry{Name: "far", Time: time.Unix(1<<40, 0)},
	)
	for p, mode := range map[string]uint32{"d": unix.S_IFDIR | 0o1777, "d/suid": unix.S_IFREG | 0o6755, "open": unix.S_IFREG | 0o666, "p": unix.S_IFIFO | 0o622} {
		if st := stat(t, filepath.Join(dir, p)); st.Mode != mode {
			t.Errorf("%s: mode %o, want %o", p, st.Mode, mode)
		}
	}
	for _, p := range []string{"d", "open"} {
		if st := stat(t, filepath.Join(dir, p)); time.Unix(st.Mtim.Unix()) != at.Local() {
			t.Errorf("%s: time %v", p, time.Unix(st.Mtim.Unix()))
		}
	}
	if st := stat(t, filepath.Join(dir, "h")); st.Nlink != 2 {
		t.Errorf("hard link count %d", st.Nlink)
	}
	if a, o := xattr(filepath.Join(dir, "d/cap"), "user.a"), xattr(filepath.Join(dir, "d/cap"), "user.overlay.opaque"); a != "1" || o != "" {
		t.Errorf("xattrs %q %q", a, o)
	}
	if _, err := os.Lstat(filepath.Join(dir, "c")); err == nil {
		t.Error("a device node was made")
	}
}

func TestWhiteouts(t *testing.T) {
	white := func(n string) images.Entry { return images.File(n, "") }
	dir := unpacked(t, white(".wh.gone"), white("x/.wh.gone"),
		images.Dir("o"), images.File("o/new", "2"), white("o/.wh..wh..opq"),
		white(".wh.a"), images.File("a", "NEW"), images.File("b", "NEW"), white(".wh.b"),
		white(".wh.d"), images.Dir("d"), images.Dir("e"), white(".wh.e"), white(".wh.f"), images.File("f/x", "1"),
		images.Dir(".wh..wh.plnk"), images.File(".wh..wh.plnk/1", "x"), white(".wh..wh.aufs"))
	for _, p := range []string{"gone", "x/gone"} {
		if st := stat(t, filepath.Join(dir, p)); !isWhiteout(&st) {
			t.Errorf("%s is no whiteout: %o", p, st.Mode)
		}
	}
	for _, p := range []string{"o", "d", "e", "f"} {
		if xattr(filepath.Join(dir, p), "user.overlay.opaque") != "y" {
			t.Errorf("%s is not opaque", p)
		}
	}
	for _, p := range []string{"a", "b"} {
		if body(t, filepath.Join(dir, p)) != "NEW" {
			t.Errorf("%s", p)
		}
	}
	err := filepath.Walk(dir, func(p string, _ os.FileInfo, err error) error {
		if strings.HasPrefix(filepath.Base(p), ".wh.") {
			t.Errorf("marker %s is visible", p)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLastEntryWins(t *testing.T) {
	dir := unpacked(t, images.File("p", "1"), images.Dir("p"), images.File("p/in", "x"), images.Symlink("p", "/etc"),
		images.File("q", "1"), images.Hardlink("p", "q"), images.File("p", "LAST"),
		images.Symlink("l", "/tmp"), images.Dir("l"), images.File("l/x", "1"),
		images.File("a/b/c", "1"), images.Entry{Name: "a/", Mode: 0o750})
	if body(t, filepath.Join(dir, "p")) != "LAST" || body(t, filepath.Join(dir, "q")) != "1" {
		t.Error("the last entry does not count, or wrote through a hard link")
	}
	if st := stat(t, filepath.Join(dir, "l")); st.Mode&unix.S_IFMT != unix.S_IFDIR {
		t.Errorf("l is %o", st.Mode)
	}
	if st := stat(t, filepath.Join(dir, "a")); st.Mode&0o7777 != 0o750 {
		t.Errorf("a has mode %o", st.Mode)
	}
}

func TestSymlinksEndAtTheLayersRoot(t *testing.T) {
	outside := t.TempDir()
	dir := unpacked(t, images.Symlink("abs", outside), images.File("abs/x", "1"),
		images.Symlink("up", "../../../../../../../../"+outside), images.File("up/y", "1"),
		images.Dir("usr/lib"), images.Symlink("lib", "usr/lib"), images.File("lib/z", "1"))
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Fatalf("written outside: %v", left)
	}
	for _, p := range []string{filepath.Join(outside, "x"), filepath.Join(outside, "y"), "usr/lib/z"} {
		if body(t, filepath.Join(dir, p)) != "1" {
			t.Errorf("%s is not inside", p)
		}
	}
}

func TestRefusals(t *testing.T) {
	for why, entries := range map[string][]images.Entry{
		"dot dot":        {images.File("../x", "")},
		"inner dot dot":  {images.File("a/../../x", "")},
		"long name":      {images.File(strings.Repeat("n", 256), "")},
		"long path":      {images.File(strings.Repeat("dddddddddd/", 800)+"f", "")},
		"file as parent": {images.File("a", "1"), images.File("a/b", "1")},
		"loop":           {images.Symlink("a", "b"), images.Symlink("b", "a"), images.File("a/x", "")},
		"self link":      {images.Hardlink("a", "a")},
		"directory link": {images.Dir("d"), images.Hardlink("a", "d")},
		"root link":      {images.Hardlink("a", ".")},
		"whiteout root":  {images.File(".wh.", "")},
		"whiteout up":    {images.File(".wh...", "")},
		"no such uid":    {{Name: "a", UID: 1<<32 - 1}},
	} {
		_, _, err := layer(t, images.Tar(t, entries...))
		if api.KindOf(err) != api.KindCorrupt {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestLimits(t *testing.T) {
	var zeros bytes.Buffer
	z, _ := zstd.NewWriter(&zeros)
	z.Write(make([]byte, 32<<20))
	z.Close()
	for why, c := range map[string]struct {
		blob []byte
		l    Limits
	}{
		"entries": {images.Tar(t, images.File("a", ""), images.File("b", "")), Limits{Entries: 1}},
		"bytes":   {images.Tar(t, images.File("a", strings.Repeat("x", 1<<20))), Limits{Bytes: 1 << 19}},
		"zeros":   {zeros.Bytes(), Limits{Bytes: 1 << 20}},
	} {
		if _, _, err := layer(t, c.blob, c.l); api.KindOf(err) != api.KindCorrupt {
			t.Errorf("%s: %v", why, err)
		}
	}
	if _, _, err := layer(t, images.Tar(t, images.File("a", "1")), Limits{Reserve: 1 << 60}); api.KindOf(err) != api.KindNoSpace {
		t.Errorf("room: %v", err)
	}
}

func TestCompressions(t *testing.T) {
	plain := images.Tar(t, images.File("a", "1"))
	var gz, zs bytes.Buffer
	g := gzip.NewWriter(&gz)
	g.Write(plain[:600])
	g.Close()
	g.Reset(&gz) // a second member
	g.Write(plain[600:])
	g.Close()
	z, _ := zstd.NewWriter(&zs)
	z.Write(plain)
	z.Close()
	for kind, blob := range map[Compression][]byte{Plain: plain, Gzip: gz.Bytes(), Zstd: zs.Bytes()} {
		dir, r, err := layer(t, blob)
		if err != nil || r.Compression != kind || r.Tar != int64(len(plain)) || r.Size != int64(len(blob)) || body(t, filepath.Join(dir, "a")) != "1" {
			t.Errorf("%q: %+v, %v", kind, r, err)
		}
	}
	for why, blob := range map[string][]byte{"cut": gz.Bytes()[:gz.Len()-6], "html": []byte("<html>Sign in</html>"), "xz": {0xfd, '7', 'z', 'X', 'Z', 0, 1, 2, 3}} {
		if _, _, err := layer(t, blob); api.KindOf(err) != api.KindCorrupt {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestUnmappedOwner(t *testing.T) {
	limited := IDs{users: []span{{0, 1}, {1, 65536}}, groups: []span{{0, 65537}}}
	if _, _, err := limited.owner("a", 70000, 0); api.KindOf(err) != api.KindCorrupt || !strings.Contains(err.Error(), "70000") {
		t.Errorf("%v", err)
	}
	single := IDs{users: []span{{0, 1}}, groups: []span{{0, 1}}}
	if u, g, err := single.owner("a", 1000, 1000); u != 0 || g != 0 || err != nil {
		t.Errorf("single: %d %d %v", u, g, err)
	}
	if _, _, err := single.owner("a", -1, 0); err == nil {
		t.Error("uid -1 was accepted")
	}
}

func TestResolveCopiesFromTheNearestLayer(t *testing.T) {
	low := unpacked(t, images.Entry{Name: "orig", Body: "LOW", Mode: 0o4755}, images.Symlink("s", "orig"))
	mid := unpacked(t, images.Entry{Name: "orig", Body: "MID", Mode: 0o700}, images.File(".wh.hidden", ""))
	dir, r, err := layer(t, images.Tar(t, images.Hardlink("copy", "orig"), images.Hardlink("deep/s", "s"), images.Hardlink("later", "orig"), images.File("later", "own")))
	if err != nil || len(r.Links) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := Resolve(dir, r.Links, []string{mid, low}); err != nil {
		t.Fatal(err)
	}
	if body(t, filepath.Join(dir, "copy")) != "MID" || body(t, filepath.Join(dir, "later")) != "own" {
		t.Error("wrong content")
	}
	if st := stat(t, filepath.Join(dir, "copy")); st.Mode&0o7777 != 0o700 {
		t.Errorf("mode %o", st.Mode)
	}
	if to, err := os.Readlink(filepath.Join(dir, "deep/s")); err != nil || to != "orig" {
		t.Errorf("%q, %v", to, err)
	}
	for _, target := range []string{"nowhere", "hidden"} {
		if err := Resolve(dir, []Link{{Name: "n", Target: target}}, []string{mid, low}); api.KindOf(err) != api.KindCorrupt {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestRemoveDirectoriesNobodyMayEnter(t *testing.T) {
	dir := unpacked(t, images.Entry{Name: "no/", Mode: -1}, images.File("no/x", "1"), images.Entry{Name: "no/sub/", Mode: -1}, images.File("no/sub/y", "1"))
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}

func TestCancel(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	r := readerFunc(func(p []byte) (int, error) { cancel(); <-ctx.Done(); return 0, ctx.Err() })
	if _, err := Layer(ctx, r, dir, Options{IDs: ids(t)}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestManyFilesInOrder(t *testing.T) {
	var entries []images.Entry
	for i := range 5000 {
		entries = append(entries, images.File(fmt.Sprintf("d%d/e%d/f%d", i%100, i%7, i), fmt.Sprint(i)))
	}
	dir, r, err := layer(t, images.Tar(t, entries...))
	if err != nil || r.Entries != 5000 {
		t.Fatalf("%+v, %v", r, err)
	}
	for i := 0; i < 5000; i += 499 {
		if body(t, filepath.Join(dir, fmt.Sprintf("d%d/e%d/f%d", i%100, i%7, i))) != fmt.Sprint(i) {
			t.Errorf("file %d", i)
		}
	}
}

func FuzzLayer(f *testing.F) {
	f.Add(images.Tar(f, images.File("a", "1"), images.Symlink("l", "/x"), images.Hardlink("h", "a"), images.File("d/.wh..wh..opq", "")))
	f.Add(images.Tar(f, images.Symlink("a", ".."), images.File("a/x", "1"), images.File(".wh.a", "")))
	i := ids(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		top := t.TempDir()
		dir := filepath.Join(top, "in", "layer")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_, _ = Layer(context.Background(), bytes.NewReader(b), dir, Options{IDs: i, Limits: Limits{Bytes: 16 << 20, Sparse: 1 << 20}})
		for p, want := range map[string]int{top: 1, filepath.Join(top, "in"): 1} {
			if got, err := os.ReadDir(p); err != nil || len(got) != want {
				t.Fatalf("%s holds %v, %v", p, got, err)
			}
		}
		if err := Remove(dir); err != nil {
			t.Fatal(err)
		}
	})
}
