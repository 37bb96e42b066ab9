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
	c, _ := s.run("echo one; echo two >&2; sleep 0.1; echo Three; echo last")
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
	// Text without an end is a line as soon as it might be a prompt: on a busy
	// computer before the program has ended.
	open, _ := s.run("echo -n unended")
	text := ""
	for _, l := range s.logs(open.ID, api.LogQuery{}) {
		text += l.Text
	}
	if text != "unended" {
		s.Errorf("text without an end is %q", text)
	}
	none := s.sh("true")
	if got := s.logs(none.ID, api.LogQuery{Follow: true}); len(got) != 0 {
		s.Errorf("log of one that never ran: %v", got)
	}
}

// testLogsTogether reads the logs of two containers as one.
func testLogsTogether(s *suite) {
	a, _ := s.run("echo ERROR one; echo '  at x'; echo INFO two; echo level=debug three")
	b, _ := s.run("echo '{\"level\":\"warn\"}'; echo plain")
	name := func(id string) string { return s.inspect(id).Name }
	levels := func(q api.LogQuery) (got []string) {
		q.Levels = true
		for _, l := range s.logs(a.ID, q) {
			got = append(got, l.Level)
		}
		return got
	}
	if got := fmt.Sprint(levels(api.LogQuery{}), levels(api.LogQuery{Level: "info"}), levels(api.LogQuery{Level: "ERR", Tail: number(1)})); got !=
		"[error error info debug] [error error info] [error]" {
		s.Errorf("levels %s", got)
	}
	all := s.logs(a.ID, api.LogQuery{With: []string{b.ID, a.ID}, Cursors: true})
	counts := map[string]int{}
	for i, l := range all {
		if counts[l.Container]++; i > 0 && l.Time.Before(all[i-1].Time) {
			s.Errorf("line %d at %s, after %s", i, l.Time, all[i-1].Time)
		}
	}
	if len(all) != 6 || counts[name(a.ID)] != 4 || counts[name(b.ID)] != 2 {
		s.Fatalf("together: %+v", all)
	}
	for i, l := range all {
		for _, q := range []struct {
			query api.LogQuery
			want  []api.LogLine
		}{
			{api.LogQuery{After: l.Cursor}, all[i+1:]},
			{api.LogQuery{Before: l.Cursor, Tail: number(2)}, all[max(0, i-2):i]},
		} {
			q.query.With = []string{b.ID}
			if got := texts(s.logs(a.ID, q.query)); got != texts(q.want) {
				s.Errorf("line %d, %+v: %q, want %q", i, q.query, got, texts(q.want))
			}
		}
	}
	for _, q := range []api.LogQuery{{Level: "loud"}, {With: []string{b.ID}, After: "no cursor"}} {
		err := s.Service.Logs(s.ctx(), a.ID, q, func(api.LogLine) error { return nil })
		if api.KindOf(err) != api.KindInvalid {
			s.Errorf("%+v: %v", q, err)
		}
	}
	err := s.Service.Logs(s.ctx(), a.ID, api.LogQuery{With: []string{"nobody"}}, func(api.LogLine) error { return nil })
	if api.KindOf(err) != api.KindNotFound {
		s.Errorf("with one that is not there: %v", err)
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
