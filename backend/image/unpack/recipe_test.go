package unpack

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"davit/backend/api"
	"davit/tests/images"
)

// TestRecipes: a layer can be made again unless one of its entries takes away
// what another brought.
func TestRecipes(t *testing.T) {
	long := strings.Repeat("long/", 60) + "name"
	for name, c := range map[string]struct {
		entries []images.Entry
		whole   bool
	}{
		"files":        {[]images.Entry{images.Dir("a"), images.File("a/b", "content"), images.File("empty", ""), images.Symlink("l", "a/b"), images.Hardlink("h", "a/b")}, true},
		"long names":   {[]images.Entry{images.File(long, "x")}, true},
		"through link": {[]images.Entry{images.Dir("usr/lib"), images.Symlink("lib", "usr/lib"), images.File("lib/a", "in usr")}, true},
		"whiteout":     {[]images.Entry{images.File("etc/.wh.old", ""), images.File("etc/new", "n")}, true},
		"twice":        {[]images.Entry{images.File("a", "first"), images.File("a", "second")}, false},
		"over a dir":   {[]images.Entry{images.File("d/a", "first"), images.File("d", "now a file")}, false},
		"nothing":      {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, r, err := layer(t, images.Tar(t, c.entries...))
			if err != nil || r.Recipe != c.whole {
				t.Errorf("recipe %v, want %v; %v", r.Recipe, c.whole, err)
			}
		})
	}
}

func TestTarNamesTheFileThatChanged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layer")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Remove(dir) })
	var recipe bytes.Buffer
	blob := images.Tar(t, images.Dir("etc"), images.File("etc/motd", "hello"), images.File("etc/other", "x"))
	if _, err := Layer(context.Background(), bytes.NewReader(blob), dir, Options{IDs: ids(t), Recipe: &recipe}); err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func() error{
		"has other content":  func() error { return os.WriteFile(filepath.Join(dir, "etc/motd"), []byte("hullo"), 0o644) },
		"has 3 bytes, not 5": func() error { return os.WriteFile(filepath.Join(dir, "etc/motd"), []byte("abc"), 0o644) },
		"is missing":         func() error { return os.Remove(filepath.Join(dir, "etc/motd")) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		err := Tar(context.Background(), &bytes.Buffer{}, bytes.NewReader(recipe.Bytes()), dir)
		if api.KindOf(err) != api.KindCorrupt || !strings.Contains(err.Error(), "\"/etc/motd\" "+what) {
			t.Errorf("%s: %v", what, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "etc/motd"), []byte("hello"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	half := recipe.Bytes()[:recipe.Len()/2]
	if err := Tar(context.Background(), &bytes.Buffer{}, bytes.NewReader(half), dir); api.KindOf(err) != api.KindCorrupt {
		t.Errorf("half a recipe: %v", err)
	}
}

func FuzzRecipe(f *testing.F) {
	f.Add([]byte("\x00\x01a\x05"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = Tar(context.Background(), &bytes.Buffer{}, bytes.NewReader(b), dir) // must end, and not crash
	})
}
