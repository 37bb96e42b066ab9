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
	"reflect"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/api/apitest"
	"davit/backend/wire"
)

// over is s at the other end of a control socket, as a front has it.
func over(t *testing.T, s api.Service) api.Service {
	d, engine, err := wire.DialControl()
	if err != nil {
		t.Fatal(err)
	}
	l, err := wire.ListenControl(engine)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: wire.Handler(s, nil)}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	tr := wire.Transport(d.Dial)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, io.EOF) {
			t.Errorf("%v, want EOF once the front has gone", err)
		}
		_ = server.Close()
		tr.CloseIdleConnections()
	})
	return wire.Client(tr)
}

func TestWire(t *testing.T) {
	apitest.Suite(t, func(t *testing.T) apitest.Setup {
		s := apitest.FakeSetup(t)
		s.Service = over(t, s.Service)
		return s
	})
}

// broken is a Service whose methods all answer err, or do what fn says.
type broken struct {
	api.Service
	err  error
	logs func(ctx context.Context, sink func(api.LogLine) error) error
	save func(w io.Writer) error
	load func(ctx context.Context, r io.Reader) error
}

func (b *broken) Start(context.Context, string) error { return b.err }

func (b *broken) Info(context.Context) (api.Info, error) { panic("a fault") }

func (b *broken) Images(context.Context, api.ImageFilter) ([]api.Image, error) { return nil, nil }

func (b *broken) Logs(ctx context.Context, _ string, _ api.LogQuery, sink func(api.LogLine) error) error {
	return b.logs(ctx, sink)
}

func (b *broken) Save(_ context.Context, _ []string, _ api.SaveFormat, w io.Writer) error {
	return b.save(w)
}

func (b *broken) Load(ctx context.Context, r io.Reader) (api.LoadResult, error) {
	return api.LoadResult{}, b.load(ctx, r)
}

// calls are every method by its name, with zero arguments, through reflection:
// a method that handler and client do not both know answers "no method".
func TestEveryMethodIsServed(t *testing.T) {
	refused := apitest.New(apitest.Options{Scenario: apitest.Refused})
	defer refused.Close()
	c := reflect.ValueOf(over(t, refused))
	noMethod := "the API has no method"
	for m := range reflect.TypeFor[api.Service]().Methods() {
		f := c.MethodByName(m.Name)
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for i := 1; i < f.Type().NumIn(); i++ {
			args = append(args, argument(f.Type().In(i)))
		}
		out := f.Call(args)
		err, _ := out[len(out)-1].Interface().(error)
		switch {
		case err == nil && m.Name != "Info" && m.Name != "Doctor" && m.Name != "Mend":
			t.Errorf("%s: no error", m.Name)
		case err != nil && (strings.Contains(err.Error(), noMethod) || api.KindOf(err) != api.KindHost):
			t.Errorf("%s: %s %v", m.Name, api.KindOf(err), err)
		}
	}
}

// A page and a program have one API.
func TestThePageHasTheWholeAPI(t *testing.T) {
	refused := apitest.New(apitest.Options{Scenario: apitest.Refused})
	defer refused.Close()
	page := wire.Page(refused, nil)
	for m := range reflect.TypeFor[api.Service]().Methods() {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequest("POST", "/v1/"+m.Name, strings.NewReader("[]")))
		if strings.Contains(w.Body.String(), "the API has no method") {
			t.Errorf("%s: %s", m.Name, w.Body)
		}
	}
}

func argument(t reflect.Type) reflect.Value {
	switch t {
	case reflect.TypeFor[io.Reader]():
		return reflect.ValueOf(strings.NewReader("x"))
	case reflect.TypeFor[io.Writer]():
		return reflect.ValueOf(io.Discard)
	}
	return reflect.Zero(t)
}

func TestErrorsComeBackAsTheyWere(t *testing.T) {
	b := &broken{}
	c := over(t, b)
	for _, k := range []api.Kind{
		api.KindInternal, api.KindInvalid, api.KindNotFound, api.KindConflict, api.KindUnavailable, api.KindDenied, api.KindHost,
		api.KindStart, api.KindNoSpace, api.KindRateLimited, api.KindCancelled, api.KindCorrupt, "a kind of the future",
	} {
		want := &api.Error{Kind: k, Msg: "it \"failed\" <&> ünïcödé", Hint: "do\nthis", Ref: "../x", ExitCode: 126}
		b.err = want
		var got *api.Error
		if err := c.Start(t.Context(), "x"); !errors.As(err, &got) || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	b.err = fmt.Errorf("pull x: %w", api.Errorf(api.KindNoSpace, "disk full").WithHint("remove something"))
	if e := api.AsError(c.Start(t.Context(), "x")); e.Kind != api.KindNoSpace || e.Msg != "pull x: disk full" || e.Hint != "remove something" {
		t.Errorf("%+v", e)
	}
	if _, err := c.Info(t.Context()); api.KindOf(err) != api.KindInternal || !strings.Contains(err.Error(), "a fault") {
		t.Errorf("after a panic: %v", err)
	}
}

// post sends a raw request to a server of b.
func post(t *testing.T, b api.Service, path, body string, head ...string) *http.Response {
	t.Helper()
	s := httptest.NewServer(wire.Handler(b, nil))
	t.Cleanup(s.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestRequestsThatAreRefused(t *testing.T) {
	for _, x := range []struct {
		name, path, body string
		status           int
		kind             api.Kind
	}{
		{"no such method", "/v1/Nope", "[]", 404, api.KindNotFound},
		{"method in lower case", "/v1/start", `["x"]`, 404, api.KindNotFound},
		{"outside the API", "/v2/Start", `["x"]`, 404, api.KindNotFound},
		{"above the API", "/v1/../v1/Start", `["x"]`, 404, api.KindNotFound},
		{"no JSON", "/v1/Start", "x", 400, api.KindInvalid},
		{"no array", "/v1/Start", `{"ref":"x"}`, 400, api.KindInvalid},
		{"no arguments", "/v1/Start", "", 400, api.KindInvalid},
		{"too few", "/v1/Stop", `["x"]`, 400, api.KindInvalid},
		{"too many", "/v1/Start", `["x","y"]`, 400, api.KindInvalid},
		{"wrong type", "/v1/Start", `[1]`, 400, api.KindInvalid},
		{"misspelt option", "/v1/Images", `[{"al":true}]`, 400, api.KindInvalid},
		{"more after it", "/v1/Start", `["x"] []`, 400, api.KindInvalid},
		{"too long", "/v1/Start", `["` + strings.Repeat("x", 1<<20) + `"]`, 400, api.KindInvalid},
		{"deep", "/v1/Images", strings.Repeat("[", 500_000), 400, api.KindInvalid},
		{"session without upgrade", "/v1/Exec", `["x",{"args":["true"]}]`, 400, api.KindInvalid},
	} {
		t.Run(x.name, func(t *testing.T) {
			resp := post(t, &broken{}, x.path, x.body)
			var f struct{ Error api.Error }
			if err := json.NewDecoder(resp.Body).Decode(&f); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != x.status || f.Error.Kind != x.kind || f.Error.Msg == "" {
				t.Errorf("%s %+v, want %d %s", resp.Status, f.Error, x.status, x.kind)
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	for path, want := range map[string]string{"/v1/Images": "[]", "/v1/Start": "null"} {
		body := map[string]string{"/v1/Images": "[{}]", "/v1/Start": `["x"]`}[path]
		resp := post(t, &broken{}, path, body)
		b, err := io.ReadAll(resp.Body)
		if err != nil || string(b) != want || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %q %v, want %s", path, resp.Status, b, err, want)
		}
	}
}

func TestStreamAsLines(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	b := &broken{logs: func(_ context.Context, sink func(api.LogLine) error) error {
		for _, text := range []string{"a \"b\" \x01", "<&>\u2028\xff"} {
			if err := sink(api.LogLine{Time: at, Stream: "stdout", Text: text}); err != nil {
				return err
			}
		}
		return api.Errorf(api.KindCorrupt, "torn")
	}}
	resp := post(t, b, "/v1/Logs", `["x",{}]`)
	got, err := io.ReadAll(resp.Body)
	want := `{"item":{"time":"2026-01-02T03:04:05.000000006Z","stream":"stdout","text":"a \"b\" \u0001"}}` + "\n" +
		`{"item":{"time":"2026-01-02T03:04:05.000000006Z","stream":"stdout","text":"<&>` + "\u2028\ufffd" + `"}}` + "\n" +
		`{"error":{"kind":"corrupt","msg":"torn"}}` + "\n"
	if err != nil || string(got) != want || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%s %s\n%s\nwant\n%s", resp.Status, resp.Header, got, want)
	}
}

func TestStreamThatBreaksOff(t *testing.T) {
	b := &broken{logs: func(_ context.Context, sink func(api.LogLine) error) error {
		if err := sink(api.LogLine{Text: "last words"}); err != nil {
			return err
		}
		panic(http.ErrAbortHandler)
	}}
	n := 0
	err := over(t, b).Logs(t.Context(), "x", api.LogQuery{}, func(api.LogLine) error { n++; return nil })
	if api.KindOf(err) != api.KindUnavailable || n != 1 {
		t.Errorf("%v after %d lines, want %s after one", err, n, api.KindUnavailable)
	}
}

// The first item is not held back, whatever comes later.
func TestStreamIsPrompt(t *testing.T) {
	seen := make(chan time.Duration, 1)
	b := &broken{logs: func(ctx context.Context, sink func(api.LogLine) error) error {
		begin := time.Now()
		for range 3 { // the second and third come in company
			if err := sink(api.LogLine{Text: "x"}); err != nil {
				return err
			}
		}
		<-ctx.Done()
		seen <- time.Since(begin)
		return ctx.Err()
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	n := 0
	err := over(t, b).Logs(ctx, "x", api.LogQuery{}, func(api.LogLine) error {
		if n++; n == 3 {
			cancel()
		}
		return nil
	})
	if api.KindOf(err) != api.KindCancelled || n != 3 {
		t.Errorf("%v after %d", err, n)
	}
	if d := <-seen; d > 5*time.Second { // and the service hears that we left
		t.Errorf("the service was told after %s", d)
	}
}

func TestLoadThatFailsEarly(t *testing.T) {
	want := api.Errorf(api.KindCorrupt, "this is no archive")
	b := &broken{load: func(_ context.Context, r io.Reader) error {
		if _, err := io.CopyN(io.Discard, r, 100); err != nil {
			return err
		}
		return want
	}}
	c := over(t, b)
	for range 20 { // it used to be a race
		_, err := c.Load(t.Context(), io.LimitReader(zeros{}, 64<<20))
		if api.KindOf(err) != api.KindCorrupt {
			t.Fatalf("%s %v, want %v", api.KindOf(err), err, want)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSaveThatFailsLate(t *testing.T) {
	want := api.Errorf(api.KindNoSpace, "layer sha256:…: no space\nleft").WithHint("ünïcödé")
	b := &broken{save: func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		return want
	}}
	var got bytes.Buffer
	err := over(t, b).Save(t.Context(), nil, api.SaveDocker, &got)
	if e := api.AsError(err); e == nil || e.Kind != want.Kind || e.Msg != want.Msg || e.Hint != want.Hint || got.Len() != 1<<20 {
		t.Errorf("%+v after %d bytes, want %+v", e, got.Len(), want)
	}
	resp := post(t, b, "/v1/Save", `[[],"docker-archive"]`) // as a browser: no trailers
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("half an archive was taken for a whole one")
	}
}

func TestNoEngine(t *testing.T) {
	c := wire.Client(wire.Transport(func(context.Context) (net.Conn, error) { return nil, errors.New("nobody is there") }))
	err := c.Start(t.Context(), "x")
	if e := api.AsError(err); e == nil || e.Kind != api.KindUnavailable || e.Hint == "" || !strings.Contains(e.Msg, "nobody is there") {
		t.Errorf("%+v", e)
	}
	refused := api.Errorf(api.KindHost, "no namespaces").WithHint("sysctl")
	c = wire.Client(wire.Transport(func(context.Context) (net.Conn, error) { return nil, refused }))
	if err := c.Start(t.Context(), "x"); api.KindOf(err) != api.KindHost || err.Error() != "no namespaces" {
		t.Errorf("%v", err)
	}
}

func BenchmarkLogs(b *testing.B) {
	lines := &broken{logs: func(_ context.Context, sink func(api.LogLine) error) error {
		l := api.LogLine{Time: time.Now().UTC(), Stream: "stdout", Text: strings.Repeat("some words ", 9)}
		for range b.N {
			if err := sink(l); err != nil {
				return err
			}
		}
		return nil
	}}
	s := httptest.NewServer(wire.Handler(lines, nil))
	defer s.Close()
	c := wire.Client(wire.Transport(func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Listener.Addr().String())
	}))
	n := 0
	if err := c.Logs(b.Context(), "x", api.LogQuery{}, func(api.LogLine) error { n++; return nil }); err != nil || n != b.N {
		b.Fatal(err, n)
	}
}
