package image

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"davit/backend/image/fetch"
	"davit/backend/image/registries"
	"davit/tests/images"
)

func TestMain(m *testing.M) { os.Exit(images.Main(m)) }

// open gives a store in a directory of its own, which sees nothing of the
// machine's configuration.
func open(t testing.TB, change ...func(*Config)) *Store {
	t.Helper()
	dir := t.TempDir()
	c := Config{
		ImagesDir: filepath.Join(dir, "images"), LayersDir: filepath.Join(dir, "layers"), Platform: "linux/amd64",
		Getenv:     func(k string) string { return map[string]string{"HOME": dir}[k] },
		Registries: registries.Conf{File: filepath.Join(dir, "registries.conf"), Dir: filepath.Join(dir, "none"), Aliases: filepath.Join(dir, "aliases.conf")},
		Fetch:      fetch.Config{HeaderTimeout: 2 * time.Second, StallTimeout: 2 * time.Second, Backoff: 5 * time.Millisecond},
		Log:        slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if err := os.WriteFile(c.Registries.File, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(&c)
	}
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(p))
	return len(p), nil
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var bg = context.Background()
