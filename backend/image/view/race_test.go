package view

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestNothingOutsideIsReadWhileContainersSwap: a container that replaces
// directories and files by symbolic links to the host's, as fast as it can,
// while its files are exported, compared and looked up.
func TestNothingOutsideIsReadWhileContainersSwap(t *testing.T) {
	root := t.TempDir()
	upper, lower, canary := filepath.Join(root, "upper"), filepath.Join(root, "lower"), filepath.Join(root, "canary")
	write(t, filepath.Join(canary, "secret"), "CANARY-SECRET")
	write(t, filepath.Join(upper, "d/secret"), "mine")
	write(t, filepath.Join(upper, "f"), "mine")
	write(t, filepath.Join(lower, "d/secret"), "below")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d, f := filepath.Join(upper, "d"), filepath.Join(upper, "f")
		for ctx.Err() == nil {
			_ = os.Rename(d, d+".real")
			_ = os.Symlink(canary, d)
			_ = os.Rename(f, f+".real")
			_ = os.Symlink(filepath.Join(canary, "secret"), f)
			_ = os.Remove(d)
			_ = os.Rename(d+".real", d)
			_ = os.Remove(f)
			_ = os.Rename(f+".real", f)
		}
	}()
	defer func() { cancel(); <-done }()
	for range 300 {
		tree, err := Open([]string{upper, lower})
		if err != nil {
			t.Fatal(err)
		}
		for what, do := range map[string]func(io.Writer) error{
			"export": func(w io.Writer) error { return tree.Export(context.Background(), w) },
			"diff":   func(w io.Writer) error { return tree.Diff(context.Background(), w, nil) },
			"lookup": func(w io.Writer) error { return readAt(tree, "/d/secret", w) },
			"file":   func(w io.Writer) error { return readAt(tree, "/f", w) },
		} {
			var b bytes.Buffer
			err := do(&b)
			if strings.Contains(b.String(), "CANARY") {
				t.Fatalf("%s read a file of the host", what)
			}
			k := api.KindOf(err)
			looked := what == "lookup" || what == "file"
			if err != nil && (!looked || k != api.KindNotFound && k != api.KindConflict && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ELOOP)) {
				t.Fatalf("%s: %v", what, err)
			}
		}
		tree.Close()
	}
}

func readAt(tree *Tree, path string, w io.Writer) error {
	return tree.Lookup(path, true, func(n *Node) error {
		if !n.Regular() {
			return nil
		}
		f, err := n.OpenFile()
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
}

func TestExportKeepsWhatFilesAre(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "a"), "text")
	if err := os.Link(filepath.Join(root, "a"), filepath.Join(root, "b")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(root, "a"), 0o4750|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	tree, err := Open([]string{root})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	var b bytes.Buffer
	if err := tree.Export(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	got := map[string]*tar.Header{}
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = h
	}
	if h := got["b"]; h == nil || h.Typeflag != tar.TypeLink || h.Linkname != "a" {
		t.Errorf("%+v", h)
	}
	if h := got["link"]; h == nil || h.Linkname != "/etc/passwd" {
		t.Errorf("%+v", h)
	}
	if h := got["a"]; h == nil || h.Mode != 0o4750 {
		t.Errorf("%+v", h)
	}
}
