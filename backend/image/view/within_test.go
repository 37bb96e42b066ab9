package view

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"davit/backend/api"
)

// TestDifferencesAreThoseOfChanges: in each directory of a tree.
func TestDifferencesAreThoseOfChanges(t *testing.T) {
	top, mid, low := t.TempDir(), t.TempDir(), t.TempDir()
	for name, dirs := range map[string][]string{
		"a/one": {low}, "a/two": {low, mid}, "a/three": {top}, "a/deep/four": {top, mid}, "a/deep/five": {mid},
		"new/deep/six": {top}, "only/below": {low}, "kind": {low}, "same/x": {low, top}, "mode/x": {mid, top},
	} {
		for _, d := range dirs {
			write(t, filepath.Join(d, name), d)
		}
	}
	write(t, filepath.Join(top, "was/file"), "a directory where a file was")
	write(t, filepath.Join(low, "was"), "a file")
	if err := os.Symlink("/nowhere", filepath.Join(top, "a/one")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(top, "mode"), 0o700); err != nil {
		t.Fatal(err)
	}
	tree, err := Open([]string{top, mid, low})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	want := map[string][]Difference{}
	err = tree.Changes(context.Background(), func(c Changed) error {
		dir := path.Dir(c.Node.Path)
		want[dir] = append(want[dir], Difference{path.Base(c.Node.Path), c.Kind, c.Alike})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(want["/"]) != 5 || len(want["/a"]) != 3 {
		t.Fatalf("the tree is not what it should be: %v", want)
	}
	for _, dir := range []string{"/", "/a", "/a/deep", "/new", "/new/deep", "/only", "/same", "/was", "/absent", "/a/one"} {
		got, err := tree.Differences(context.Background(), dir)
		if err != nil || !slices.Equal(got, want[dir]) {
			t.Errorf("%s: %v %v, want %v", dir, got, err, want[dir])
		}
	}
	if i := slices.Index(want["/"], Difference{"mode", api.ChangeModified, false}); i < 0 {
		t.Errorf("a directory with another mode: %v", want["/"])
	}
}
