package image

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"davit/backend/api"
	"davit/tests/images"
)

// killed are the verbs that are killed somewhere in the middle.
var killed = map[string]func(ctx context.Context, s *Store, arg string) error{
	"pull": func(ctx context.Context, s *Store, ref string) error {
		_, err := s.Pull(ctx, api.PullSpec{Ref: ref}, nil)
		return err
	},
	"load": func(ctx context.Context, s *Store, path string) error { _, err := s.LoadPath(ctx, path); return err },
	"remove": func(ctx context.Context, s *Store, ref string) error {
		_, err := s.Remove(ctx, ref, RemoveOptions{})
		return err
	},
	"prune": func(ctx context.Context, s *Store, _ string) error {
		_, err := s.Prune(ctx, api.PruneSpec{All: true}, nil)
		return err
	},
	"empty": func(ctx context.Context, s *Store, _ string) error {
		_, err := s.EmptyTrash(ctx, api.EmptyTrashSpec{})
		return err
	},
	"commit": func(ctx context.Context, s *Store, ref string) error {
		r, err := s.Runnable(ctx, ref)
		if err == nil {
			rootfs := Rootfs{Upper: filepath.Join(os.Getenv("DAVIT_TEST_DIR"), "upper"), Layers: r.Layers}
			_, err = s.Commit(ctx, r.ID, rootfs, Committed{}, api.CommitSpec{Name: "localhost/committed:1"})
		}
		return err
	},
	"import": func(ctx context.Context, s *Store, path string) error {
		b, err := os.ReadFile(path)
		if err == nil {
			_, err = s.Import(ctx, api.ImportSpec{Name: "localhost/imported:1"}, bytes.NewReader(b))
		}
		return err
	},
}

// TestKilledAnywhere kills each verb, in a process of its own, at times that
// cover all of it. What the next process finds is whole, and when all of it is
// removed, nothing is left.
func TestKilledAnywhere(t *testing.T) {
	if verb := os.Getenv("DAVIT_TEST_KILL"); verb != "" {
		s := open(t, in(os.Getenv("DAVIT_TEST_DIR")))
		fmt.Println("begins")
		if err := killed[verb](bg, s, os.Getenv("DAVIT_TEST_ARG")); err != nil {
			t.Error(err)
		}
		return
	}
	reg := newCounting(t)
	images.Push(t, reg.host+"/a:1", layered(t))
	archive, tar := filepath.Join(t.TempDir(), "a.tar"), filepath.Join(t.TempDir(), "rootfs.tar")
	if err := os.WriteFile(tar, images.Tar(t, images.File("a", noise(200<<10))), 0o600); err != nil {
		t.Fatal(err)
	}
	from := open(t)
	must[Pulled](t)(from.Pull(bg, api.PullSpec{Ref: reg.host + "/a:1"}, nil))
	if err := from.SaveTo(bg, api.SaveSpec{Refs: []string{reg.host + "/a:1"}, Format: api.SaveDocker, Path: archive}, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	args := map[string]string{"pull": reg.host + "/a:1", "load": archive, "import": tar, "commit": reg.host + "/a:1", "remove": "localhost/mine:1"}
	for verb := range killed {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			for round := range 8 {
				killedOnce(t, verb, args[verb], reg.host+"/a:1", time.Duration(round*round)*500*time.Microsecond)
			}
		})
	}
}

func in(dir string) func(*Config) {
	return func(c *Config) { c.ImagesDir, c.LayersDir = filepath.Join(dir, "images"), filepath.Join(dir, "layers") }
}

func killedOnce(t *testing.T, verb, arg, ref string, after time.Duration) {
	t.Helper()
	dir := t.TempDir()
	s := open(t, in(dir))
	if verb == "remove" || verb == "prune" || verb == "empty" {
		must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: ref}, nil))
		imported(t, s, "localhost/mine:1", noise(100<<10))
		imported(t, s, "localhost/thrown:1", noise(90<<10))
		must[api.RemovedImage](t)(s.Remove(bg, "localhost/thrown:1", RemoveOptions{}))
	}
	if verb == "commit" {
		must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: ref}, nil))
		writeUpper(t, filepath.Join(dir, "upper"))
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^TestKilledAnywhere$")
	cmd.Env = append(os.Environ(), "DAVIT_TEST_KILL="+verb, "DAVIT_TEST_DIR="+dir, "DAVIT_TEST_ARG="+arg)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after) // the fault itself: where in the verb it strikes
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	soundAfterAll(t, open(t, in(dir)))
}

// writeUpper makes what a container wrote: enough for a commit to take as long
// as the kills are apart.
func writeUpper(t *testing.T, dir string) {
	t.Helper()
	for n := range 40 {
		path := filepath.Join(dir, fmt.Sprint(n%4), fmt.Sprint(n))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(noise(20<<10)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// soundAfterAll sees that what is listed works, and that it can all be removed.
func soundAfterAll(t *testing.T, s *Store) {
	t.Helper()
	for _, i := range must[[]api.Image](t)(s.List(bg)) {
		must[Runnable](t)(s.Runnable(bg, i.ID))
	}
	err := s.Check(bg, api.CheckSpec{}, nil, func(c api.CheckedImage) error {
		if len(c.Damaged) > 0 {
			t.Errorf("damaged: %+v", c)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, i := range must[[]api.Image](t)(s.List(bg)) {
		must[api.RemovedImage](t)(s.Remove(bg, i.ID, RemoveOptions{Force: true, Permanent: true}))
	}
	must[api.Pruned](t)(s.EmptyTrash(bg, api.EmptyTrashSpec{}))
	if u := must[api.DiskUsage](t)(s.Usage(bg, nil)); u.Stray != 0 || u.Trash != 0 || u.ImagesSize != 0 {
		t.Errorf("left: %+v", u)
	}
	nothingLeft(t, s)
}
