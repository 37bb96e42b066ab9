package image

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"davit/backend/api"
	"davit/tests/images"
)

// hostileCase is a row of the generator's cases.json.
type hostileCase struct{ ID, Group, Title, Verdict string }

// slowest is how long one case may take.
const slowest = 60 * time.Second

// TestHostileArchives loads every case that shared/hostile/hostile_layers
// makes, as archive and as directory. What has to be refused is refused, what
// has to work works, and nothing outside the store changes.
func TestHostileArchives(t *testing.T) {
	src := images.Shared(t, "hostile", "hostile_layers")
	dir, canary := t.TempDir(), filepath.Join(t.TempDir(), "canary")
	plant(t, canary)
	generate(t, src, dir, canary)
	b, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []hostileCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 200 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		for _, form := range []string{"oci.tar", "oci", "docker.tar"} {
			path := filepath.Join(dir, c.ID, form)
			if _, err := os.Stat(path); err != nil {
				continue
			}
			t.Run(c.ID+"/"+form, func(t *testing.T) {
				t.Parallel()
				hostile(t, c, form, path, canary)
			})
		}
	}
}

// generate runs the generator from a copy, which has a module of its own.
func generate(t *testing.T, src, out, canary string) {
	t.Helper()
	mod := t.TempDir()
	if err := os.CopyFS(mod, os.DirFS(src)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", ".", "-out", out, "-canary", canary)
	cmd.Dir, cmd.Env = mod, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("hostile_layers: %v\n%s", err, b)
	}
}

func plant(t *testing.T, canary string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(canary, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"secret": "CANARY-SECRET\n", "dir/keep": "keep"} {
		if err := os.WriteFile(filepath.Join(canary, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
}

func hostile(t *testing.T, c hostileCase, form, path, canary string) {
	before := snapshot(t, canary)
	s := open(t)
	start := time.Now()
	list, err := s.LoadPath(bg, path)
	if took := time.Since(start); took > slowest {
		t.Errorf("took %s", took)
	}
	if c.Verdict == "reject" && err == nil {
		t.Errorf("%s: accepted", c.Title)
	}
	if c.Verdict == "accept" && err != nil {
		t.Errorf("%s: refused: %v", c.Title, err)
	}
	if after := snapshot(t, canary); after != before {
		t.Errorf("the canary changed:\n%s\n%s", before, after)
	}
	if err != nil {
		refusal(t, s, err)
		return
	}
	for _, i := range list {
		if _, err := s.Runnable(bg, i.ID); err != nil {
			t.Errorf("run: %v", err)
		}
		if _, err := s.Remove(bg, i.ID, RemoveOptions{Force: true, Permanent: true}); err != nil {
			t.Errorf("remove: %v", err)
		}
	}
	nothingLeft(t, s)
}

// refusal sees that an error reads well and that nothing was kept.
func refusal(t *testing.T, s *Store, err error) {
	t.Helper()
	if k := api.KindOf(err); k == api.KindInternal {
		t.Errorf("the error has no kind: %v", err)
	}
	if m := err.Error(); strings.ContainsAny(m, "\x1b\n\r") || len(m) > 1000 || strings.Contains(m, "SECRET") {
		t.Errorf("the error does not read well: %q", m)
	}
	if list, lerr := s.List(bg); lerr != nil || len(list) != 0 {
		t.Errorf("images after a refusal: %v, %v", list, lerr)
	}
	if _, _, err := s.Collect(bg); err != nil {
		t.Errorf("collect: %v", err)
	}
	nothingLeft(t, s)
}

func nothingLeft(t *testing.T, s *Store) {
	t.Helper()
	for _, dir := range []string{s.c.LayersDir, filepath.Join(s.c.ImagesDir, "blobs")} {
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				t.Errorf("left: %s", p)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// snapshot describes a tree: names, modes, owners, links, sizes, content.
func snapshot(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(root, func(p string, st os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %v %d", p, st.Mode(), st.Size())
		if st.Mode().IsRegular() {
			c, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %q", c)
		}
		sys := st.Sys().(*syscall.Stat_t)
		fmt.Fprintln(&b, sys.Uid, sys.Gid, sys.Ino, st.IsDir() || sys.Nlink == 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
