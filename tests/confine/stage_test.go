package confine

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"davit/tests/home"
	"davit/tests/images"
)

// patience is how long anything here may take.
const patience = 30 * time.Second

// attackerImage is busybox with the attacker in it.
const attackerImage = "confine/attacker:latest"

// binaries are Davit's own, which no attack may change.
var binaries = []string{"davit", "davit-guard", "davit-netd"}

// place is the home that all tests here share, with the attacker's image in
// it; it is made by the first test that wants it and closed by TestMain.
var place = sync.OnceValues(func() (*home.Home, error) {
	bin, err := filepath.Abs(os.Getenv("DAVIT_BIN"))
	if err != nil {
		return nil, err
	}
	for _, b := range binaries {
		info, err := os.Stat(filepath.Join(bin, b))
		if err != nil {
			return nil, fmt.Errorf("DAVIT_BIN is set but: %w", err)
		}
		if info.Mode()&0o111 == 0 {
			return nil, fmt.Errorf("DAVIT_BIN is set but %s cannot be executed", info.Name())
		}
	}
	return home.New(bin)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv("DAVIT_BIN") != "" && os.Geteuid() != 0 {
		if h, err := place(); err == nil {
			if err := h.Close(); err != nil {
				fmt.Fprintln(os.Stderr, "what the tests left behind:", err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// stage is one attack's: the shared home, a canary of its own, and the look at
// everything when it is over.
type stage struct {
	*home.Home
	t      *testing.T
	canary string // directory
	secret string // what its files hold
}

func newStage(t *testing.T) *stage {
	t.Helper()
	if os.Getenv("DAVIT_BIN") == "" {
		t.Skip("DAVIT_BIN does not name a directory with davit's binaries (build/compile makes build/bin)")
	}
	if os.Geteuid() == 0 {
		t.Fatal("davit does not run as root: start the tests as somebody else (build/test does)")
	}
	h, err := place()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{Home: h, t: t, canary: filepath.Join(t.TempDir(), "canary"), secret: "CANARY-" + rand.Text()}
	s.plant()
	before, digests := s.look(), s.digests()
	t.Cleanup(func() {
		if after := s.look(); !maps.Equal(before, after) {
			t.Errorf("the canary has changed:\nbefore %v\nafter  %v", before, after)
		}
		if after := s.digests(); !maps.Equal(digests, after) {
			t.Errorf("davit's own binaries have changed: %v, %v", digests, after)
		}
	})
	image(t, s)
	return s
}

func (s *stage) plant() {
	s.t.Helper()
	for _, f := range []string{"secret", "dir/keep", "passwd"} {
		path := filepath.Join(s.canary, f)
		text := s.secret + "\n"
		if f == "passwd" {
			text = "evil:x:4242:4242:" + s.secret + ":/:/bin/sh\n"
		}
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o640))
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// look tells names, modes, links and contents of the canary.
func (s *stage) look() map[string]string {
	found := map[string]string{}
	err := filepath.WalkDir(s.canary, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		text := ""
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(b)
		}
		found[path] = fmt.Sprint(info.Mode(), st.Uid, st.Gid, st.Nlink, text)
		return nil
	})
	if err != nil {
		s.t.Errorf("the canary: %v", err)
	}
	return found
}

func (s *stage) digests() map[string]string {
	found := map[string]string{}
	for _, b := range binaries {
		text, err := os.ReadFile(filepath.Join(s.Bin, b))
		if err != nil {
			s.t.Errorf("davit's own binary: %v", err)
		}
		found[b] = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	return found
}

// image loads the attacker's image, once.
func image(t *testing.T, s *stage) {
	t.Helper()
	if out, err := s.Davit(t.Context(), "images", "-q", attackerImage); err == nil && strings.TrimSpace(out) != "" {
		return
	}
	s.load(attackerImage, v1.Config{})
}

// attacker builds the program once for all tests.
var attacker = sync.OnceValues(func() ([]byte, error) {
	h, err := place()
	if err != nil {
		return nil, err
	}
	bin := filepath.Join(h.Dir, "attacker")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", bin, "./attacker")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the attacker: %w\n%s", err, out)
	}
	return os.ReadFile(bin)
})

// load makes an image of busybox, the attacker and more, and loads it.
func (s *stage) load(ref string, c v1.Config, more ...images.Entry) {
	s.t.Helper()
	program, err := attacker()
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := os.Stat("/usr/bin/busybox"); err != nil {
		s.t.Fatalf("the image of these tests is made of Debian's busybox-static: %v", err)
	}
	entries := append([]images.Entry{{Name: "attacker", Body: string(program), Mode: 0o755}}, more...)
	base := images.Busybox(s.t)
	i, err := mutate.AppendLayers(base, images.Layer(s.t, entries...))
	if err != nil {
		s.t.Fatal(err)
	}
	config, err := i.ConfigFile()
	if err != nil {
		s.t.Fatal(err)
	}
	c.Env = append(slices.Clone(config.Config.Env), c.Env...)
	if i, err = mutate.Config(i, c); err != nil {
		s.t.Fatal(err)
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		s.t.Fatal(err)
	}
	archive := filepath.Join(s.t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(archive, tag, i); err != nil {
		s.t.Fatal(err)
	}
	s.ok("load", "-q", "-i", archive)
}

// ran is what a command line came to.
type ran struct {
	out, err string
	code     int
}

// davit runs a command line that may fail.
func (s *stage) davit(args ...string) ran {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := s.Command(ctx, "davit", args...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("davit %q: %v", args, err)
	}
	if ctx.Err() != nil {
		s.t.Errorf("davit %q did not end within %v", args, patience)
	}
	r := ran{out.String(), problems.String(), cmd.ProcessState.ExitCode()}
	s.clean(strings.Join(args, " "), r)
	return r
}

// clean looks for the canary's secret where nobody may have it from.
func (s *stage) clean(line string, r ran) {
	s.t.Helper()
	if all := r.out + r.err; strings.Contains(all, s.secret) {
		at := strings.Index(all, s.secret)
		s.t.Errorf("davit %s has read the canary: %q", line, all[max(0, at-200):at+len(s.secret)])
	}
	if strings.Contains(r.err, "panic:") || strings.Contains(r.err, "goroutine ") {
		s.t.Errorf("davit %s crashed:\n%s", line, r.err)
	}
}

// ok runs a command line that has to work, and gives what it printed.
func (s *stage) ok(args ...string) string {
	s.t.Helper()
	r := s.davit(args...)
	if r.code != 0 {
		s.t.Fatalf("davit %q: exit code %d: %s%s", args, r.code, r.out, r.err)
	}
	return r.out
}

// decode reads what the attacker says.
func (s *stage) decode(out string, into any) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(out), into); err != nil {
		s.t.Fatalf("the attacker said %q: %v", out, err)
	}
}

// start runs a container in the background and removes it at the end.
func (s *stage) start(name string, args ...string) {
	s.t.Helper()
	s.ok(append([]string{"run", "-d", "--name", name, "--stop-timeout", "0"}, args...)...)
	s.t.Cleanup(func() { s.ok("rm", "-f", name) })
}

// during runs do while the attacker works in a container, and decodes what it
// says at the end. do ends when the attack has gone on for long enough.
func (s *stage) during(into any, name string, options, attack []string, do func()) {
	s.t.Helper()
	s.start(name, slices.Concat(options, []string{attackerImage, "/attacker"}, attack)...)
	do()
	s.davit("exec", name, "touch", "/stop") // it may have ended by itself
	s.ok("wait", name)
	s.decode(s.ok("logs", name), into)
}

// halt has the attacker end, and with it the container. That may take along who
// told it to before it has ended by itself.
func (s *stage) halt(name string, options ...string) {
	s.t.Helper()
	const killed = 128 + int(syscall.SIGKILL)
	r := s.davit(slices.Concat([]string{"exec"}, options, []string{name, "touch", "/stop"})...)
	if r.code != 0 && r.code != killed {
		s.t.Fatalf("halt %s: exit code %d: %s%s", name, r.code, r.out, r.err)
	}
	s.ok("wait", name)
}

// supervisors are the roles of processes that stay beside a container.
var supervisors = []string{"davit-guard keeper", "davit-guard guard", "davit-netd"}

// processes are Davit's own of this place, those of each role that is named at
// least. Some last only as long as an exec.
func (s *stage) processes(roles ...string) []home.Process {
	s.t.Helper()
	all, err := s.Processes()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, role := range roles {
		if !slices.ContainsFunc(all, func(p home.Process) bool { return p.Role == role }) {
			s.t.Fatalf("no %s runs: %v", role, all)
		}
	}
	return all
}
