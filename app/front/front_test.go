package front

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/api/apitest"
	"davit/backend/doctor"
	"davit/backend/store"
)

func TestMain(m *testing.M) {
	if code, ran := doctor.Main(os.Args); ran {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// inProcess starts engines as goroutines of this process.
type inProcess struct {
	service api.Service
	refused error
	started atomic.Int32
	kill    atomic.Pointer[context.CancelFunc] // of the newest
}

func (p *inProcess) start(ctx context.Context, control *os.File) (interface{ Close() error }, error) {
	if p.refused != nil {
		return nil, p.refused
	}
	p.started.Add(1)
	// The keeper's process inherits a copy of the descriptor.
	c, err := net.FileConn(control)
	if err != nil {
		return nil, err
	}
	own, err := c.(*net.UnixConn).File()
	if err != nil {
		return nil, err
	}
	_ = c.Close()
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.kill.Store(&cancel)
	done := make(chan error, 1)
	go func() { done <- ServeEngine(life, own, p.service, func() {}) }()
	return closing(func() error { cancel(); return <-done }), nil
}

func (p *inProcess) crash() { (*p.kill.Load())() }

type closing func() error

func (c closing) Close() error { return c() }

func opened(t *testing.T, p *inProcess) *Front {
	dir := t.TempDir()
	o := Options{Log: slog.New(slog.DiscardHandler), Dirs: store.Dirs{Data: filepath.Join(dir, "data"), Runtime: filepath.Join(dir, "run"), Config: dir}}
	f := open(t.Context(), o, p.start, nil)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestFrontIsAService(t *testing.T) {
	apitest.Suite(t, func(t *testing.T) apitest.Setup {
		s := apitest.FakeSetup(t)
		s.Service = opened(t, &inProcess{service: s.Service}).Service()
		return s
	})
}

func TestEngineStartsWithTheFirstCall(t *testing.T) {
	p := &inProcess{service: apitest.FakeSetup(t).Service}
	s := opened(t, p).Service()
	if n := p.started.Load(); n != 0 {
		t.Errorf("%d engines before any call", n)
	}
	for range 3 {
		if _, err := s.Images(t.Context(), api.ImageFilter{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.started.Load(); n != 1 {
		t.Errorf("%d engines for three calls", n)
	}
}

func TestEngineThatDies(t *testing.T) {
	p := &inProcess{service: apitest.FakeSetup(t).Service}
	s := opened(t, p).Service()
	for round := range 5 {
		began := make(chan struct{})
		ended := make(chan error, 1)
		go func() {
			ended <- s.Events(t.Context(), 0, func(api.Event) error { close(began); return nil })
		}()
		<-began
		p.crash()
		if err := <-ended; api.KindOf(err) != api.KindUnavailable || api.AsError(err).Hint == "" {
			t.Errorf("round %d: the stream ended with %s %v", round, api.KindOf(err), err)
		}
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			_, err := s.Images(t.Context(), api.ImageFilter{})
			if err == nil {
				break
			}
			if api.KindOf(err) != api.KindUnavailable || time.Now().After(end) {
				t.Fatalf("round %d: the next call: %v", round, err)
			}
		}
	}
	if n := p.started.Load(); n != 6 {
		t.Errorf("%d engines, want one and one for each that died", n)
	}
}

func TestHostThatRefuses(t *testing.T) {
	p := &inProcess{refused: api.Errorf(api.KindHost, "no user namespaces").WithHint("see doctor")}
	s := opened(t, p).Service()
	_, err := s.Images(t.Context(), api.ImageFilter{})
	if e := api.AsError(err); e == nil || e.Kind != api.KindHost || e.Hint != "see doctor" {
		t.Errorf("%+v", e)
	}
	i, err := s.Info(t.Context())
	if err != nil || i.Kernel == "" || i.OS == "" || !slices.Contains(i.Limited, "no user namespaces") {
		t.Errorf("%+v, %v", i, err)
	}
	checks, err := s.Doctor(t.Context())
	if err != nil || len(checks) < 10 {
		t.Errorf("%d checks, %v", len(checks), err)
	}
	p.refused = errors.New("exec: no such file")
	if _, err := s.Images(t.Context(), api.ImageFilter{}); api.KindOf(err) != api.KindHost || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%s %v", api.KindOf(err), err)
	}
	p.refused, p.service = nil, apitest.FakeSetup(t).Service // mended while we run
	if _, err := s.Images(t.Context(), api.ImageFilter{}); err != nil {
		t.Error(err)
	}
}

func TestClosedFront(t *testing.T) {
	p := &inProcess{service: apitest.FakeSetup(t).Service}
	f := opened(t, p)
	if _, err := f.Service().Images(t.Context(), api.ImageFilter{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Service().Images(t.Context(), api.ImageFilter{}); api.KindOf(err) != api.KindUnavailable {
		t.Errorf("%s %v", api.KindOf(err), err)
	}
}

func TestRootIsRefused(t *testing.T) {
	e := api.AsError(refuseRoot(0))
	if e == nil || e.Kind != api.KindHost || e.Hint == "" {
		t.Errorf("%+v", e)
	}
	if err := refuseRoot(1000); err != nil {
		t.Error(err)
	}
}

func TestBinaries(t *testing.T) {
	dir := t.TempDir()
	put := func(name string) string {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, nil, 0o755)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	davit, guard := put("usr/bin/davit"), put("usr/libexec/davit/davit-guard")
	for _, from := range []string{"usr/bin", "usr/libexec/davit"} {
		b := binaries(filepath.Join(dir, from))
		if b["davit"] != davit || b["davit-guard"] != guard {
			t.Errorf("from %s: %q", from, b)
		}
	}
	beside := put("usr/bin/davit-guard")
	if b := binaries(filepath.Join(dir, "usr/bin")); b["davit-guard"] != beside {
		t.Errorf("%q", b)
	}
}

func TestEnvironment(t *testing.T) {
	env := environment([]string{"A=1", "DAVIT_UID=7", "DAVIT_DEPOSITS=x", "BIG=" + strings.Repeat("x", 1<<20), "B=2"}, 1000)
	if !slices.Equal(env, []string{"DAVIT_UID=1000", "A=1", "B=2"}) {
		t.Errorf("%.100q", env)
	}
	var many []string
	for range 1000 {
		many = append(many, "K="+strings.Repeat("x", 1000))
	}
	if n := len(strings.Join(environment(many, 1), "")); n > 70<<10 {
		t.Errorf("%d bytes", n)
	}
}
