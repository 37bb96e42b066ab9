package window

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"davit/backend/api"
	"davit/tests/home"
	"davit/tests/screen"
)

// patience bounds every wait of these tests; a cold start of WebKit on a busy
// machine takes seconds.
const patience = 60 * time.Second

// desk is a place with an empty store and a display with nothing on it.
type desk struct {
	*home.Home
	screen *screen.Session
	tree   *screen.Tree
	ctx    context.Context
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	h, err := home.New(os.Getenv("DAVIT_BIN"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &desk{Home: h, ctx: ctx}
	if d.screen, err = screen.Start(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.screen.Close)
	// Before the window: GTK looks for the accessibility bus once.
	if d.tree, err = d.screen.Tree(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.tree.Close() })
	return d
}

// window is a running davit-desktop.
type window struct {
	cmd    *exec.Cmd
	said   *bytes.Buffer
	exited chan error
}

// open starts the window and waits until it shows more than a background.
func (d *desk) open(t *testing.T) *window {
	t.Helper()
	w := &window{cmd: exec.Command(filepath.Join(d.Bin, "davit-desktop")), said: new(bytes.Buffer), exited: make(chan error, 1)}
	w.cmd.Env = d.screen.Env(d.Env()...)
	w.cmd.Stdout, w.cmd.Stderr = w.said, w.said
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { w.exited <- w.cmd.Wait() }()
	t.Cleanup(func() { w.finish(t) })
	d.until(t, "the window to be drawn", func() (bool, error) {
		p, err := d.screen.Picture()
		return err == nil && screen.Colours(p) >= screen.Drawn, err
	})
	return w
}

// finish ends a window that is still open. A failed test has it say first what
// its goroutines wait for.
func (w *window) finish(t *testing.T) {
	if t.Failed() {
		_ = w.cmd.Process.Signal(syscall.SIGQUIT)
		select {
		case <-w.exited:
		case <-time.After(5 * time.Second):
		}
		t.Logf("the window said: %s", w.said)
	}
	_ = w.cmd.Process.Kill()
}

// end waits for the process's end.
func (w *window) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-w.exited:
		return err
	case <-time.After(patience):
		t.Fatal("the window does not end")
		return nil
	}
}

func (d *desk) until(t *testing.T, what string, ok func() (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, patience)
	defer cancel()
	if err := screen.Until(ctx, ok); err != nil {
		d.picture(t, "failed")
		t.Fatalf("waited for %s: %v", what, err)
	}
}

// click presses what a person would find by its name.
func (d *desk) click(t *testing.T, role screen.Role, name string) {
	t.Helper()
	n := d.find(t, role, name)
	if err := d.screen.Click(n.Box); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) find(t *testing.T, role screen.Role, name string) screen.Node {
	t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, patience)
	defer cancel()
	n, err := d.tree.Find(ctx, role, name)
	if err != nil {
		d.picture(t, "failed")
		d.describe(t)
		t.Fatal(err)
	}
	return n
}

// describe logs what the page consists of, for whoever reads a failure.
func (d *desk) describe(t *testing.T) {
	nodes, err := d.tree.Nodes(context.Background())
	for _, n := range nodes {
		if n.Name != "" {
			t.Logf("on the display: role %d %q", n.Role, n.Name)
		}
	}
	if err != nil {
		t.Log(err)
	}
}

// picture keeps what the display shows.
func (d *desk) picture(t *testing.T, name string) {
	t.Helper()
	out := os.Getenv("DAVIT_OUT")
	if out == "" {
		out = t.TempDir()
	}
	name = strings.NewReplacer("/", "-").Replace(t.Name()) + "-" + name + ".png"
	if err := d.screen.Save(filepath.Join(out, "window", name)); err != nil {
		t.Error(err)
	}
}

// running waits for the one container and gives it.
func (d *desk) running(t *testing.T) api.Container {
	t.Helper()
	var found api.Container
	d.until(t, "one running container", func() (bool, error) {
		all, err := d.Containers(d.ctx)
		if err != nil || len(all) != 1 || all[0].State != api.StateRunning || len(all[0].Ports) != 1 {
			return false, fmt.Errorf("containers: %+v, %w", all, err)
		}
		found = all[0]
		return true, nil
	})
	return found
}

// page waits until the published port serves a page and gives it.
func (d *desk) page(t *testing.T, c api.Container, path string) string {
	t.Helper()
	var text string
	d.until(t, "the published port to answer", func() (bool, error) {
		r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", c.Ports[0].HostPort, path))
		if err != nil {
			return false, err
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		text = string(b)
		return err == nil && r.StatusCode == http.StatusOK, err
	})
	return text
}

// goesOn checks that it is the same container, in the same process, with its
// port and its log.
func (d *desk) goesOn(t *testing.T, c api.Container, mark string) {
	t.Helper()
	now := d.running(t)
	if now.ID != c.ID || now.PID != c.PID || now.Restarts != 0 {
		t.Fatalf("container %s with pid %d became %s with pid %d, %d restarts", c.ID, c.PID, now.ID, now.PID, now.Restarts)
	}
	d.page(t, c, "/"+mark)
	d.until(t, "the request in the log", func() (bool, error) {
		out, err := d.Davit(d.ctx, "logs", c.ID)
		return strings.Contains(out, mark), err
	})
}

func TestANewcomerRunsTheSampleByClicks(t *testing.T) {
	d := newDesk(t)
	w := d.open(t)
	d.find(t, screen.Button, runSample)
	d.picture(t, "empty")

	d.click(t, screen.Button, runSample)
	c := d.running(t)
	d.page(t, c, "/first-look")
	d.find(t, screen.Anything, c.Name)
	d.picture(t, "running")

	// Nothing of the window's end reaches the container, not even a violent one.
	if err := w.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	w.end(t)
	d.goesOn(t, c, "window-killed")

	// The next window shows it, as it is.
	w = d.open(t)
	d.find(t, screen.Anything, c.Name)
	d.picture(t, "again")
	if err := d.screen.Press("ctrl+q"); err != nil {
		t.Fatal(err)
	}
	if err := w.end(t); err != nil {
		t.Fatalf("closed window: %v\n%s", err, w.said)
	}
	d.goesOn(t, c, "window-closed")
}

func TestAKilledEngineIsReplaced(t *testing.T) {
	d := newDesk(t)
	d.open(t)
	d.click(t, screen.Button, runSample)
	c := d.running(t)
	d.kill(t, "davit engine")
	d.goesOn(t, c, "engine-killed")

	// The window goes on with a new engine: a change made elsewhere shows.
	if _, err := d.Davit(d.ctx, "run", "-d", "--name", "seen-by-a-new-engine", c.Image); err != nil {
		t.Fatal(err)
	}
	d.find(t, screen.Anything, "seen-by-a-new-engine")
	d.picture(t, "new-engine")
}

// kill ends all processes of a role of this place with SIGKILL.
func (d *desk) kill(t *testing.T, role string) {
	t.Helper()
	all, err := d.Processes()
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, p := range all {
		if p.Role == role {
			if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			killed++
		}
	}
	if killed == 0 {
		t.Fatalf("no %s among %v", role, all)
	}
}

// TestASecondStartShowsItsFile: one window for a session; what is opened with
// Davit is shown there for the person to decide, and nothing is run.
func TestASecondStartShowsItsFile(t *testing.T) {
	d := newDesk(t)
	d.open(t)
	d.find(t, screen.Button, runSample)
	second := exec.CommandContext(d.ctx, filepath.Join(d.Bin, "davit-desktop"), "davit:run?image=davit.local/opened-by-a-link")
	second.Env = d.screen.Env(d.Env()...)
	if out, err := second.CombinedOutput(); err != nil {
		t.Fatalf("the second start: %v\n%s", err, out)
	}
	d.find(t, screen.Heading, runForm)
	d.find(t, screen.Button, pullAndRun) // the image is named, and not here
	d.picture(t, "deep-link")
	if out, err := d.Davit(d.ctx, "ps", "-aq"); err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("a link has made containers: %q, %v", out, err)
	}
}

// TestTheWindowOpensWhereNothingCanRun: without davit-guard no user namespace
// can be made, as on a host that forbids them; the page that explains it is in
// the window.
func TestTheWindowOpensWhereNothingCanRun(t *testing.T) {
	d := newDesk(t)
	d.Bin = t.TempDir()
	for _, name := range []string{"davit", "davit-desktop"} {
		b, err := os.ReadFile(filepath.Join(os.Getenv("DAVIT_BIN"), name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.Bin, name), b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.open(t)
	d.find(t, screen.Button, openSetUp)
	d.picture(t, "refused")
	d.click(t, screen.Button, openSetUp)
	d.find(t, screen.Heading, setUp)
	d.find(t, screen.Button, checkAgain)
	d.picture(t, "set-up")
	d.Bin = os.Getenv("DAVIT_BIN")
}

// What the pages call things.
const (
	runSample  = "Run Sample"
	runForm    = "Run a Container"
	pullAndRun = "Pull and Run"
	openSetUp  = "Open Set-up"
	setUp      = "Set-up"
	checkAgain = "Check Again"
)
