package faults

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"davit/backend/api"
)

// odd are names of directories that separators, escapes and lengths trip over.
var odd = map[string]string{
	"separators": "a b  c :d::e:,f,upperdir=x, ",
	"newline":    "-rf\na\n",
	"long":       strings.Repeat("long", 50),
	"escapes":    `a\b\\040c\"d'e` + "`f$(g)100%s%n",
	"foreign":    "ä\x01\u202e語[b]*?{c}",
}

func TestOddHomes(t *testing.T) {
	for what, name := range odd {
		t.Run(what, func(t *testing.T) {
			p := newPlaceIn(t, name)
			if out := p.davit("run", "--rm", busybox, "sh", "-c", "echo text >/file; cat /file; id -u"); out != "text\n0" {
				t.Errorf("run: %q", out)
			}
			volume := filepath.Join(p.Dir, name, "volume")
			check(t, os.Mkdir(volume, 0o700))
			mount := "type=bind,source=" + volume + ",target=/volume"
			if strings.ContainsAny(name, ",\"\n") { // no value of --mount
				mount = ""
			}
			args := []string{"run", "-d", "--name", "one"}
			if mount != "" {
				args = append(args, "--mount", mount)
			}
			p.davit(append(args, busybox, "sh", "-c", "touch /volume/made; echo began; "+forever)...)
			p.eventually("it writes", func() bool { return p.davit("logs", "one") == "began" })
			if _, err := os.Stat(filepath.Join(volume, "made")); mount != "" && err != nil {
				t.Error(err)
			}
			p.strike(guard, patience)
			if out := p.davit("exec", "one", "echo", "inside"); out != "inside" {
				t.Errorf("exec: %q", out)
			}
			p.davit("restart", "-t", "0", "one")
			p.davit("rm", "-f", "one")
			if left, err := os.ReadDir(p.dirs().Containers()); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// newPlaceIn is a place whose every directory lies in one of that name.
func newPlaceIn(t *testing.T, name string) *place {
	t.Helper()
	t.Parallel()
	p := bare(t)
	for _, v := range []string{"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"} {
		dir := filepath.Join(p.Dir, name, v)
		check(t, os.MkdirAll(dir, 0o700))
		p.env = append(p.env, v+"="+dir)
	}
	p.load()
	return p
}

// A home that cannot be written still shows what is there, and says why the
// rest does not work.
func TestReadOnlyHome(t *testing.T) {
	p := cage(t, "mount --bind $DATA $DATA")
	p.load()
	p.davit("create", "--name", "one", busybox, "true")
	p.quiet()
	p.sh("mount -o remount,bind,ro $DATA")
	if c := p.container("one"); c.State != api.StateCreated {
		t.Errorf("one is %s", c.State)
	}
	p.davit("images")
	p.davit("inspect", "one")
	p.davit("logs", "one")
	for _, args := range [][]string{{"run", busybox, "true"}, {"start", "one"}, {"rm", "one"}, {"tag", busybox, "other"}} {
		out, code := p.try(args...)
		if code == 0 || !strings.Contains(out, "read-only") || strings.Contains(out, "panic") {
			t.Errorf("davit %v: %d, %s", args, code, out)
		}
	}
	p.quiet() // its mount namespace goes
	p.sh("mount -o remount,bind,rw $DATA")
	p.davit("start", "one")
	p.state("one", api.StateExited)
	p.davit("rm", "one")
}

// Without newuidmap one id can be had, and simple images run.
func TestNoSubordinateIDs(t *testing.T) {
	t.Parallel()
	p := bare(t)
	p.env = []string{"PATH=/nonexistent"}
	p.load()
	if out := p.davit("run", "--rm", busybox, "sh", "-c", "id -u; cat /proc/self/uid_map | wc -l"); out != "0\n1" {
		t.Errorf("run: %q", out)
	}
	out, code := p.try("run", "--rm", "--user", "1000", busybox, "true")
	if code != 125 || !strings.Contains(out, "subordinate ids") {
		t.Errorf("another user: %d, %s", code, out)
	}
	p.davit("run", "-d", "--name", "one", busybox, "sh", "-c", forever)
	p.strike(guard, patience)
	p.davit("rm", "-f", "one")
}

// With few descriptors fewer containers run. The one too many is told so,
// and the others do not suffer, not even by a killed guard.
func TestFewDescriptors(t *testing.T) {
	p := newPlace(t)
	check(t, p.PowerCut(t.Context())) // all that runs is to have the limit
	limited := func(args ...string) (string, error) {
		cmd := exec.Command("sh", append([]string{"-c", `ulimit -n 64; exec "$@"`, "sh", filepath.Join(p.Bin, "davit")}, args...)...)
		cmd.Env = p.command().Env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	before := map[string]api.Container{}
	for n := 0; ; n++ {
		name := "c" + itoa(n)
		out, err := limited("run", "-d", "--name", name, busybox, "sh", "-c", "echo began; "+forever)
		if err != nil {
			if n < 3 || !strings.Contains(out, "open files") {
				t.Errorf("after %d containers: %v: %s", n, err, out)
			}
			break
		}
		if n > 60 {
			t.Fatal("more than the descriptors can be enough for")
		}
		before[name] = p.state(name, api.StateRunning)
	}
	t.Logf("%d containers with 64 descriptors", len(before))
	for range 3 {
		p.strike(guard, patience)
		p.unchanged(before)
	}
	for name := range before {
		if out, err := limited("logs", name); out != "began\n" {
			t.Errorf("logs: %q, %v", out, err)
		}
		if out, err := limited("rm", "-f", name); err != nil {
			t.Errorf("rm: %v: %s", err, out)
		}
	}
	p.gone(before)
	if out, err := limited("run", "--rm", busybox, "echo", "again"); out != "again\n" {
		t.Errorf("run: %q, %v", out, err)
	}
}

// What the kernel leaves of an overlay has no permissions at all.
func TestWorkDirectoryWithoutPermissions(t *testing.T) {
	p := newPlace(t)
	p.davit("run", "-d", "--name", "one", busybox, "sh", "-c", "mkdir -p /a/b; chmod 0 /a; "+forever)
	work := filepath.Join(string(p.dir("one")), "work", "work")
	if info, err := os.Stat(work); err != nil || info.Mode().Perm() != 0 {
		t.Errorf("%v, %v: the kernel makes it without permissions", info, err)
	}
	check(t, p.PowerCut(t.Context())) // it is mounted and not unmounted
	p.davit("rm", "-f", "one")
	if left, err := os.ReadDir(p.dirs().Containers()); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A file of a container that somebody has open or stands in does not keep it.
func TestRemovingWhileMounted(t *testing.T) {
	p := newPlace(t)
	p.davit("run", "-d", "--name", "one", busybox, "sh", "-c", "echo began; cd /tmp; "+forever)
	dir := p.dir("one")
	stay := exec.Command("sleep", "1000")
	stay.Dir = dir.Upper()
	check(t, stay.Start())
	defer func() { _ = stay.Process.Signal(syscall.SIGKILL); _ = stay.Wait() }()
	exec1 := p.begin("exec", "one", "sh", "-c", "cd /root; sleep 1000")
	out, code := p.try("rm", "one")
	if code == 0 || !strings.Contains(out, "running") {
		t.Errorf("rm of a running one: %d, %s", code, out)
	}
	p.davit("rm", "-f", "one")
	_ = exec1.Wait()
	if _, err := os.Lstat(string(dir)); !os.IsNotExist(err) {
		t.Errorf("the directory is there: %v", err)
	}
}

// What becomes the keeper may be killed on its way: there is an error then,
// at once, and the next command starts another.
func TestKilledBeforeItIsTheKeeper(t *testing.T) {
	for _, tool := range []string{"newuidmap", "newgidmap"} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			p := bare(t)
			tools := t.TempDir()
			check(t, os.WriteFile(filepath.Join(tools, tool), []byte("#!/bin/sh\nkill -9 \"$1\"\n"), 0o755))
			p.env = []string{"PATH=" + tools + ":" + os.Getenv("PATH")}
			out, code := p.try("run", "--rm", busybox, "true")
			if code == 0 || !strings.Contains(out, "was ended before it could") {
				t.Errorf("%d: %s", code, out)
			}
			if left, err := os.ReadDir(p.dirs().Runtime); err != nil || slices.ContainsFunc(left, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "rootlesskit-") }) {
				t.Errorf("left: %v, %v", left, err)
			}
			p.env = nil
			p.load()
		})
	}
}
