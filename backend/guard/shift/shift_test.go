package shift

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/store"
	"davit/backend/userns/idmap"
	"davit/tests/images"
)

func TestMain(m *testing.M) { os.Exit(images.Main(m)) }

const layer = "aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11"

// asTheyAre maps nobody otherwise: a test may have one id only.
func asTheyAre() idmap.Maps {
	return idmap.Maps{UIDs: []idmap.Range{{Count: 1}}, GIDs: []idmap.Range{{Count: 1}}}
}

func newStore(t *testing.T) store.Dirs {
	t.Helper()
	d := store.Dirs{Data: t.TempDir()}
	at := filepath.Join(d.Layers(), layer)
	for _, err := range []error{
		os.MkdirAll(filepath.Join(at, "dir"), 0o755),
		os.WriteFile(filepath.Join(at, "dir", "file"), []byte("content"), 0o640),
		os.Link(filepath.Join(at, "dir", "file"), filepath.Join(at, "dir", "again")),
		os.Symlink("dir/file", filepath.Join(at, "link")),
		os.WriteFile(filepath.Join(at, "empty"), nil, 0o600),
		os.MkdirAll(d.Shifted(), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func make1(t *testing.T, d store.Dirs, husks bool) Layer {
	t.Helper()
	s := shifter{dirs: d, dir: filepath.Join(d.Shifted(), asTheyAre().Key()), ids: asTheyAre(), husks: husks}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := s.layer(t.Context(), layer)
	if err != nil {
		t.Fatal(err)
	}
	if there(l.Path) {
		t.Error("it has its name before it is on the disk")
	}
	if err := s.settle(); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestALayerIsCopiedWhole(t *testing.T) {
	l := make1(t, newStore(t), false)
	if l.Data != "" {
		t.Errorf("a copy takes content from %s", l.Data)
	}
	b, err := os.ReadFile(filepath.Join(l.Path, "dir", "again"))
	if err != nil || string(b) != "content" {
		t.Errorf("again holds %q, %v", b, err)
	}
	sameFile(t, l)
}

func TestHusksHaveEverythingButContent(t *testing.T) {
	d := newStore(t)
	l := make1(t, d, true)
	if l.Data != filepath.Join(d.Layers(), layer) {
		t.Errorf("their content is in %q", l.Data)
	}
	file := filepath.Join(l.Path, "dir", "file")
	info, err := os.Stat(file)
	if err != nil || info.Size() != 7 || info.Mode() != 0o640 || info.Sys().(*syscall.Stat_t).Blocks > 8 {
		t.Fatalf("%+v, %v", info, err)
	}
	value := make([]byte, 100)
	n, err := unix.Getxattr(file, "user.overlay.redirect", value)
	if err != nil || string(value[:n]) != "/dir/file" && string(value[:n]) != "/dir/again" {
		t.Errorf("it leads to %q, %v", value[:max(n, 0)], err)
	}
	if _, err := unix.Getxattr(filepath.Join(l.Path, "empty"), "user.overlay.redirect", value); err == nil {
		t.Error("a file without content leads to some")
	}
	sameFile(t, l)
}

// sameFile checks that hard links are hard links.
func sameFile(t *testing.T, l Layer) {
	t.Helper()
	a, err1 := os.Stat(filepath.Join(l.Path, "dir", "file"))
	b, err2 := os.Stat(filepath.Join(l.Path, "dir", "again"))
	if err1 != nil || err2 != nil || !os.SameFile(a, b) {
		t.Errorf("two names of a file are of two: %v, %v", err1, err2)
	}
}

func TestSweepKeepsWhatIsWanted(t *testing.T) {
	d := newStore(t)
	used := map[string]bool{Use(asTheyAre(), layer): true}
	old := time.Now().Add(-2 * keepUnused)
	age := func() {
		mark := filepath.Join(d.Shifted(), asTheyAre().Key(), layer+usedMark)
		if err := os.Chtimes(mark, old, old); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		age  bool
		used map[string]bool
		gone bool // the layer itself
		want bool
	}{
		{"a container has it", true, used, false, true},
		{"it was used a moment ago", false, nil, false, true},
		{"nobody used it for long", true, nil, false, false},
		{"the image is gone", false, used, true, false},
	} {
		l := make1(t, d, true)
		if c.age {
			age()
		}
		if c.gone {
			if err := os.RemoveAll(filepath.Join(d.Layers(), layer)); err != nil {
				t.Fatal(err)
			}
		}
		// What a killed process left goes in any case.
		half := filepath.Join(d.Shifted(), asTheyAre().Key(), newPrefix+layer)
		if err := os.MkdirAll(half, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := Sweep(t.Context(), d, c.used); err != nil {
			t.Fatal(c.name, err)
		}
		if there(l.Path) != c.want || there(half) {
			t.Errorf("%s: there is %v, wanted %v; what was half made is there: %v", c.name, there(l.Path), c.want, there(half))
		}
		if !c.want {
			if entries, _ := os.ReadDir(d.Shifted()); len(entries) > 1 { // the lock
				t.Errorf("%s: %v stay", c.name, entries)
			}
			continue
		}
		if err := os.RemoveAll(filepath.Dir(l.Path)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALayerThatIsMissingIsSaidToBe(t *testing.T) {
	d := newStore(t)
	_, err := Layers(t.Context(), d, []string{layer, "bb"}, asTheyAre())
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if l, err := Layers(t.Context(), d, []string{layer}, asTheyAre()); err != nil || !there(l[0].Path) {
		t.Errorf("got %v, %v", l, err)
	}
}
