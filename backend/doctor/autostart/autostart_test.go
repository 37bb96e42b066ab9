package autostart

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// machine makes a host with these files.
func machine(t *testing.T, files ...string) (Host, *int) {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(root+f), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reloads := 0
	env := map[string]string{"HOME": "/home/ada", "XDG_RUNTIME_DIR": "/run/user/1000"}
	return Host{
		Davit: "/opt/my davit/bin/davit", Root: root, User: "ada",
		Getenv: func(k string) string { return env[k] },
		Reload: func(context.Context) error { reloads++; return nil },
	}, &reloads
}

const (
	booted  = "/run/systemd/system/x"
	managed = "/run/user/1000/systemd/private"
	linger  = "/var/lib/systemd/linger/ada"
)

func TestSwitchOnAndOff(t *testing.T) {
	for name, c := range map[string]struct {
		files          []string
		method, logout string
		linger, fix    bool
	}{
		"systemd":            {[]string{booted, managed}, "systemd", "end when you log out", false, true},
		"systemd, lingering": {[]string{booted, managed, linger}, "systemd", "go on when you log out", true, false},
		"no manager":         {[]string{booted}, "xdg", "end when you log out", false, true},
		"no systemd":         {nil, "xdg", "go on when you log out", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			h, reloads := machine(t, c.files...)
			before, err := Status(t.Context(), h)
			if err != nil || before.Enabled || before.Method != c.method || before.Linger != c.linger ||
				(before.Fix != "") != c.fix || !strings.Contains(before.Logout, c.logout) || len(before.Verified) < 3 {
				t.Errorf("before: %+v, %v", before, err)
			}
			for range 2 {
				on, err := Set(t.Context(), h, true)
				if err != nil || !on.Enabled {
					t.Errorf("on: %+v, %v", on, err)
				}
			}
			for range 2 {
				off, err := Set(t.Context(), h, false)
				if err != nil || off.Enabled {
					t.Errorf("off: %+v, %v", off, err)
				}
			}
			if want := map[string]int{"systemd": 4, "xdg": 0}[c.method]; *reloads != want {
				t.Errorf("systemd was told %d times, want %d", *reloads, want)
			}
		})
	}
}

func TestSomebodyElsesUnitIsTold(t *testing.T) {
	h, _ := machine(t, booted, managed)
	if _, err := Set(t.Context(), h, true); err != nil {
		t.Fatal(err)
	}
	h.Davit = "/usr/bin/davit"
	a, err := Status(t.Context(), h)
	if err != nil || !a.Enabled || !strings.Contains(strings.Join(a.Verified, "\n"), "not as Davit writes it") {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestQuoting(t *testing.T) {
	for in, want := range map[string][2]string{
		"/a b":     {`"/a b"`, `"/a b"`},
		`/a"b`:     {`"/a\"b"`, `"/a\\"b"`},
		"/a%b$c":   {`"/a%%b$$c"`, `"/a%%b\\$c"`},
		`/back\it`: {`"/back\\it"`, `"/back\\\\it"`},
	} {
		if got := [2]string{unitQuote(in), execQuote(in)}; got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestPathsThatCannotBeStarted(t *testing.T) {
	for _, path := range []string{"/a\nExecStart=/bin/evil", "davit", ""} {
		h, _ := machine(t)
		h.Davit = path
		if _, err := Set(t.Context(), h, true); err == nil {
			t.Errorf("%q was accepted", path)
		}
	}
}
