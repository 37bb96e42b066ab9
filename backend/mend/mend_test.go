package mend

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// computer is a scratch directory with the files of a computer, and what was
// run on it.
type computer struct {
	Host
	t    *testing.T
	runs []string
	fail string // a command that fails
}

func newComputer(t *testing.T, files map[string]string) *computer {
	c := &computer{t: t}
	c.Host = Host{Root: t.TempDir(), User: "ada", UID: 1000, Guard: "/usr/libexec/davit/davit-guard"}
	c.Run = func(_ context.Context, name string, args ...string) error {
		c.runs = append(c.runs, name+" "+strings.Join(args, " "))
		if name == c.fail {
			return errors.New("exit status 1")
		}
		return nil
	}
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(c.path(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.path(path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *computer) apply(a Action) error {
	c.t.Helper()
	p, err := c.Plan(a)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.Apply(c.t.Context(), a, p.Digest())
}

func (c *computer) has(path, want string) {
	c.t.Helper()
	b, err := os.ReadFile(c.path(path))
	if want == "" && errors.Is(err, fs.ErrNotExist) {
		return
	}
	if string(b) != want {
		c.t.Errorf("%s holds %q, not %q (%v)", path, b, want, err)
	}
}

// before is a computer on which everything is in the way.
var before = map[string]string{
	"/etc/subuid": "root:100000:65536\nbob:231072:65536", // the last line has no end
	"/etc/subgid": "",
	"/proc/sys/kernel/unprivileged_userns_clone":        "0\n",
	"/proc/sys/user/max_user_namespaces":                "0\n",
	"/proc/sys/net/ipv4/ip_unprivileged_port_start":     "1024\n",
	"/proc/sys/net/ipv4/ping_group_range":               "1\t0\n",
	"/etc/sysctl.d/90-davit-ping_group_range.conf":      "# somebody's own\n",
	"/etc/systemd/system/user@.service.d/override.conf": "[Service]\n",
}

func TestEveryActionIsCarriedOutAndUndone(t *testing.T) {
	for _, name := range Actions() {
		t.Run(name, func(t *testing.T) {
			c := newComputer(t, before)
			a := Action(name)
			p, err := c.Plan(a)
			if err != nil || len(p.Changes) == 0 {
				t.Fatalf("%+v, %v", p, err)
			}
			if err := c.apply(a); err != nil {
				t.Fatal(err)
			}
			if !c.Done(a) {
				t.Error("it is not written down")
			}
			for _, change := range p.Changes {
				b, err := os.ReadFile(c.path(change.Path))
				if err != nil || !strings.HasSuffix(string(b), change.Text) || !strings.Contains(p.String(), change.Text) {
					t.Errorf("%s holds %q, shown was %q (%v)", change.Path, b, p, err)
				}
			}
			if len(c.runs) != len(p.After) {
				t.Errorf("ran %q of %q", c.runs, p.After)
			}
			if err := c.Undo(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			for path, text := range before {
				if path == "/etc/subuid" && a == SubIDs {
					text += "\n" // its last line has an end now
				}
				c.has(path, text)
			}
			for _, change := range p.Changes {
				if _, was := before[change.Path]; !was {
					c.has(change.Path, "")
				}
			}
			if c.Done(a) {
				t.Error("it still counts as done")
			}
			if err := c.Undo(t.Context(), a); !errors.Is(err, ErrNotDone) {
				t.Errorf("undone twice: %v", err)
			}
		})
	}
}

func TestRangesDoNotOverlap(t *testing.T) {
	c := newComputer(t, before)
	if err := c.apply(SubIDs); err != nil {
		t.Fatal(err)
	}
	c.has("/etc/subuid", before["/etc/subuid"]+"\nada:296608:65536\n")
	c.has("/etc/subgid", "ada:100000:65536\n")
	// Who has a range gets no second one.
	p, err := c.Plan(SubIDs)
	if err != nil || len(p.Changes) != 0 {
		t.Errorf("a second time: %+v, %v", p, err)
	}
	full := newComputer(t, map[string]string{"/etc/subuid": "bob:4294900000:65536\n"})
	if p, err := full.Plan(SubIDs); err == nil {
		t.Errorf("behind the last id: %+v", p)
	}
}

func TestOnlyWhatWasShownIsWritten(t *testing.T) {
	c := newComputer(t, before)
	p, err := c.Plan(SubIDs)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.path("/etc/subuid"), []byte("eve:100000:65536\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(t.Context(), SubIDs, p.Digest()); !errors.Is(err, ErrChanged) {
		t.Errorf("with another /etc/subuid: %v", err)
	}
	c.has("/etc/subuid", "eve:100000:65536\n")
	if c.Done(SubIDs) {
		t.Error("what was not done is noted")
	}
}

func TestWhatFailsIsTakenBack(t *testing.T) {
	c := newComputer(t, before)
	c.fail = "apparmor_parser"
	if err := c.apply(AppArmor); err == nil || c.Done(AppArmor) {
		t.Errorf("%v; done: %t", err, c.Done(AppArmor))
	}
	c.has("/etc/apparmor.d/davit", "")
}

func TestUndoLeavesWhatOthersWrote(t *testing.T) {
	c := newComputer(t, before)
	if err := errors.Join(c.apply(SubIDs), c.apply(Ports)); err != nil {
		t.Fatal(err)
	}
	const file = "/etc/sysctl.d/90-davit-ip_unprivileged_port_start.conf"
	for path, text := range map[string]string{file: "net.ipv4.ip_unprivileged_port_start = 443\n", "/etc/subgid": "ada:100000:65536\neve:165536:65536\n"} {
		if err := os.WriteFile(c.path(path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(c.Undo(t.Context(), SubIDs), c.Undo(t.Context(), Ports)); err != nil {
		t.Fatal(err)
	}
	c.has("/etc/subgid", "eve:165536:65536\n")
	c.has(file, "net.ipv4.ip_unprivileged_port_start = 443\n")
}

func TestTheListIsClosed(t *testing.T) {
	c := newComputer(t, nil)
	for _, a := range []Action{"", "sh", "../ping", "ping=1", "/etc/passwd"} {
		if _, err := c.Plan(a); err == nil {
			t.Errorf("%q has a plan", a)
		}
		if err := c.Undo(t.Context(), a); err == nil {
			t.Errorf("%q is undone", a)
		}
	}
	for _, guard := range []string{"", "davit-guard", "/home/a b/davit-guard", "/x/{a,b}", "/x/*", "/x\nprofile y /** {}", "/x/../y"} {
		c.Guard = guard
		if p, err := c.Plan(AppArmor); err == nil {
			t.Errorf("a profile for %q: %s", guard, p)
		}
	}
	for _, user := range []string{"", "a:b", "../root", "a\nb", "."} {
		c.User = user
		for _, a := range []Action{SubIDs, Linger} {
			if p, err := c.Plan(a); err == nil {
				t.Errorf("for %q: %s", user, p)
			}
		}
	}
	if !slices.Contains(Actions(), string(Ping)) {
		t.Error(Actions())
	}
}

func TestAFileThatIsBeingChangedIsLeftAlone(t *testing.T) {
	c := newComputer(t, map[string]string{"/etc/subuid": "", "/etc/subuid.lock": "1"})
	if err := c.apply(SubIDs); err == nil {
		t.Error("/etc/subuid is locked and was changed")
	}
	c.has("/etc/subuid", "")
}
