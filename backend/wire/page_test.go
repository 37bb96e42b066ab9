package wire_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"davit/backend/api"
	"davit/backend/wire"
)

// shells is a Service whose execs are the test's.
type shells struct {
	api.Service
	process chan *api.Session
	specs   chan api.ExecSpec
}

func (s *shells) Exec(_ context.Context, ref string, spec api.ExecSpec) (*api.Session, error) {
	if ref != "web" {
		return nil, api.Errorf(api.KindNotFound, "there is no container %s", ref)
	}
	mine, theirs := net.Pipe()
	s.specs <- spec
	s.process <- api.NewSession(theirs)
	return api.NewSession(mine), nil
}

// terminal is a page with one session open, and the process at its other end.
type terminal struct {
	t       *testing.T
	url     string
	id      string
	process *api.Session
}

func openTerminal(t *testing.T) *terminal {
	s := &shells{process: make(chan *api.Session, 1), specs: make(chan api.ExecSpec, 1)}
	server := httptest.NewServer(wire.Page(s, nil))
	t.Cleanup(server.Close)
	x := &terminal{t: t, url: server.URL + "/v1/"}
	var h wire.HeldSession
	x.call("OpenSession", &h, wire.SessionSpec{Container: "web", Title: "sh", Exec: &api.ExecSpec{Args: []string{"sh"}, TTY: true}})
	if spec := <-s.specs; !spec.HangUp || !spec.TTY || h.ID == "" || h.Container != "web" || h.Title != "sh" {
		t.Fatalf("%+v of %+v", h, spec)
	}
	x.id, x.process = h.ID, <-s.process
	return x
}

// call is one of the page's; an error that is answered is returned.
func (x *terminal) call(method string, into any, args ...any) error {
	b, err := json.Marshal(args)
	if err != nil {
		x.t.Fatal(err)
	}
	resp, err := http.Post(x.url+method, "application/json", bytes.NewReader(b))
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var f struct{ Error api.Error }
		if err := json.NewDecoder(resp.Body).Decode(&f); err != nil {
			x.t.Fatal(err)
		}
		return &f.Error
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// stream is a joined session.
type stream struct {
	t    *testing.T
	body io.Closer
	d    *json.Decoder
	at   int64
	lost bool
	exit *api.Exit
}

func (x *terminal) join(from int64) *stream {
	resp, err := http.Post(x.url+"JoinSession", "application/json", strings.NewReader(fmt.Sprintf("[%q,%d]", x.id, from)))
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { resp.Body.Close() })
	return &stream{t: x.t, body: resp.Body, d: json.NewDecoder(resp.Body)}
}

// read gives n bytes, or all up to the exit where n is negative.
func (s *stream) read(n int) string {
	s.t.Helper()
	var got []byte
	for s.exit == nil && (n < 0 || len(got) < n) {
		var l struct {
			Item  *wire.SessionOutput
			Error *api.Error
		}
		if err := s.d.Decode(&l); err != nil {
			s.t.Fatalf("after %d bytes: %v", len(got), err)
		}
		if l.Item == nil {
			s.t.Fatalf("after %d bytes: %v", len(got), l.Error)
		}
		got = append(got, l.Item.Data...)
		s.at, s.exit, s.lost = l.Item.At, l.Item.Exit, s.lost || l.Item.Lost
	}
	return string(got)
}

func TestSessionsAreLeftAndJoinedAgain(t *testing.T) {
	x := openTerminal(t)
	say := func(s string) { _, _ = io.WriteString(x.process.Stdout(), s) }
	go say("hello")
	first := x.join(0)
	if got := first.read(5); got != "hello" {
		t.Fatal(got)
	}
	first.body.Close()
	say(" there")
	again := x.join(first.at)
	if got := again.read(6); got != " there" || again.lost {
		t.Fatal(got, again.lost)
	}
	if got := x.join(0).read(11); got != "hello there" {
		t.Errorf("from the start: %q", got)
	}
	go func() { _ = x.process.End(api.Exit{Code: 7}) }()
	if rest := again.read(-1); rest != "" || again.exit.Code != 7 {
		t.Errorf("%q %+v", rest, again.exit)
	}
	if got := x.join(0); got.read(-1) != "hello there" || got.exit.Code != 7 {
		t.Error("what has ended is not replayed")
	}
	var list []wire.HeldSession
	if err := x.call("HeldSessions", &list); err != nil || len(list) != 1 || !list[0].Ended || list[0].At != 11 || list[0].Exit.Code != 7 {
		t.Errorf("%+v %v", list, err)
	}
}

func TestSessionsKeepABoundedPast(t *testing.T) {
	x := openTerminal(t)
	line := strings.Repeat("x", 1023) + "\n"
	for range 3 << 10 { // 3 MiB that nobody reads
		if _, err := io.WriteString(x.process.Stdout(), line); err != nil {
			t.Fatal(err)
		}
	}
	go func() { _ = x.process.End(api.Exit{}) }()
	s := x.join(0)
	got := s.read(-1)
	if !s.lost || s.at != 3<<20 || len(got) < 1<<20 || len(got) > 2<<20 || !strings.HasSuffix(got, line) {
		t.Errorf("lost %v, at %d, %d bytes", s.lost, s.at, len(got))
	}
}

func TestAJoinedPageLosesNothing(t *testing.T) {
	x := openTerminal(t)
	s := x.join(0)
	go func() {
		line := strings.Repeat("y", 1023) + "\n"
		for range 8 << 10 {
			_, _ = io.WriteString(x.process.Stdout(), line)
		}
		_ = x.process.End(api.Exit{})
	}()
	if got := len(s.read(-1)); got != 8<<20 || s.lost {
		t.Errorf("%d bytes, lost %v", got, s.lost)
	}
}

func TestSessionsAreTypedInto(t *testing.T) {
	x := openTerminal(t)
	go func() {
		_ = x.call("SendInput", nil, x.id, []byte("ls\xff\r"))
		_ = x.call("ResizeSession", nil, x.id, 30, 100)
		_ = x.call("SignalSession", nil, x.id, "INT")
		_ = x.call("CloseSession", nil, x.id)
	}()
	for _, want := range []api.Input{{Data: []byte("ls\xff\r")}, {Resize: true, Rows: 30, Cols: 100}, {Signal: "INT"}} {
		in, err := x.process.ReadInput()
		if err != nil || fmt.Sprint(in) != fmt.Sprint(want) {
			t.Fatalf("%+v %v, want %+v", in, err, want)
		}
	}
	if _, err := x.process.ReadInput(); !errors.Is(err, io.EOF) {
		t.Errorf("after closing: %v", err)
	}
	if err := x.call("SendInput", nil, x.id, []byte("x")); api.KindOf(err) != api.KindNotFound {
		t.Errorf("a closed session: %v", err)
	}
}

func TestSessionsRefuse(t *testing.T) {
	x := openTerminal(t)
	for _, test := range []struct {
		method string
		args   []any
		want   api.Kind
	}{
		{"OpenSession", []any{wire.SessionSpec{Container: "web"}}, api.KindInvalid},
		{"OpenSession", []any{wire.SessionSpec{Container: "web", Exec: &api.ExecSpec{}, Attach: &api.AttachOptions{}}}, api.KindInvalid},
		{"OpenSession", []any{wire.SessionSpec{Container: "none", Exec: &api.ExecSpec{}}}, api.KindNotFound},
		{"JoinSession", []any{"guess", 0}, api.KindNotFound},
		{"SendInput", []any{"guess", ""}, api.KindNotFound},
		{"ResizeSession", []any{x.id, -1, 80}, api.KindInvalid},
		{"CloseSession", []any{""}, api.KindNotFound},
	} {
		if err := x.call(test.method, nil, test.args...); api.KindOf(err) != test.want {
			t.Errorf("%s%v: %v, want %s", test.method, test.args, err, test.want)
		}
	}
}
