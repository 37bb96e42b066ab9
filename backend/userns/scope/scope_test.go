package scope

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// bus starts a session bus of the test's own and gives its address.
func bus(t *testing.T) string {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("no dbus-daemon is installed")
	}
	cmd := exec.Command(daemon, "--session", "--nofork", "--nopidfile", "--print-address",
		"--address=unix:path="+filepath.Join(t.TempDir(), "bus"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// systemdd plays systemd's manager: it takes one unit and says how its job ended.
type systemdd struct {
	conn   *dbus.Conn
	result string
	name   string
	delegs bool
	pids   []uint32
}

func (s *systemdd) StartTransientUnit(name, mode string, properties []property, _ []auxiliary) (dbus.ObjectPath, *dbus.Error) {
	s.name = name
	for _, p := range properties {
		switch p.Name {
		case "Delegate":
			s.delegs, _ = p.Value.Value().(bool)
		case "PIDs":
			s.pids, _ = p.Value.Value().([]uint32)
		}
	}
	if s.result == "refused" {
		return "", dbus.MakeFailedError(fmt.Errorf("mode %s: no", mode))
	}
	job := dbus.ObjectPath("/org/freedesktop/systemd1/job/7")
	go func() {
		time.Sleep(10 * time.Millisecond) // the answer comes first, as systemd's does
		_ = s.conn.Emit("/org/freedesktop/systemd1", manager+".JobRemoved", uint32(6), dbus.ObjectPath("/other"), "other.scope", "failed")
		_ = s.conn.Emit("/org/freedesktop/systemd1", manager+".JobRemoved", uint32(7), job, name, s.result)
	}()
	return job, nil
}

func TestAskSystemdForAScope(t *testing.T) {
	address := bus(t)
	for result, good := range map[string]bool{"done": true, "failed": false, "refused": false} {
		t.Run(result, func(t *testing.T) {
			conn, err := dbus.Connect(address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			s := &systemdd{conn: conn, result: result}
			if err := conn.Export(s, "/org/freedesktop/systemd1", manager); err != nil {
				t.Fatal(err)
			}
			if r, err := conn.RequestName(systemd, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
				t.Fatal(r, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err = ask(ctx, func(name string) string {
				if name == "DBUS_SESSION_BUS_ADDRESS" {
					return address
				}
				return ""
			})
			if (err == nil) != good {
				t.Errorf("got %v", err)
			}
			if want := fmt.Sprintf("davit-%d.scope", os.Getpid()); s.name != want || !s.delegs || len(s.pids) != 1 || s.pids[0] != uint32(os.Getpid()) {
				t.Errorf("asked for %q, delegate %v, pids %v", s.name, s.delegs, s.pids)
			}
		})
	}
}

func TestNoBus(t *testing.T) {
	dir := t.TempDir()
	err := ask(t.Context(), func(name string) string {
		if name == "XDG_RUNTIME_DIR" {
			return dir
		}
		return ""
	})
	if err == nil || !strings.Contains(err.Error(), "no session bus") {
		t.Errorf("got %v", err)
	}
}

// tree makes files as the kernel's; they take what is written.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEnterMovesIntoALeaf(t *testing.T) {
	dir := tree(t, map[string]string{
		"self":                               "3:cpuset:/\n0::/user.slice/mine.scope\n",
		"user.slice/mine.scope/cgroup.procs": "",
		"user.slice/mine.scope/cgroup.controllers":        "memory pids\n",
		"user.slice/mine.scope/cgroup.subtree_control":    "",
		"user.slice/mine.scope/" + Leaf + "/cgroup.procs": "",
	})
	if err := enter(dir, filepath.Join(dir, "self"), 4711); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{Leaf + "/cgroup.procs": "4711", "cgroup.subtree_control": "+pids"} {
		b, err := os.ReadFile(filepath.Join(dir, "user.slice/mine.scope", name))
		if err != nil || string(b) != want {
			t.Errorf("%s holds %q, %v, want %q", name, b, err, want)
		}
	}
}

func TestEnterRefuses(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"only version 1":    {"self": "3:cpuset:/\n"},
		"not there":         {"self": "0::/nowhere\n"},
		"already in a leaf": {"self": "0::/a/" + Leaf + "\n"},
	} {
		dir := tree(t, files)
		if err := enter(dir, filepath.Join(dir, "self"), 1); (err == nil) != (name == "already in a leaf") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
