package faults

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"davit/backend/api"
	"davit/backend/store"
	"davit/tests/home"
	"davit/tests/images"
)

const busybox = "busybox:latest"

// The roles of Davit's processes.
const (
	keeper = "davit-guard keeper"
	guard  = "davit-guard guard"
	netd   = "davit-netd"
	engine = "davit engine"
)

// patience is how long a condition may take to come true on a machine that
// has much else to do. What has to be faster says so.
const patience = 30 * time.Second

// place is a person's home with the binaries under test.
type place struct {
	*home.Home
	t   *testing.T
	env []string // beside the home's
	// front is what davit's binary is called, where it is not davit.
	front string

	shell *inside // of a cage
}

// archive is the image, made once.
var archive = sync.OnceValues(func() ([]byte, error) {
	var t imageMaker
	img := images.Busybox(&t)
	tag, err := name.NewTag(busybox)
	if err := errors.Join(err, t.err); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = tarball.Write(tag, img, &b)
	return b.Bytes(), err
})

// imageMaker is a test to images, which are shared by tests.
type imageMaker struct {
	testing.TB
	err error
}

func (*imageMaker) Helper()                        {}
func (m *imageMaker) Fatal(args ...any)            { m.err = errors.New(fmt.Sprint(args...)); panic(m.err) }
func (m *imageMaker) Fatalf(f string, args ...any) { m.Fatal(fmt.Sprintf(f, args...)) }

// bare is a place without an image.
func bare(t *testing.T) *place {
	t.Helper()
	bin := os.Getenv("DAVIT_BIN")
	if bin == "" {
		t.Skip("DAVIT_BIN does not name a directory with davit's binaries (build/compile makes build/bin)")
	}
	if os.Geteuid() == 0 {
		t.Fatal("davit does not run as root: start the tests as somebody else (build/test does)")
	}
	bin, err := filepath.Abs(bin)
	check(t, err)
	h, err := home.New(bin)
	check(t, err)
	p := &place{Home: h, t: t}
	t.Cleanup(func() {
		if t.Failed() {
			p.show()
		}
		check(t, h.Wipe())
	})
	return p
}

// newPlace is a place with the image; tests of one run beside others.
func newPlace(t *testing.T) *place {
	t.Helper()
	t.Parallel()
	p := bare(t)
	p.load()
	return p
}

// load puts the image into the store.
func (p *place) load() {
	p.t.Helper()
	b, err := archive()
	check(p.t, err)
	cmd := p.command("load")
	cmd.Stdin = bytes.NewReader(b)
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("davit load: %v: %s", err, out)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// show tells what the processes said.
func (p *place) show() {
	for _, path := range []string{p.dirs().Runtime + "/keeper.log"} {
		b, err := os.ReadFile(path)
		if err == nil {
			p.t.Logf("%s:\n%s", path, b[max(0, len(b)-6000):])
		}
	}
	out, err := p.command("ps", "-a").CombinedOutput()
	p.t.Logf("davit ps -a: %v\n%s", err, out)
}

func (p *place) getenv(name string) string {
	for _, e := range p.env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return p.Getenv(name)
}

func (p *place) dirs() store.Dirs {
	d, err := store.Locate(p.getenv)
	check(p.t, err)
	return d
}

// command prepares a command line of davit.
func (p *place) command(args ...string) *exec.Cmd {
	cmd := p.Command(context.Background(), cmp.Or(p.front, "davit"), args...)
	cmd.Env = append(cmd.Env, p.env...)
	if p.shell == nil {
		return cmd
	}
	line := append(append([]string{}, p.shell.wrap...), cmd.Args...)
	caged := exec.Command(line[0], line[1:]...)
	caged.Env = cmd.Env
	return caged
}

// davit runs a command line that has to succeed, and gives what it printed.
func (p *place) davit(args ...string) string {
	p.t.Helper()
	out, code := p.try(args...)
	if code != 0 {
		p.t.Fatalf("davit %s: exit code %d: %s", strings.Join(args, " "), code, out)
	}
	return strings.TrimSpace(out)
}

// try runs a command line and gives its output, errors included, and code.
func (p *place) try(args ...string) (string, int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd := p.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	check(p.t, cmd.Start())
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })()
	err := cmd.Wait()
	var code *exec.ExitError
	if err != nil && !errors.As(err, &code) {
		p.t.Fatal(err)
	}
	if ctx.Err() != nil {
		p.t.Fatalf("davit %s hangs: %s%s", strings.Join(args, " "), &out, &errs)
	}
	if c := cmd.ProcessState.ExitCode(); c != 0 {
		return out.String() + errs.String(), c
	}
	return out.String(), 0
}

// eventually waits until cond holds.
func (p *place) eventually(what string, cond func() bool) {
	p.t.Helper()
	p.within(patience, what, cond)
}

func (p *place) within(limit time.Duration, what string, cond func() bool) {
	p.t.Helper()
	for end := time.Now().Add(limit); !cond(); {
		if time.Now().After(end) {
			p.t.Fatalf("not within %s: %s", limit, what)
		}
		time.Sleep(2 * time.Millisecond) // between two looks
	}
}

// pid is that of the process of a role, 0 where there is none.
func (p *place) pid(role string) int {
	all, err := p.Processes()
	check(p.t, err)
	for _, q := range all {
		if q.Role == role {
			return q.PID
		}
	}
	return 0
}

// kill kills the processes of a role.
func (p *place) kill(role string) int {
	p.t.Helper()
	n, err := p.Kill(role)
	check(p.t, err)
	return n
}

// container is what `davit inspect` and the list tell of a container.
func (p *place) container(ref string) api.Container {
	p.t.Helper()
	for _, c := range p.list() {
		if c.Name == ref || c.ID == ref {
			return c
		}
	}
	p.t.Fatalf("container %s is lost", ref)
	return api.Container{}
}

func (p *place) list() []api.Container {
	p.t.Helper()
	var all []api.Container
	check(p.t, json.Unmarshal([]byte(p.davit("ps", "-a", "--json")), &all))
	return all
}

// state waits until the container is in the state.
func (p *place) state(ref string, want api.State) api.Container {
	p.t.Helper()
	var c api.Container
	p.eventually(fmt.Sprintf("%s is %s", ref, want), func() bool {
		c = p.container(ref)
		return c.State == want
	})
	return c
}

// dir is the container's directory.
func (p *place) dir(ref string) store.ContainerDir {
	p.t.Helper()
	return p.dirs().Container(p.container(ref).ID)
}

// factor is how many times as long as usual random tests go on.
func factor() int {
	if n, err := strconv.Atoi(os.Getenv("DAVIT_FAULTS")); err == nil && n > 0 {
		return n
	}
	return 1
}
