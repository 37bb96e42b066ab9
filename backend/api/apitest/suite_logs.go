package apitest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"davit/backend/api"
)

func testLogs(s *suite) {
	c, _ := s.run("echo one; echo two >&2; sleep 0.1; echo Three; echo -n last")
	all := s.logs(c.ID, api.LogQuery{})
	var out, err []string
	for i, l := range all {
		if l.Time.IsZero() || i > 0 && l.Time.Before(all[i-1].Time) && l.Stream == all[i-1].Stream {
			s.Errorf("line %d at %s", i, l.Time)
		}
		if l.Stream == "stderr" {
			err = append(err, l.Text)
		} else {
			out = append(out, l.Text)
		}
	}
	if fmt.Sprint(out, err) != "[one Three last] [two]" {
		s.Fatalf("log %q", texts(all))
	}
	for _, q := range []struct {
		why   string
		query api.LogQuery
		want  string
	}{
		{"tail", api.LogQuery{Tail: number(2)}, "stdout:Three\nstdout:last\n"},
		{"tail 0", api.LogQuery{Tail: number(0)}, ""},
		{"more than there is", api.LogQuery{Tail: number(100), Stream: "stderr"}, "stderr:two\n"},
		{"search", api.LogQuery{Search: "thREE"}, "stdout:Three\n"},
		{"since the last", api.LogQuery{Since: all[len(all)-1].Time.Add(time.Nanosecond)}, ""},
		{"until before", api.LogQuery{Until: all[0].Time.Add(-time.Hour)}, ""},
		{"followed though ended", api.LogQuery{Follow: true, Tail: number(1)}, "stdout:last\n"},
	} {
		if got := texts(s.logs(c.ID, q.query)); got != q.want {
			s.Errorf("%s: %q, want %q", q.why, got, q.want)
		}
	}
	none := s.sh("true")
	if got := s.logs(none.ID, api.LogQuery{Follow: true}); len(got) != 0 {
		s.Errorf("log of one that never ran: %v", got)
	}
}

func testLogsBytes(s *suite) {
	c, _ := s.run(`printf 'tab\there "quoted" \\ ünïcödé 漢字\n'; printf '\033[31mred\033[0m\n'; echo; seq 1 3000`)
	lines := s.logs(c.ID, api.LogQuery{})
	if len(lines) != 3003 || lines[1].Text != "\x1b[31mred\x1b[0m" || lines[2].Text != "" || lines[3002].Text != "3000" {
		s.Fatalf("%d lines, first %+v", len(lines), lines[:min(3, len(lines))])
	}
	if !strings.HasPrefix(lines[0].Text, "tab\there \"quoted\"") || !strings.HasSuffix(lines[0].Text, "ünïcödé 漢字") {
		s.Errorf("%q", lines[0].Text)
	}
	for i, l := range lines[3:] {
		if l.Text != fmt.Sprint(i+1) {
			s.Fatalf("line %d is %q", i+1, l.Text)
		}
	}
}

func testLogsFollow(s *suite) {
	c := s.sh("for i in 1 2 3; do echo $i; sleep 0.1; done; echo end >&2")
	s.start(c.ID)
	if got := texts(s.logs(c.ID, api.LogQuery{Follow: true})); got != "stdout:1\nstdout:2\nstdout:3\nstderr:end\n" {
		s.Errorf("followed %q", got)
	}
	s.state(c.ID, api.StateExited)
}

func testLogsCancelled(s *suite) {
	c := s.sh("echo here; sleep 100")
	s.start(c.ID)
	ctx, cancel := context.WithCancel(s.ctx())
	defer cancel()
	err := s.Service.Logs(ctx, c.ID, api.LogQuery{Follow: true}, func(api.LogLine) error {
		cancel()
		return nil
	})
	s.want(api.KindCancelled, err)
	s.state(c.ID, api.StateRunning)
}

func testLogsSink(s *suite) {
	c, _ := s.run("echo 1; echo 2")
	full := errors.New("disk full")
	n := 0
	err := s.Service.Logs(s.ctx(), c.ID, api.LogQuery{}, func(api.LogLine) error { n++; return full })
	if !errors.Is(err, full) || n != 1 {
		s.Errorf("%v after %d lines, want the sink's own error after one", err, n)
	}
}
