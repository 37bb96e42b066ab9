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
	s.cursors(c.ID, all)
	none := s.sh("true")
	if got := s.logs(none.ID, api.LogQuery{Follow: true}); len(got) != 0 {
		s.Errorf("log of one that never ran: %v", got)
	}
}

// cursors reads forwards and backwards from each line.
func (s *suite) cursors(id string, all []api.LogLine) {
	marked := s.logs(id, api.LogQuery{Cursors: true})
	if texts(marked) != texts(all) {
		s.Fatalf("with cursors: %q", texts(marked))
	}
	for i, l := range marked {
		for _, q := range []struct {
			query api.LogQuery
			want  []api.LogLine
		}{
			{api.LogQuery{After: l.Cursor}, all[i+1:]},
			{api.LogQuery{Before: l.Cursor}, all[:i]},
			{api.LogQuery{Before: l.Cursor, Tail: number(1)}, all[max(0, i-1):i]},
			{api.LogQuery{After: l.Cursor, Limit: 1}, all[i+1 : min(i+2, len(all))]},
			{api.LogQuery{After: marked[0].Cursor, Before: l.Cursor, Follow: true}, all[min(1, i):i]},
		} {
			if got := texts(s.logs(id, q.query)); got != texts(q.want) {
				s.Errorf("line %d, %+v: %q, want %q", i, q.query, got, texts(q.want))
			}
		}
	}
	err := s.Service.Logs(s.ctx(), id, api.LogQuery{After: "no cursor"}, func(api.LogLine) error { return nil })
	if api.KindOf(err) != api.KindInvalid {
		s.Errorf("a bad cursor: %v", err)
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
