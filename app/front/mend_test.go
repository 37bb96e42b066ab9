package front

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"davit/backend/api"
	"davit/backend/mend"
	"davit/backend/store"
)

// mendable is a front on a computer of files, where pkexec asks nobody and the
// helper is the real one.
func mendable(t *testing.T, pkexec string) (api.Service, string) {
	t.Helper()
	bin, root := t.TempDir(), t.TempDir()
	helper := filepath.Join(bin, "davit-mend")
	if out, err := exec.Command("go", "build", "-o", helper, "../mend").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	write(t, filepath.Join(bin, "pkexec"), "#!/bin/sh\n"+pkexec+"\n")
	write(t, filepath.Join(root, "proc/sys/net/ipv4/ip_unprivileged_port_start"), "1024\n")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv(mendScratch, root)
	return &service{dirs: store.Dirs{Data: t.TempDir(), Runtime: t.TempDir()}, mend: helper}, root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// offered is a step for an action, as a check shows it.
func offered(t *testing.T, action string) api.MendStep {
	t.Helper()
	h := mends(os.Getenv("PATH")[:strings.Index(os.Getenv("PATH"), ":")] + "/davit-mend")
	if h == nil {
		t.Fatal("the helper is not found")
	}
	p, err := h.Plan(mend.Action(action))
	if err != nil {
		t.Fatal(err)
	}
	return api.MendStep{Action: action, Digest: p.Digest()}
}

func TestASettingIsMendedAndTakenBack(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root changes the real computer")
	}
	s, root := mendable(t, `exec "$@"`)
	const file = "etc/sysctl.d/90-davit-ip_unprivileged_port_start.conf"
	if err := s.Mend(t.Context(), api.MendRequest{Apply: []api.MendStep{offered(t, "ports")}}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(root, file)); string(b) != "net.ipv4.ip_unprivileged_port_start = 80\n" {
		t.Errorf("%q, %v", b, err)
	}
	if err := s.Mend(t.Context(), api.MendRequest{Undo: []string{"ports"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, file)); !os.IsNotExist(err) {
		t.Errorf("after undo: %v", err)
	}
	err := s.Mend(t.Context(), api.MendRequest{Apply: []api.MendStep{{Action: "ports", Digest: "of something else"}}})
	if api.KindOf(err) != api.KindConflict {
		t.Errorf("what was not shown: %v", err)
	}
}

func TestWhatPkexecSays(t *testing.T) {
	for script, want := range map[string]api.Kind{
		"exit 126": api.KindCancelled, "echo no agent >&2; exit 127": api.KindDenied, "echo broken >&2; exit 1": api.KindHost,
	} {
		s, _ := mendable(t, script)
		err := s.Mend(t.Context(), api.MendRequest{Apply: []api.MendStep{offered(t, "ports")}})
		if e := api.AsError(err); e == nil || e.Kind != want || !strings.Contains(e.Hint, "sudo ") {
			t.Errorf("%s: %v", script, err)
		}
	}
	s, _ := mendable(t, `touch "$0.ran"`)
	for _, r := range []api.MendRequest{{}, {Undo: []string{"--help"}}, {Apply: []api.MendStep{{Action: "sh", Digest: "x"}}}} {
		if err := s.Mend(t.Context(), r); api.KindOf(err) != api.KindInvalid {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := os.Stat(filepath.Join(strings.Split(os.Getenv("PATH"), ":")[0], "pkexec.ran")); err == nil {
		t.Error("pkexec was asked for what is no action")
	}
}

func TestRefusal(t *testing.T) {
	const report = "\nError executing command as another user: Not authorized\n\nThis incident has been reported."
	for said, want := range map[string]string{
		"polkit-agent-helper-1: pam_authenticate failed: Authentication failure" + report:                                                                "the password was not accepted",
		"polkit-agent-helper-1: error response to PolicyKit daemon: GDBus.Error:org.freedesktop.PolicyKit1.Error.Failed: No session for cookie" + report: "pkexec asks for a password only where there is a log-in session, which some have none of over ssh",
		"Error executing command as another user: No authentication agent found.":                                                                        "there is nothing here that could ask for a password",
		"Error executing command as another user: Not authorized\n\nThis incident has been reported.":                                                    "Error executing command as another user: Not authorized",
	} {
		if got := refusal(said); got != want {
			t.Errorf("%q: %q", said, got)
		}
	}
}
