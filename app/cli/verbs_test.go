package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/api/apitest"
)

func TestRunPullsAndGivesTheExitCode(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	r := d.run("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7")
	if r.code != 7 || r.out != "out\n" {
		t.Errorf("code %d, out %q", r.code, r.out)
	}
	d.contains(r.err, "Pulling docker.io/library/busybox:latest", "err\n")
	if left := d.ok("ps", "-aq"); left != "" {
		t.Errorf("--rm left %q", left)
	}
}

func TestRunInTheBackground(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	id := strings.TrimSpace(d.ok("run", "-q", "-d", "--name", "web", "-p", "80", "nginx"))
	if len(id) != 64 {
		t.Fatalf("id %q", id)
	}
	d.contains(d.ok("port", "web"), "80/tcp -> 127.0.0.1:")
	d.contains(d.ok("ps"), "CONTAINER ID   IMAGE", id[:12], "->80/tcp", "web", "Up ")
	if got := d.ok("ps", "-q", "--no-trunc"); got != id+"\n" {
		t.Errorf("ps -q: %q", got)
	}
	if got := d.ok("stop", "-t", "1", "web"); got != "web\n" {
		t.Errorf("stop: %q", got)
	}
	if got := d.ok("rm", "web"); got != "web\n" {
		t.Errorf("rm: %q", got)
	}
}

func TestTheSampleNeedsNoPull(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	r := d.run("create", "-q", "davit.local/sample")
	if r.code != 0 || strings.Contains(r.err, "Pulling") {
		t.Errorf("%+v", r)
	}
}

func TestRunPassesInput(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.in = strings.NewReader("hello\n")
	if got := d.ok("run", "-q", "--rm", "-i", "busybox", "cat"); got != "hello\n" {
		t.Errorf("cat: %q", got)
	}
}

func TestRunFlagsBecomeTheSpec(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.vars["TOKEN"] = "secret"
	dir := t.TempDir()
	d.ok("create", "-q", "--name", "x", "-e", "A=1", "-e", "TOKEN", "-e", "UNSET", "--env-file", file(t, "# c\nB=2\nTOKEN\n"),
		"-v", dir+":/data:ro", "--tmpfs", "/run", "--mount", "type=bind,src="+dir+",dst=/m", "-w", "/tmp", "-u", "1:2",
		"--entrypoint", "", "-h", "host", "-l", "a=b", "--cap-add", "NET_ADMIN,SYS_TIME", "--stop-timeout", "0",
		"-itp", "127.0.0.1:8080:80", "busybox", "sh", "-c", "x", "--rm")
	var all []api.ContainerDetail
	if err := json.Unmarshal([]byte(d.ok("inspect", "--json", "x")), &all); err != nil {
		t.Fatal(err)
	}
	s := all[0].Spec
	if got := strings.Join(s.Env, " "); got != "B=2 TOKEN=secret A=1 TOKEN=secret" {
		t.Errorf("env %q", got)
	}
	want := []api.Mount{{Type: "bind", Source: dir, Target: "/data", ReadOnly: true, Create: true}, {Type: "tmpfs", Target: "/run"}, {Type: "bind", Source: dir, Target: "/m"}}
	if len(s.Mounts) != 3 || !reflect.DeepEqual(s.Mounts[0], want[0]) || !reflect.DeepEqual(s.Mounts[1], want[1]) || !reflect.DeepEqual(s.Mounts[2], want[2]) {
		t.Errorf("mounts %+v", s.Mounts)
	}
	if !s.TTY || !s.Interactive || s.AutoRemove || !s.ClearEntrypoint || *s.StopTimeout != 0 || s.Hostname != "host" || len(s.CapAdd) != 2 {
		t.Errorf("spec %+v", s)
	}
	if got := strings.Join(s.Command, " "); got != "sh -c x --rm" {
		t.Errorf("command %q", got)
	}
}

func TestRunFailuresHaveDockersCodes(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.ok("run", "-q", "-d", "--name", "web", "nginx")
	for _, c := range []struct {
		code int
		args []string
	}{
		{125, []string{"run", "--bogus", "busybox"}},
		{1, []string{"run"}},
		{125, []string{"run", "-p", "0:99999", "busybox"}},
		{125, []string{"run", "--name", "web", "busybox"}},
		{125, []string{"run", "--rm", "--restart", "always", "busybox"}},
		{125, []string{"run", "--pull", "never", "absent"}},
		{125, []string{"run", "--pull", "often", "busybox"}},
		{125, []string{"run", "-v", "named:data", "busybox"}},
		{127, []string{"run", "-q", "busybox", "no-such-command"}},
		{1, []string{"ps", "surplus"}},
		{125, []string{"ps", "--bogus"}},
		{125, []string{"ps", "-f", "status"}},
		{1, []string{"rm", "absent"}},
		{0, []string{"rm", "-f", "absent"}},
		{1, []string{"rm", "web"}},
		{1, []string{"nonsense"}},
		{1, []string{"start", "-a", "a", "b"}},
		{1, []string{"inspect", "absent"}},
		{125, []string{"logs", "--tail", "x", "web"}},
		{1, []string{"port", "web", "81"}},
	} {
		msg := d.fails(c.code, c.args...)
		if !strings.HasPrefix(msg, "davit: ") || strings.Count(msg, "\n") > 2 {
			t.Errorf("%v: says %q", c.args, msg)
		}
	}
}

func TestCIDFile(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	name := filepath.Join(t.TempDir(), "cid")
	d.fails(125, "run", "--cidfile", name, "--pull", "never", "absent")
	if _, err := os.Stat(name); err == nil {
		t.Error("a file for a container that was not made")
	}
	id := d.ok("create", "-q", "--cidfile", name, "busybox")
	if got, err := os.ReadFile(name); err != nil || string(got)+"\n" != id {
		t.Errorf("cidfile %q, %v", got, err)
	}
	d.fails(125, "run", "--cidfile", name, "busybox")
}

func TestExec(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.ok("run", "-q", "-d", "--name", "c", "busybox", "sleep", "infinity")
	r := d.run("exec", "-e", "A=b", "c", "sh", "-c", "echo $A; exit 3")
	if r.code != 3 || r.out != "b\n" {
		t.Errorf("exec: %+v", r)
	}
	d.fails(127, "exec", "c", "absent")
	d.in = strings.NewReader("in")
	if got := d.ok("exec", "-i", "c", "cat"); got != "in" {
		t.Errorf("cat %q", got)
	}
	d.fails(1, "exec", "-it", "c", "sh")
	d.ok("rm", "-f", "c")
}

func TestStartAttachWaitKill(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.ok("create", "-q", "--name", "c", "busybox", "sh", "-c", "echo hi; exit 4")
	if r := d.run("start", "-a", "c"); r.code != 4 || r.out != "hi\n" {
		t.Errorf("start -a: %+v", r)
	}
	if got := d.ok("wait", "c"); got != "4\n" {
		t.Errorf("wait: %q", got)
	}
	d.contains(d.ok("ps", "-a"), "Exited (4) ")
	d.fails(1, "kill", "c")
	d.fails(1, "attach", "c")
	d.ok("run", "-d", "--name", "s", "busybox", "sleep", "infinity")
	if got := d.ok("kill", "-s", "KILL", "s"); got != "s\n" {
		t.Errorf("kill: %q", got)
	}
	if got := d.ok("wait", "s"); got != "137\n" {
		t.Errorf("wait: %q", got)
	}
	if got := d.ok("restart", "-t", "0", "s"); got != "s\n" {
		t.Errorf("restart: %q", got)
	}
	d.ok("rm", "-f", "s", "c")
}

func TestLogs(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.run("run", "-q", "--name", "c", "busybox", "sh", "-c", "echo one; echo two >&2; echo three")
	r := d.run("logs", "c")
	if r.out != "one\nthree\n" || r.err != "two\n" {
		t.Errorf("logs: %+v", r)
	}
	if got := d.ok("logs", "-n", "1", "c"); got != "three\n" {
		t.Errorf("tail: %q", got)
	}
	if got := d.ok("logs", "-f", "--tail", "0", "c"); got != "" {
		t.Errorf("tail 0: %q", got)
	}
	d.contains(d.ok("logs", "-t", "c"), "Z one\n")
	if got := d.ok("logs", "--since", "2099-01-01", "c"); got != "" {
		t.Errorf("since: %q", got)
	}
	d.contains(d.ok("logs", "--json", "c"), `"stream":"stderr","text":"two"`)
}

// A log that is followed goes on after its engine died, line by line.
func TestLogsOutliveTheEngine(t *testing.T) {
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	all := []api.LogLine{{Time: at(1), Text: "a"}, {Time: at(2), Text: "b"}, {Time: at(2), Text: "c"}, {Time: at(2), Text: "d"}, {Time: at(3), Text: "e"}}
	s := &dyingLogs{lines: all, limit: 1}
	var got string
	print := func(l api.LogLine) error { got += l.Text; return nil }
	err := readLogs(context.Background(), s, "c", api.LogQuery{}, print)
	if err != nil || got != "abcde" {
		t.Errorf("%q %v", got, err)
	}
	s = &dyingLogs{lines: all}
	if err := readLogs(context.Background(), s, "c", api.LogQuery{}, print); api.KindOf(err) != api.KindUnavailable {
		t.Errorf("an engine that always dies: %v", err)
	}
}

// dyingLogs dies after limit lines that it has not sent before.
type dyingLogs struct {
	api.Service
	lines []api.LogLine
	limit int
	sent  int
}

func (d *dyingLogs) Logs(_ context.Context, _ string, q api.LogQuery, sink func(api.LogLine) error) error {
	for i, l := range d.lines {
		if l.Time.Before(q.Since) {
			continue
		}
		if i >= d.sent+d.limit {
			d.sent = i
			return api.Errorf(api.KindUnavailable, "dead")
		}
		if err := sink(l); err != nil {
			return err
		}
	}
	return nil
}

func TestImagesAndTags(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.contains(d.ok("pull", "busybox"), "Pulling docker.io/library/busybox:latest", "Digest: sha256:", "Downloaded newer image")
	if got := d.ok("pull", "-q", "busybox"); got != "docker.io/library/busybox:latest\n" {
		t.Errorf("pull -q: %q", got)
	}
	d.ok("tag", "busybox", "localhost/box:1")
	d.contains(d.ok("images"), "REPOSITORY", "docker.io/library/busybox", "localhost/box")
	if got := d.ok("images", "--format", "{{.Repository}}:{{.Tag}}", "localhost/box"); got != "localhost/box:1\n" {
		t.Errorf("images: %q", got)
	}
	if got := strings.Count(d.ok("images", "-q"), "\n"); got != 1 {
		t.Errorf("images -q: %d lines", got)
	}
	if got := d.ok("rmi", "localhost/box:1"); got != "Untagged: localhost/box:1\n" {
		t.Errorf("rmi: %q", got)
	}
	d.contains(d.ok("rmi", "busybox"), "Untagged: docker.io/library/busybox:latest", "Deleted: sha256:")
	d.fails(1, "rmi", "busybox")
	d.contains(d.ok("load", "--sample"), "Loaded image: ")
}

func TestSaveAndLoad(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.ok("pull", "-q", "busybox")
	name := filepath.Join(t.TempDir(), "box.tar")
	d.ok("save", "-o", name, "busybox")
	d.fails(1, "save", "-o", name+"2", "absent")
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*2*")); len(left) != 0 {
		t.Errorf("a failed save left %v", left)
	}
	d.fails(125, "save", "--format", "zip", "busybox")
	d.ok("rmi", "busybox")
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d.in = f
	d.contains(d.ok("load"), "Loaded image: docker.io/library/busybox:latest")
	d.fails(1, "load", "-i", "/absent")
}

func TestSearch(t *testing.T) {
	d := newDavit(t, apitest.Full)
	r := d.run("search", "nginx")
	if r.code != 0 {
		t.Fatalf("%+v", r)
	}
	d.contains(r.out, "NAME", "STARS", "docker.io/library/nginx", "[OK]")
	d.contains(r.err, "davit: ") // the registry that is away
	if got := d.run("search", "--filter", "is-official=true", "--format", "{{.Name}}", "nginx").out; strings.Contains(got, "bitnami") {
		t.Errorf("official: %q", got)
	}
	d.contains(d.ok("search", "--list-tags", "docker.io/library/nginx"), "TAG", "latest")
	d.fails(125, "search", "--limit", "0", "x")
}

func TestLogin(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.in = strings.NewReader("right\n")
	d.contains(d.ok("login", "-u", "ada", "--password-stdin", "localhost:5000"), "Login Succeeded")
	d.fails(1, "login", "-u", "ada", "-p", "wrong", "localhost:5000")
	d.fails(1, "login", "-u", "ada")
	d.contains(d.ok("logout", "localhost:5000"), "Removing login credentials for localhost:5000")
	d.contains(d.ok("logout", "localhost:5000"), "Not logged in")
}

func TestInfoAndDoctor(t *testing.T) {
	d := newDavit(t, apitest.Refused)
	d.contains(d.ok("info"), "Limited:", "user namespaces")
	d.contains(d.ok("info", "--format", "{{.NCPU}} {{.CPUs}}"), "8 8")
	r := d.run("doctor")
	if r.code != 1 {
		t.Errorf("doctor: %+v", r)
	}
	d.contains(r.out, "failed", "Containers cannot run here yet.")
	d.contains(d.fails(1, "ps"), "hint: ")
	d = newDavit(t, apitest.Empty)
	d.contains(d.ok("doctor"), "Containers run.")
}

func TestDoctorMends(t *testing.T) {
	d := newDavit(t, apitest.Full)
	d.contains(d.ok("doctor"), "To mend it:", "davit doctor --mend delegate", "# /etc/pretended/delegate")
	d.fails(1, "doctor", "--mend", "nonsense")
	d.contains(d.ok("doctor", "--mend", "all"), "Davit writes:", "yes", "davit doctor --undo delegate")
	d.contains(d.ok("doctor", "--undo", "delegate"), "davit doctor --mend delegate")
}

func TestVersionAndHelp(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.contains(d.ok("--version"), "davit version ")
	d.contains(d.ok("version", "--format", "{{.Client.Version}} {{.Server.Version}}"), version+" "+version)
	d.contains(d.ok("help", "image", "ls"), "Usage:  davit image ls", "Exit codes:")
	d.contains(d.ok("image"), "Usage:  davit image COMMAND")
	d.contains(d.ok("run", "--help"), "--entrypoint")
	d.contains(d.fails(1), "no display")
}

// TestEveryCommandHasHelp walks the tree: every verb says what it is, has the
// name that it is found by, and no two flags of one collide.
func TestEveryCommandHasHelp(t *testing.T) {
	var walk func(c *command, path string)
	walk = func(c *command, path string) {
		if path != "" && c.group != "" && c.short == "" {
			t.Errorf("%s %s says nothing", path, c.name)
		}
		named := c.verbs
		subs := c.commands()
		for i, v := range named {
			if made := subs[len(subs)-len(named)+i].name; made != v.name {
				t.Errorf("%s %s is made as %s", path, v.name, made)
			}
		}
		for _, s := range subs {
			walk(s, path+" "+c.name)
		}
	}
	walk(newRoot(), "")
}

func TestAnInterruptEndsAFollower(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.ok("run", "-q", "-d", "--name", "c", "busybox", "sleep", "infinity")
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if r := d.runCtx(ctx, "logs", "-f", "c"); r.code != 130 {
		t.Errorf("%+v", r)
	}
	d.ok("rm", "-f", "c")
}

// A foreground run whose connection breaks goes on with a second one.
func TestAForegroundRunOutlivesItsSession(t *testing.T) {
	d := newDavit(t, apitest.Empty)
	d.ok("pull", "-q", "busybox")
	d.fake = &breaking{Service: d.fake}
	r := d.run("run", "busybox", "sh", "-c", "sleep 0.5; echo late; exit 6")
	if r.code != 6 || r.out != "late\n" {
		t.Errorf("%+v", r)
	}
}

// breaking closes the first session a moment after it began.
type breaking struct {
	api.Service
	broke bool
}

func (b *breaking) Attach(ctx context.Context, ref string, a api.AttachOptions) (*api.Session, error) {
	s, err := b.Service.Attach(ctx, ref, a)
	if err == nil && !b.broke {
		b.broke = true
		time.AfterFunc(50*time.Millisecond, func() { s.Close() })
	}
	return s, err
}
