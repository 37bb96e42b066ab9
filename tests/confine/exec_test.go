package confine

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/tests/images"
)

// execs is how often the attacks on a process that enters are tried; one takes
// some 20 ms.
const execs = 100

// executeOften has processes enter a container while it attacks them.
func (s *stage) executeOften(name string) {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range execs / 2 {
				s.davit("exec", name, "/bin/true")
			}
		})
	}
	wg.Wait()
}

// CVE-2019-5736: the binary that enters a container cannot be written through
// /proc/*/exe by a process that waits for it; with all capabilities, too.
func TestBinaryThatEntersCannotBeOverwritten(t *testing.T) {
	for name, options := range map[string][]string{
		"overwrite": nil, "overwrite-privileged": {"--privileged"}, "overwrite-init": {"--privileged", "--init"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			var said struct{ Seen, Caught, Tries, Wrote int }
			s.during(&said, name, options, []string{"overwrite", "60"}, func() { s.executeOften(name) })
			t.Logf("%+v", said)
			if said.Seen == 0 || options != nil && said.Caught == 0 {
				t.Error("no binary was seen entering: the attack has not been tried")
			}
			if said.Wrote != 0 {
				t.Errorf("a binary was written %d times", said.Wrote)
			}
		})
	}
}

// CVE-2019-5736 the other way: the image's program is the binary that enters.
func TestBinaryThatEntersDoesNothingAsAProgram(t *testing.T) {
	s := newStage(t)
	const image = "confine/again:latest"
	s.load(image, v1.Config{}, images.Entry{Name: "again", Body: "#!/proc/self/exe\n", Mode: 0o755})
	s.start("again", image, "sleep", "100")
	for _, args := range [][]string{{"/again"}, {"/again", "keep"}, {"/again", "init"}} {
		line := append([]string{"exec", "-e", "_LIBCONTAINER_INITPIPE=1", "-e", "_LIBCONTAINER_STATEDIR=/", "again"}, args...)
		if r := s.davit(line...); r.code == 0 {
			t.Errorf("davit-guard works as a program of the container: %+v", r)
		}
	}
}

// CVE-2016-9962: a process of the runtime's cannot be looked into or traced
// while it enters, by root of the container either.
func TestProcessThatEntersCannotBeLookedInto(t *testing.T) {
	s := newStage(t)
	var said struct {
		Seen int
		Got  []string
	}
	s.during(&said, "peek", nil, []string{"peek", "60"}, func() { s.executeOften("peek") })
	if said.Seen == 0 {
		t.Error("no process was seen entering: the attack has not been tried")
	}
	if len(said.Got) != 0 {
		t.Errorf("of %d processes that entered, these could be had: %q", said.Seen, said.Got)
	}
}

// CVE-2024-21626: no descriptor of the host's is a way out, as a working
// directory or otherwise.
func TestWorkingDirectoryIsInside(t *testing.T) {
	s := newStage(t)
	s.start("cwd", attackerImage, "sleep", "100")
	up := strings.Repeat("../", 12)
	look := []string{"/attacker", "list", ".", "..", up + s.canary[1:], filepath.Join(s.canary, "secret"), up + "home"}
	for fd := range 24 {
		dir := fmt.Sprintf("/proc/self/fd/%d", fd)
		s.inside(s.davit(append([]string{"exec", "-w", dir, "cwd"}, look...)...))
		if fd%3 == 0 {
			s.inside(s.davit(append([]string{"run", "--rm", "-w", dir, attackerImage}, look...)...))
		}
	}
	for _, dir := range []string{"/proc/1/cwd", "/proc/1/root", "/proc/self/cwd/..", "/proc/thread-self/fd/7"} {
		s.inside(s.davit(append([]string{"exec", "-w", dir, "cwd"}, look...)...))
	}
	// The image says it, too, and may lead there by a link.
	const image = "confine/cwd:latest"
	s.load(image, v1.Config{WorkingDir: "/link/x"}, images.Symlink("link", "/proc/self/fd/8/../../../.."))
	s.inside(s.davit(append([]string{"run", "--rm", image}, look...)...))
}

// inside accepts a refusal, and output that names nothing of the host's.
func (s *stage) inside(r ran) {
	s.t.Helper()
	if strings.Contains(r.out, "checkouts") || strings.Contains(r.out, filepath.Base(s.Dir)) {
		s.t.Errorf("the container looks at the host: %s", r.out)
	}
}

// Report is what the attacker tells of itself; see attacker/report.go.
type Report struct {
	Descriptors map[string]string
	Environ     []string
	First       []string
	Status      map[string]string
	Cwd         string
}

// ways are the ways of starting a process in a container.
func (s *stage) ways() map[string]Report {
	s.t.Helper()
	s.start("ways", attackerImage, "sleep", "100")
	run := []string{"run", "--rm"}
	reports := map[string]Report{}
	for name, line := range map[string][]string{
		"run":               append(run, attackerImage),
		"run -i":            append(run, "-i", attackerImage),
		"run -t":            append(run, "-t", attackerImage),
		"run -u":            append(run, "-u", "1000", attackerImage),
		"run --init":        append(run, "--init", attackerImage),
		"run --privileged":  append(run, "--privileged", attackerImage),
		"exec":              {"exec", "ways"},
		"exec -i":           {"exec", "-i", "ways"},
		"exec -t":           {"exec", "-t", "ways"},
		"exec -u":           {"exec", "-u", "1000:7", "ways"},
		"exec --privileged": {"exec", "--privileged", "ways"},
	} {
		var r Report
		s.decode(s.ok(append(slices.Clone(line), "/attacker", "report")...), &r)
		reports[name] = r
	}
	return reports
}

// CVE-2024-21626 again: a process has its three streams and nothing else of
// ours, neither descriptors nor variables.
func TestNothingOfOursComesAlong(t *testing.T) {
	for name, value := range map[string]string{
		"DAVIT_SECRET": "leaked-setting", "GITHUB_TOKEN": "leaked-token", "HTTPS_PROXY": "http://user:leaked-proxy@127.0.0.1:1",
		"SSH_AUTH_SOCK": "/leaked-agent", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/leaked-bus",
	} {
		t.Setenv(name, value)
	}
	s := newStage(t)
	for way, r := range s.ways() {
		if len(r.Descriptors) != 3 {
			t.Errorf("%s: descriptors %v", way, r.Descriptors)
		}
		for fd, to := range r.Descriptors {
			if to != "/dev/null" && !strings.HasPrefix(to, "pipe:") && !strings.HasPrefix(to, "/dev/pts/") {
				t.Errorf("%s: descriptor %s is %s", way, fd, to)
			}
		}
		for _, e := range append(r.Environ, r.First...) {
			key, _, _ := strings.Cut(e, "=")
			if !slices.Contains([]string{"PATH", "HOSTNAME", "HOME", "TERM"}, key) {
				t.Errorf("%s: environment has %s", way, e)
			}
		}
		if r.Cwd != "/" {
			t.Errorf("%s: working directory %s", way, r.Cwd)
		}
	}
}

// CVE-2022-24769, CVE-2022-27649: no capability is inheritable or ambient,
// however the process is started; the sets are docker's fourteen without NET_RAW
// at most.
func TestCapabilitySets(t *testing.T) {
	const none, ours = "0000000000000000", "00000000a80405fb"
	s := newStage(t)
	for way, r := range s.ways() {
		if r.Status["CapInh"] != none || r.Status["CapAmb"] != none {
			t.Errorf("%s: inheritable %s, ambient %s", way, r.Status["CapInh"], r.Status["CapAmb"])
		}
		effective, bounding := ours, ours
		switch {
		case strings.HasSuffix(way, "-u"):
			effective = none
		case strings.HasSuffix(way, "--privileged"):
			continue // all of the user namespace, said at create
		}
		if r.Status["CapEff"] != effective || r.Status["CapPrm"] != effective || r.Status["CapBnd"] != bounding {
			t.Errorf("%s: effective %s, permitted %s, bounding %s", way, r.Status["CapEff"], r.Status["CapPrm"], r.Status["CapBnd"])
		}
		if r.Status["NoNewPrivs"] != "1" || r.Status["Seccomp"] != "2" {
			t.Errorf("%s: no_new_privs %s, seccomp %s", way, r.Status["NoNewPrivs"], r.Status["Seccomp"])
		}
	}
}

// CVE-2022-36109, CVE-2023-25173: a process has the groups that the image and
// the person say, its primary one among them, and none of the host's.
func TestGroups(t *testing.T) {
	s := newStage(t)
	const image = "confine/groups:latest"
	s.load(image, v1.Config{}, images.File("etc/passwd", "root:x:0:0::/root:\nweb:x:33:34::/srv:\n"),
		images.File("etc/group", "root:x:0:\nweb:x:34:\nlogs:x:40:web\n"))
	s.start("groups", image, "sleep", "100")
	for user, want := range map[string][2]string{ // uid gid, groups
		"0": {"0 0", "0"}, "1000": {"1000 0", "0"}, "1000:1000": {"1000 1000", "1000"}, "web": {"33 34", "34 40"}, "web:logs": {"33 40", "40"},
	} {
		for way, line := range map[string][]string{"run": {"run", "--rm", "-u", user, image}, "exec": {"exec", "-u", user, "groups"}} {
			var r Report
			s.decode(s.ok(append(line, "/attacker", "report")...), &r)
			uid, _, _ := strings.Cut(r.Status["Uid"], " ")
			gid, _, _ := strings.Cut(r.Status["Gid"], " ")
			if uid+" "+gid != want[0] || r.Status["Groups"] != want[1] {
				t.Errorf("%s -u %s: uid %s, gid %s, groups %s; want %v", way, user, uid, gid, r.Status["Groups"], want)
			}
		}
	}
}
