package confine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/runtime-spec/specs-go"

	"davit/tests/images"
)

// walls are the ways to take down what holds a container; even all of it
// leaves the container inside the user namespace.
var walls = map[string][]string{
	"default":    nil,
	"unconfined": {"--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined", "--security-opt", "no-new-privileges=false"},
	"admin":      {"--cap-add", "ALL"},
	"privileged": {"--privileged"},
}

// CVE-2022-0492: nobody sets the program that the host's kernel runs when a
// control group of version 1 becomes empty.
func TestReleaseAgent(t *testing.T) {
	s := newStage(t)
	agent := filepath.Join(s.canary, "agent")
	for name, options := range walls {
		for _, how := range [][]string{{"agents", agent}, {"unshare", "agents", agent}} {
			r := s.davit(slices.Concat([]string{"run", "--rm"}, options, []string{attackerImage, "/attacker"}, how)...)
			if name == "default" && how[0] == "unshare" {
				if r.code == 0 {
					t.Errorf("a default container made a user namespace: %+v", r)
				}
				continue
			}
			var said struct {
				Tried int
				Set   []string
			}
			s.decode(r.out, &said)
			if said.Tried == 0 || len(said.Set) != 0 {
				t.Errorf("%s, %s: %+v", name, how[0], said)
			}
		}
	}
}

// settings are the host's, one for each way of ours to lose it.
var settings = []string{
	"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/panic_on_oom", "/proc/sys/fs/binfmt_misc/register",
	"/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/sys/kernel/mm/ksm/run", "/sys/power/state", "/proc/1/oom_score_adj_x",
}

// CVE-2022-0811: no setting of the host's kernel is changed by an image's
// words, or written from inside whatever is taken down.
func TestSettingsOfTheKernel(t *testing.T) {
	s := newStage(t)
	const image = "confine/words:latest"
	words := map[string]string{}
	for _, key := range []string{"io.kubernetes.cri.sysctls", "org.opencontainers.image.sysctl", "run.oci.sysctl", "sysctl", "com.docker.sysctls"} {
		words[key] = "kernel.shm_rmid_forced=1+kernel.core_pattern=|" + s.canary + "/agent"
	}
	s.load(image, v1.Config{Labels: words, Env: []string{"SYSCTL=kernel.core_pattern=|/x", "_LIBCONTAINER_INITPIPE=3", "LD_PRELOAD=/x.so"}})
	pattern := read(t, settings[0])
	for name, options := range walls {
		out := s.ok(slices.Concat([]string{"run", "--rm"}, options, []string{image, "/attacker", "write"}, settings)...)
		if strings.TrimSpace(out) != "[]" {
			t.Errorf("%s: wrote %s", name, out)
		}
	}
	if now := read(t, settings[0]); now != pattern {
		t.Errorf("the host's core pattern is %q, was %q", now, pattern)
	}
	s.start("words", image, "sleep", "100")
	c := s.config("words")
	if len(c.Linux.Sysctl) != 0 || c.Hooks != nil || len(c.Annotations) != 0 || len(c.Linux.Devices) != 0 {
		t.Errorf("an image's words became more: %+v %+v %+v", c.Linux.Sysctl, c.Hooks, c.Annotations)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// config reads a container's config.json.
func (s *stage) config(name string) specs.Spec {
	s.t.Helper()
	id := strings.TrimSpace(s.ok("ps", "-q", "--no-trunc", "--filter", "name="+name))
	var c specs.Spec
	text := read(s.t, filepath.Join(s.Dir, "data/davit/containers", id, "config.json"))
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// User namespaces inside are what docker's are: closed, and open without the
// filter.
func TestUserNamespacesInside(t *testing.T) {
	s := newStage(t)
	for name, want := range map[string]bool{"default": false, "unconfined": true, "privileged": true} {
		r := s.davit(slices.Concat([]string{"run", "--rm"}, walls[name], []string{attackerImage, "/attacker", "unshare", "report"})...)
		if (r.code == 0) != want {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// Every wall that is taken down is told, once, and nothing is told of a
// container that has them all.
func TestWhatIsGivenAwayIsSaid(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		options []string
		words   string
	}{
		{nil, ""},
		{[]string{"--cap-drop", "ALL", "--security-opt", "no-new-privileges"}, ""},
		{[]string{"--privileged"}, "nothing but your user account"},
		{[]string{"--security-opt", "seccomp=unconfined"}, "every system call"},
		{[]string{"--security-opt", "systempaths=unconfined"}, "are not hidden"},
		{[]string{"--cap-add", "SYS_ADMIN"}, "CAP_SYS_ADMIN"},
		{[]string{"-v", filepath.Join(s.Dir, "run") + ":/run"}, "Davit's own files"},
	} {
		r := s.davit(slices.Concat([]string{"run", "--rm"}, c.options, []string{attackerImage, "true"})...)
		if r.code != 0 || c.words == "" && r.err != "" || strings.Count(r.err, "warning:") > 1 || !strings.Contains(r.err, c.words) {
			t.Errorf("%q: %+v, want %q", c.options, r, c.words)
		}
	}
}

// A hostile /etc/passwd or /etc/group neither hangs nor fills anything, nor
// tells of the host's.
func TestHostileAccounts(t *testing.T) {
	s := newStage(t)
	huge := images.File("etc/passwd", strings.Repeat("x:x:1:1::/:/bin/sh\n", 64<<20/19))
	for name, entries := range map[string][]images.Entry{
		"huge":     {huge, {Name: "etc/group", Body: strings.Repeat("x", 64<<20)}},
		"fifo":     {{Name: "etc/passwd", Type: '6'}, {Name: "etc/group", Type: '6'}},
		"link":     {images.Symlink("etc/passwd", filepath.Join(s.canary, "passwd")), images.Symlink("etc/group", "/proc/self/fd/0")},
		"up":       {images.Symlink("etc", strings.Repeat("../", 20)+s.canary[1:])},
		"zero":     {images.Symlink("etc/passwd", "/dev/zero"), images.Symlink("etc/group", "/proc/kmsg")},
		"wrapping": {images.File("etc/passwd", "evil:x:4294967296:0::/:\n"), images.File("etc/group", "evil:x:4294967296:evil\n")},
	} {
		image := "confine/accounts-" + name + ":latest"
		s.load(image, v1.Config{}, entries...)
		if r := s.davit("run", "--rm", "-u", "evil", image, "id"); r.code != 125 {
			t.Errorf("%s: the user evil: %+v", name, r)
		}
		if name == "up" {
			continue // a link in the place of /etc: where its files would be mounted
		}
		var r Report
		s.decode(s.ok("run", "--rm", "-u", "1000", image, "/attacker", "report"), &r)
		if !strings.HasPrefix(r.Status["Uid"], "1000 ") || r.Status["Groups"] != "0" {
			t.Errorf("%s: uid %s, groups %s", name, r.Status["Uid"], r.Status["Groups"])
		}
		s.ok("rmi", image)
	}
}
