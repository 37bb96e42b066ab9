package apitest

import (
	"strings"

	"davit/backend/api"
)

func testAttach(s *suite) {
	c := s.sh("echo out; echo err >&2; cat; exit 5", func(r *api.RunSpec) { r.Interactive = true })
	session, err := s.Service.Attach(s.ctx(), c.ID, api.AttachOptions{Stdin: true, Start: true})
	s.ok(err)
	var stdout, stderr output
	end := s.stream(session, &stdout, &stderr)
	_, err = session.Write([]byte("typed\n"))
	s.ok(err)
	s.ok(session.CloseInput())
	if e := end(); e.Code != 5 || stdout.String() != "out\ntyped\n" || stderr.String() != "err\n" {
		s.Errorf("%+v, stdout %q, stderr %q", e, stdout.String(), stderr.String())
	}
	if got := texts(s.logs(c.ID, api.LogQuery{Stream: "stdout"})); got != "stdout:out\nstdout:typed\n" {
		s.Errorf("log %q", got)
	}
}

func testAttachRefuses(s *suite) {
	c := s.sh("echo before; sleep 100")
	_, err := s.Service.Attach(s.ctx(), c.ID, api.AttachOptions{})
	s.want(api.KindConflict, err)
	s.start(c.ID)
	s.said(c.ID, "before")
	session, err := s.Service.Attach(s.ctx(), c.ID, api.AttachOptions{Logs: true})
	s.ok(err)
	var stdout, stderr output
	end := s.stream(session, &stdout, &stderr)
	s.until("the log is replayed", func() bool { return stdout.String() == "before\n" })
	s.ok(s.Service.Kill(s.ctx(), c.ID, "KILL"))
	if e := end(); e.Code != 137 {
		s.Errorf("%+v, want 137", e)
	}
	// Leaving does not end the container.
	s.start(c.ID)
	session, err = s.Service.Attach(s.ctx(), c.ID, api.AttachOptions{})
	s.ok(err)
	s.ok(session.Close())
	s.state(c.ID, api.StateRunning)
}

func testExec(s *suite) {
	c := s.sh("sleep 100", func(r *api.RunSpec) { r.Env = []string{"FROM=container"} })
	s.start(c.ID)
	session, err := s.Service.Exec(s.ctx(), c.ID, api.ExecSpec{
		Args: []string{"sh", "-c", "echo $FROM $MORE; echo err >&2; cat; exit 6"}, Env: []string{"MORE=exec"}, Interactive: true,
	})
	s.ok(err)
	var stdout, stderr output
	end := s.stream(session, &stdout, &stderr)
	long := strings.Repeat("0123456789abcdef\n", 20_000)
	go func() {
		_, _ = session.Write([]byte(long))
		_ = session.CloseInput()
	}()
	if e := end(); e.Code != 6 || stderr.String() != "err\n" || stdout.String() != "container exec\n"+long {
		s.Errorf("%+v, stdout of %d bytes, stderr %q", e, len(stdout.String()), stderr.String())
	}
	s.state(c.ID, api.StateRunning)
	if lines := s.logs(c.ID, api.LogQuery{}); len(lines) != 0 {
		s.Errorf("an exec's output is in the log: %q", texts(lines[:1]))
	}
	detached, err := s.Service.Exec(s.ctx(), c.ID, api.ExecSpec{Args: []string{"sleep", "100"}, Detach: true})
	s.ok(err)
	if e := s.stream(detached, &stdout, &stderr)(); e.Code != 0 {
		s.Errorf("detached: %+v", e)
	}
}

func testExecRefuses(s *suite) {
	c := s.sh("sleep 100")
	_, err := s.Service.Exec(s.ctx(), c.ID, api.ExecSpec{Args: []string{"true"}})
	s.want(api.KindConflict, err)
	s.start(c.ID)
	_, err = s.Service.Exec(s.ctx(), c.ID, api.ExecSpec{})
	s.want(api.KindInvalid, err)
	session, err := s.Service.Exec(s.ctx(), c.ID, api.ExecSpec{Args: []string{"/no/such/command"}})
	if err == nil { // then the session tells
		var out output
		_, err = session.Stream(&out, &out)
		_ = session.Close()
	}
	if e := s.want(api.KindStart, err); e.ExitCode != 127 {
		s.Errorf("exit code %d, want 127", e.ExitCode)
	}
}

func testTTY(s *suite) {
	c := s.sh("sleep 100")
	s.start(c.ID)
	session, err := s.Service.Exec(s.ctx(), c.ID, api.ExecSpec{Args: []string{"sh"}, TTY: true, Interactive: true, Rows: 30, Cols: 100})
	s.ok(err)
	var stdout, stderr output
	end := s.stream(session, &stdout, &stderr)
	say := func(line, want string) {
		_, err := session.Write([]byte(line + "\n"))
		s.ok(err)
		s.until(line+" answers "+want, func() bool { return strings.Contains(stdout.String(), want) })
	}
	say("stty size", "30 100\r\n")
	s.ok(session.Resize(44, 140))
	say("stty size", "44 140\r\n")
	say("echo err >&2", "err\r\n")
	_, err = session.Write([]byte("exit 9\n"))
	s.ok(err)
	if e := end(); e.Code != 9 || stderr.String() != "" {
		s.Errorf("%+v, stderr %q", e, stderr.String())
	}
}
