package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/api/apitest"
)

// davit is one person's command line over a fake engine.
type davit struct {
	t    *testing.T
	fake api.Service
	in   io.Reader
	vars map[string]string
}

func newDavit(t *testing.T, scenario apitest.Scenario) *davit {
	f := apitest.New(apitest.Options{Scenario: scenario, Seed: 1, Speed: 1000})
	t.Cleanup(func() { f.Close() })
	return &davit{t: t, fake: f, in: strings.NewReader(""), vars: map[string]string{"HOME": "/home/ada"}}
}

// result is what a command left behind.
type result struct {
	out, err string
	code     int
}

func (d *davit) run(args ...string) result {
	d.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	return d.runCtx(ctx, args...)
}

func (d *davit) runCtx(ctx context.Context, args ...string) result {
	d.t.Helper()
	var out, errs buffer
	e := &env{
		in: d.in, out: &out, err: &errs, now: time.Now, log: slog.New(slog.DiscardHandler),
		lookup: func(key string) (string, bool) { v, ok := d.vars[key]; return v, ok },
		open: func(context.Context, *env) (api.Service, io.Closer, error) {
			return d.fake, io.NopCloser(nil), nil
		},
	}
	code := report(e, newRoot().execute(ctx, e, "", args))
	return result{out.String(), errs.String(), code}
}

// ok runs a command that has to succeed, and gives its output.
func (d *davit) ok(args ...string) string {
	d.t.Helper()
	r := d.run(args...)
	if r.code != 0 {
		d.t.Fatalf("davit %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// fails runs a command that has to end with code, and gives its errors.
func (d *davit) fails(code int, args ...string) string {
	d.t.Helper()
	r := d.run(args...)
	if r.code != code {
		d.t.Fatalf("davit %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.out, r.err)
	}
	return r.err
}

func (d *davit) contains(text string, parts ...string) {
	d.t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			d.t.Errorf("no %q in:\n%s", p, text)
		}
	}
}

// buffer may be written to by one goroutine and read by another.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
