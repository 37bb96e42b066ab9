package main

import (
	"strings"
	"testing"
)

func TestPSOptions(t *testing.T) {
	for _, c := range []struct{ options, layout, titles string }{
		{"-o pid,cmd", `{{.PID}}\t{{.Cmd}}`, "PID CMD"},
		{"-eo pid,user=WHO", `{{.PID}}\t{{.UID}}`, "PID WHO"},
		{"-opid -o comm", `{{.PID}}\t{{.Comm}}`, "PID COMMAND"},
		{"-eo pid,ppid,etime,args", `{{.PID}}\t{{.PPID}}\t{{.Elapsed}}\t{{.Cmd}}`, "PID PPID ELAPSED COMMAND"},
		{"pid user", `{{.PID}}\t{{.UID}}`, "PID USER"},
		{"-ef", `{{.UID}}\t{{.PID}}\t{{.PPID}}\t{{.C}}\t{{.STime}}\t{{.TTY}}\t{{.Time}}\t{{.Cmd}}`, "UID PID PPID C STIME TTY TIME CMD"},
		{"aux", `{{.UID}}\t{{.PID}}\t{{.PCPU}}\t{{.KiB}}\t{{.TTY}}\t{{.State}}\t{{.STime}}\t{{.Time}}\t{{.Cmd}}`, "USER PID %CPU RSS TTY STAT START TIME COMMAND"},
		{"-A", `{{.PID}}\t{{.TTY}}\t{{.Time}}\t{{.Comm}}`, "PID TTY TIME CMD"},
	} {
		got, err := topAsked(strings.Fields(c.options))
		if err != nil || got.layout != c.layout {
			t.Errorf("%s: %q, %v", c.options, got.layout, err)
			continue
		}
		var b strings.Builder
		if err := got.write(&b, ListOptions{}, nil); err != nil || strings.Join(strings.Fields(b.String()), " ") != c.titles {
			t.Errorf("%s: titles %q, %v", c.options, b.String(), err)
		}
	}
	for _, bad := range []string{"-o", "-o pid,secret", "-Z", "--forest", "-o ,"} {
		if _, err := topAsked(strings.Fields(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
