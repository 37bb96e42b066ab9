package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"davit/backend/api"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123, time.UTC)

func create(t testing.TB) (*Writer, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, path
}

func write(t testing.TB, w *Writer, stream string, at time.Time, text string) {
	t.Helper()
	if err := w.Write(stream, at, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// read gives the lines as "o:text" or "e:text", with a "+" where they go on.
func read(t testing.TB, path string, q api.LogQuery) []string {
	t.Helper()
	var got []string
	err := Read(t.Context(), path, q, nil, func(l api.LogLine) error {
		s := l.Stream[3:4] + ":" + l.Text
		if l.Partial {
			s += "+"
		}
		got = append(got, strings.Clone(s))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func equal(t testing.TB, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %.300q, want %.300q", got, want)
	}
}

func TestLinesAreCutAnywhere(t *testing.T) {
	w, path := create(t)
	write(t, w, "stdout", noon, "one\ntw")
	write(t, w, "stderr", noon, "err\n\n")
	write(t, w, "stdout", noon, "")
	write(t, w, "stdout", noon.Add(time.Hour), "o\nprompt: ")
	equal(t, read(t, path, api.LogQuery{}), "o:one", "e:err", "e:", "o:two")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	equal(t, read(t, path, api.LogQuery{Tail: new(1)}), "o:prompt: +")
	write(t, w, "stdout", noon, "answer\x00\xff\n")
	write(t, w, "stderr", noon, "end")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	equal(t, read(t, path, api.LogQuery{}), "o:one", "e:err", "e:", "o:two", "o:prompt: +", "o:answer\x00\xff", "e:end")
	equal(t, read(t, path, api.LogQuery{Tail: new(2)}), "o:prompt: +", "o:answer\x00\xff", "e:end")
	b, _ := os.ReadFile(path)
	if !strings.HasPrefix(string(b), "2026-03-04T12:00:00.000000123Z stdout F one\n2026-03-04T12:00:00.000000123Z stderr F err\n") {
		t.Errorf("%q", b[:100])
	}
}

func TestCloseEndsAFlushedLine(t *testing.T) {
	w, path := create(t)
	write(t, w, "stdout", noon, "no newline")
	if err := errors.Join(w.Flush(), w.Close()); err != nil {
		t.Fatal(err)
	}
	equal(t, read(t, path, api.LogQuery{}), "o:no newline+", "o:")
}

func TestEndlessLineIsBounded(t *testing.T) {
	w, path := create(t)
	for range 100 {
		write(t, w, "stdout", noon, strings.Repeat("x", 1000))
	}
	write(t, w, "stdout", noon, "\nnext\n"+strings.Repeat("y", MaxText)+"\n"+strings.Repeat("z", MaxText+1)+"\n")
	got := read(t, path, api.LogQuery{})
	var text strings.Builder
	for _, l := range got {
		if len(l) > MaxText+3 {
			t.Errorf("line of %d bytes", len(l))
		}
		if strings.HasSuffix(l, "+") {
			text.WriteString(l[2 : len(l)-1])
		} else {
			text.WriteString(l[2:] + "\n")
		}
	}
	want := strings.Repeat("x", 100000) + "\nnext\n" + strings.Repeat("y", MaxText) + "\n" + strings.Repeat("z", MaxText+1) + "\n"
	if text.String() != want {
		t.Error("the text is not what was written")
	}
	equal(t, read(t, path, api.LogQuery{Tail: new(3)}), got[len(got)-4:]...)
}

func TestTornLastLine(t *testing.T) {
	w, path := create(t)
	write(t, w, "stdout", noon, "whole\nsecond line\n")
	w.Close()
	whole, _ := os.ReadFile(path)
	for n := range len(whole) {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		before := read(t, path, api.LogQuery{})
		w, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, w, "stderr", noon, "after\n")
		w.Close()
		got := read(t, path, api.LogQuery{})
		if len(got) < len(before)+1 || len(got) > len(before)+2 || got[len(got)-1] != "e:after" {
			t.Fatalf("cut at %d: %q, then %q", n, before, got)
		}
	}
}

func TestDiskFullLeavesWholeLines(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	w, path := create(t)
	write(t, w, "stdout", noon, "first\n")
	limit := old
	limit.Cur = 120 // EFBIG behaves as ENOSPC does; Go ignores SIGXFSZ
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	err := w.Write("stdout", noon, []byte("second\nthird\nfourth\n"))
	if rerr := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); rerr != nil {
		t.Fatal(rerr)
	}
	if err == nil {
		t.Fatal("no error")
	}
	write(t, w, "stdout", noon, "again\n")
	equal(t, read(t, path, api.LogQuery{}), "o:first", "o:second", "o:again")
}

func TestQueries(t *testing.T) {
	w, path := create(t)
	const n = 20000
	for i := range n {
		stream := "stdout"
		if i%10 == 0 {
			stream = "stderr"
		}
		write(t, w, stream, noon.Add(time.Duration(i)*time.Second), fmt.Sprintf("Line %05d %s\n", i, strings.Repeat("-", i%97)))
	}
	at := func(i int) time.Time { return noon.Add(time.Duration(i) * time.Second) }
	nums := func(q api.LogQuery) (got []int) {
		for _, l := range read(t, path, q) {
			var i int
			fmt.Sscanf(l[2:], "Line %d", &i)
			got = append(got, i)
		}
		return got
	}
	for _, c := range []struct {
		q           api.LogQuery
		first, last int
		count       int
	}{
		{api.LogQuery{}, 0, n - 1, n},
		{api.LogQuery{Tail: new(0)}, 0, 0, 0},
		{api.LogQuery{Tail: new(-1)}, 0, n - 1, n},
		{api.LogQuery{Tail: new(1)}, n - 1, n - 1, 1},
		{api.LogQuery{Tail: new(7000)}, n - 7000, n - 1, 7000},
		{api.LogQuery{Tail: new(n + 5)}, 0, n - 1, n},
		{api.LogQuery{Tail: new(5), Stream: "stderr"}, n - 50, n - 10, 5},
		{api.LogQuery{Tail: new(2), Search: "LINE 00"}, 998, 999, 2},
		{api.LogQuery{Since: at(12345)}, 12345, n - 1, n - 12345},
		{api.LogQuery{Since: at(12345).Add(1)}, 12346, n - 1, n - 12346},
		{api.LogQuery{Until: at(7)}, 0, 7, 8},
		{api.LogQuery{Since: at(5), Until: at(15000), Tail: new(3)}, 14998, 15000, 3},
		{api.LogQuery{Since: at(14999), Until: at(15000), Tail: new(30)}, 14999, 15000, 2},
		{api.LogQuery{Since: at(n)}, 0, 0, 0},
		{api.LogQuery{Since: at(-10), Until: at(-5)}, 0, 0, 0},
		{api.LogQuery{Since: at(9), Until: at(8)}, 0, 0, 0},
		{api.LogQuery{Stream: "stderr"}, 0, n - 10, n / 10},
		{api.LogQuery{Search: "line 0001"}, 10, 19, 10},
		{api.LogQuery{Search: "lineä"}, 0, 0, 0},
	} {
		got := nums(c.q)
		if len(got) != c.count || c.count > 0 && (got[0] != c.first || got[len(got)-1] != c.last) {
			t.Errorf("%+v: %d lines", c.q, len(got))
		}
	}
}

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	ended := make(chan struct{})
	live := func() bool {
		select {
		case <-ended:
			return false
		default:
			return true
		}
	}
	lines, done := make(chan string, 10), make(chan error)
	go func() {
		done <- Read(t.Context(), path, api.LogQuery{Follow: true}, live, func(l api.LogLine) error {
			lines <- strings.Clone(l.Text)
			return nil
		})
	}()
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		write(t, w, "stdout", noon, fmt.Sprintln(i))
		if got := <-lines; got != fmt.Sprint(i) {
			t.Fatalf("got %q for %d", got, i)
		}
	}
	write(t, w, "stdout", noon, "last")
	close(ended)
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestFollowEndsWithContextSinkAndUntil(t *testing.T) {
	w, path := create(t)
	write(t, w, "stdout", noon, "one\n")
	always := func() bool { return true }
	ctx, cancel := context.WithCancel(t.Context())
	err := Read(ctx, path, api.LogQuery{Follow: true}, always, func(api.LogLine) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("context: %v", err)
	}
	full := errors.New("full")
	if err := Read(t.Context(), path, api.LogQuery{Follow: true}, always, func(api.LogLine) error { return full }); err != full {
		t.Errorf("sink: %v", err)
	}
	for _, until := range []time.Duration{-time.Hour, 30 * time.Millisecond} {
		q := api.LogQuery{Follow: true, Until: time.Now().Add(until)}
		if err := Read(t.Context(), path, q, always, func(api.LogLine) error { return nil }); err != nil {
			t.Errorf("until %v: %v", until, err)
		}
	}
}

func TestTimes(t *testing.T) {
	var s stamper
	for _, at := range []time.Time{noon, noon.Add(1), noon.Add(time.Second), time.Unix(0, 0), noon.AddDate(10, 0, 0), noon.AddDate(-10, 0, 0)} {
		b := string(s.stamp(at))
		if got, ok := parseTime(b); !ok || !got.Equal(at) || b != at.UTC().Format("2006-01-02T15:04:05.000000000Z07:00") {
			t.Errorf("%v: %s, %v", at, b, got)
		}
	}
	if at, ok := parseTime("2026-03-04T13:00:00.5+01:00"); !ok || !at.Equal(time.Date(2026, 3, 4, 12, 0, 0, 5e8, time.UTC)) {
		t.Error(at, ok)
	}
	for _, bad := range []string{"", "2026-13-04T12:00:00.000000123Z", "2026-03-04 12:00:00.000000123Z", "2026-03-0xT12:00:00.000000123Z"} {
		if _, ok := parseTime(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("2026-03-04T12:00:00.000000123Z stdout F text")
	f.Add("2026-03-04T13:00:00.5+01:00 stderr P ")
	f.Fuzz(func(t *testing.T, s string) {
		if l, ok := split(s); ok {
			parseTime(l.stamp)
			flag := " F "
			if l.partial {
				flag = " P "
			}
			if l.stamp+" "+l.stream+flag+l.text != s {
				t.Errorf("%q became %+v", s, l)
			}
		}
	})
}

// FuzzWrite writes bytes in random pieces and reads the same bytes back.
func FuzzWrite(f *testing.F) {
	f.Add([]byte("a\nb\n\nc"), uint64(1))
	f.Add(bytes.Repeat([]byte("long"), 20000), uint64(2))
	f.Fuzz(func(t *testing.T, p []byte, seed uint64) {
		w, path := create(t)
		r := rand.New(rand.NewPCG(seed, 1))
		for rest := p; len(rest) > 0; {
			n := 1 + r.IntN(len(rest))
			write(t, w, "stdout", noon, string(rest[:n]))
			if rest = rest[n:]; r.IntN(3) == 0 {
				_ = w.Flush()
			}
		}
		_ = w.Close()
		var got []byte
		_ = Read(t.Context(), path, api.LogQuery{}, nil, func(l api.LogLine) error {
			if got = append(got, l.Text...); !l.Partial {
				got = append(got, '\n')
			}
			return nil
		})
		if !bytes.Equal(bytes.TrimSuffix(got, []byte("\n")), bytes.TrimSuffix(p, []byte("\n"))) {
			t.Errorf("%q became %q", p, got)
		}
	})
}

// FuzzRead reads any bytes: it ends, and forwards finds what backwards does.
func FuzzRead(f *testing.F) {
	f.Add([]byte("2026-03-04T12:00:00.000000123Z stdout F text\ngarbage\n\n2026-03-04T12:00:00.000000123Z stderr P x"))
	f.Fuzz(func(t *testing.T, p []byte) {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, p, 0o600); err != nil {
			t.Fatal(err)
		}
		all := read(t, path, api.LogQuery{})
		if got := read(t, path, api.LogQuery{Tail: new(len(all))}); len(got) != len(all) {
			t.Errorf("%d lines, backwards %d", len(all), len(got))
		}
		read(t, path, api.LogQuery{Since: noon, Until: noon})
		w, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
	})
}

func BenchmarkWrite(b *testing.B) {
	w, _ := create(b)
	chunk := bytes.Repeat([]byte(strings.Repeat("x", 99)+"\n"), 655) // as much as a pipe holds
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		if err := w.Write("stdout", time.Now(), chunk); err != nil {
			b.Fatal(err)
		}
		if w.size > 500<<20 {
			_ = w.f.Truncate(0)
			w.size = 0
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*655)*1e6, "ms/1Mlines")
}

func BenchmarkRead1M(b *testing.B) {
	w, path := create(b)
	chunk := bytes.Repeat([]byte(strings.Repeat("x", 99)+"\n"), 655)
	for i := range 1527 {
		_ = w.Write("stdout", noon.Add(time.Duration(i)*time.Millisecond), chunk)
	}
	for name, q := range map[string]api.LogQuery{"all": {}, "tail10": {Tail: new(10)}, "search": {Search: "needle"}, "since": {Since: noon.Add(1526 * time.Millisecond)}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(100 << 20)
			b.ReportAllocs()
			for b.Loop() {
				if err := Read(b.Context(), path, q, nil, func(api.LogLine) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
