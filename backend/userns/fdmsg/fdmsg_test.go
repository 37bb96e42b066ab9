package fdmsg

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type note struct{ Text string }

func TestMessageCarriesDescriptors(t *testing.T) {
	a, f, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	b, err := Conn(f)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := Send(a, note{"hello"}, w); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	var n note
	files, err := Receive(b, &n)
	if err != nil || n.Text != "hello" || len(files) != 1 {
		t.Fatalf("got %+v, %d files, %v", n, len(files), err)
	}
	if _, err := files[0].WriteString("through"); err != nil {
		t.Fatal(err)
	}
	CloseAll(files)
	got, err := io.ReadAll(r)
	if err != nil || string(got) != "through" {
		t.Fatalf("got %q, %v", got, err)
	}
	_ = a.Close()
	if _, err := Receive(b, &n); err != io.EOF {
		t.Fatalf("after close: %v, want EOF", err)
	}
}

func TestBounds(t *testing.T) {
	a, f, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Send(a, note{strings.Repeat("x", MaxMessage)}); err == nil {
		t.Fatal("a message over the bound was sent")
	}
	if err := Send(a, note{}, make([]*os.File, MaxFiles+1)...); err == nil {
		t.Fatal("too many descriptors were sent")
	}
}

func TestListenInDeepDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := Accept(l)
		if err != nil {
			return
		}
		var n note
		if _, err := Receive(c, &n); err == nil {
			_ = Send(c, note{"re: " + n.Text})
		}
	}()
	var n note
	if _, err := Call(context.Background(), path, note{"hi"}, &n); err != nil || n.Text != "re: hi" {
		t.Fatalf("got %+v, %v", n, err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", st.Mode(), err)
	}
}

func TestCallEndsWithContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		if c, err := Accept(l); err == nil {
			var n note
			_, _ = Receive(c, &n)
			cancel()
			_, _ = Receive(c, &n)
		}
	}()
	var n note
	if _, err := Call(ctx, path, note{"hi"}, &n); err != context.Canceled {
		t.Fatalf("got %v", err)
	}
}
