package main

import (
	"errors"
	"testing"
)

func TestWhoAskedIsSaidByPkexecAlone(t *testing.T) {
	env := func(of map[string]string) func(string) string { return func(k string) string { return of[k] } }
	for name, c := range map[string]struct {
		euid int
		env  map[string]string
	}{
		"nobody":           {0, nil},
		"root by pkexec":   {0, map[string]string{"PKEXEC_UID": "0"}},
		"root by sudo":     {0, map[string]string{"SUDO_UID": "0"}},
		"no number":        {0, map[string]string{"PKEXEC_UID": "../../etc"}},
		"unknown":          {0, map[string]string{"PKEXEC_UID": "4000000001"}},
		"a person without": {1000, nil},
	} {
		if h, err := host(c.euid, env(c.env)); err == nil {
			t.Errorf("%s: is taken for %+v", name, h)
		}
	}
	// As root no other directory stands for /.
	if h, err := host(0, env(map[string]string{scratch: t.TempDir(), "PKEXEC_UID": "1"})); err != nil || h.Root != "" {
		t.Errorf("as root: %+v, %v", h, err)
	}
}

func TestOnlyKnownVerbs(t *testing.T) {
	t.Setenv(scratch, t.TempDir())
	for _, args := range [][]string{nil, {"apply"}, {"undo"}} {
		if err := run(t.Context(), args); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, args := range [][]string{{"sh", "ping"}, {"apply", "/etc/passwd=x"}, {"undo", "../x"}, {"apply", "ping"}, {"apply", "ping=abc"}} {
		if err := run(t.Context(), args); err == nil {
			t.Errorf("%q is carried out", args)
		}
	}
}
