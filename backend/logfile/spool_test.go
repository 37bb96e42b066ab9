package logfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// source is a container's pipe with its spool.
type source struct {
	s     *Stream
	r, w  *os.File
	spool []*os.File
}

func newSource(t *testing.T, w *Writer, name string) *source {
	t.Helper()
	r, wr, err := os.Pipe()
	must(t, err)
	c := &source{s: w.Stream(name), r: r, w: wr}
	c.spool, err = c.s.Spool(false)
	must(t, err)
	t.Cleanup(func() { _ = r.Close(); _ = wr.Close(); closeAll(c.spool) })
	return c
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *source) write(t *testing.T, text string) {
	t.Helper()
	_, err := c.w.WriteString(text)
	must(t, err)
}

// fill moves what there is.
func (c *source) fill(t *testing.T) {
	t.Helper()
	for {
		_, lost, err := c.s.Fill(int(c.r.Fd()))
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, io.EOF) {
			return
		}
		must(t, errors.Join(lost, err))
	}
}

// text joins what a stream wrote, as the log has it.
func text(t *testing.T, path, stream string) string {
	t.Helper()
	var b strings.Builder
	must(t, Read(t.Context(), path, api.LogQuery{Stream: stream}, nil, func(l api.LogLine) error {
		b.WriteString(l.Text)
		if !l.Partial {
			b.WriteByte('\n')
		}
		return nil
	}))
	return b.String()
}

// A writer may be killed at any byte of a write, and at any instruction
// between its system calls: the next one continues exactly there.
func TestKilledWriterLosesAndDoublesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	w, err := Open(path, Options{})
	must(t, err)
	out, er := newSource(t, w, "stdout"), newSource(t, w, "stderr")
	out.write(t, "one\ntwo\nthr")
	out.fill(t)
	er.write(t, "error one\nerror tw")
	er.fill(t)
	must(t, w.Flush())
	out.write(t, "ee\nfour\n\n")
	out.fill(t)
	er.write(t, "o\n")
	er.fill(t)
	out.write(t, "rest")
	out.fill(t)
	whole, err := os.ReadFile(path)
	must(t, err)
	for n := range len(whole) + 1 {
		must(t, os.WriteFile(path, whole[:n], 0o600))
		again, err := Open(path, Options{Resume: true})
		must(t, err)
		must(t, errors.Join(again.Stream("stdout").Resume(out.spool), again.Stream("stderr").Resume(er.spool)))
		must(t, again.Close())
		if got := text(t, path, "stdout"); got != "one\ntwo\nthree\nfour\n\nrest\n" {
			t.Fatalf("killed after %d bytes: %q", n, got)
		}
		if got := text(t, path, "stderr"); got != "error one\nerror two\n" {
			t.Fatalf("killed after %d bytes: %q", n, got)
		}
		restore(t, out, er, whole, path)
	}
	_ = w.f.Close()
}

// restore makes the spools tell again what they told at the kill.
func restore(t *testing.T, out, er *source, whole []byte, path string) {
	t.Helper()
	for _, c := range []*source{out, er} {
		c.s.w.size = 0 // all is to be read from the log
		base := c.s.spool.base
		c.s.spool.base = spoolData
		open := c.s.open
		c.s.open = false
		c.s.mark()
		c.s.spool.base, c.s.open = base, open
	}
	must(t, os.WriteFile(path, whole, 0o600))
}

// Spools begin at their front again and again, files rotate, and the writer
// is killed after any of its calls: each line is there once, in order.
func TestResumeAcrossRotationAndRefill(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		path := filepath.Join(t.TempDir(), "log")
		o := Options{MaxSize: 150 << 10, MaxFiles: 1000}
		w, err := Open(path, o)
		must(t, err)
		both := []*source{newSource(t, w, "stdout"), newSource(t, w, "stderr")}
		var want [2]bytes.Buffer
		for i := range 1500 {
			n := r.IntN(2)
			line := fmt.Sprintf("%d %s\n", i, strings.Repeat("x", r.IntN(300)*r.IntN(20)))
			line = line[:len(line)-r.IntN(2)*r.IntN(2)] // some go on in the next
			want[n].WriteString(line)
			both[n].write(t, line)
			both[n].fill(t)
			switch r.IntN(60) {
			case 0:
				must(t, w.Flush())
			case 1:
				w.rest()
			case 2:
				_ = w.f.Close()
				o.Resume = true
				w, err = Open(path, o)
				must(t, err)
				for k, name := range []string{"stdout", "stderr"} {
					both[k].s = w.Stream(name)
					must(t, both[k].s.Resume(both[k].spool))
				}
			}
		}
		must(t, w.Close())
		for k, name := range []string{"stdout", "stderr"} {
			got := strings.TrimSuffix(text(t, path, name), "\n")
			if got != strings.TrimSuffix(want[k].String(), "\n") {
				t.Fatalf("seed %d: %s differs (%d bytes, want %d)", seed, name, len(got), want[k].Len())
			}
		}
		older, err := rotated(path)
		must(t, err)
		if len(older) < 3 {
			t.Fatalf("only %d rotations", len(older))
		}
	}
}

func TestKillWhileTheSpoolMoves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, Options{})
	must(t, err)
	c := newSource(t, w, "stdout")
	c.write(t, strings.Repeat("0123456789\n", 100)+"waits")
	c.fill(t)
	// As front does, up to the kill.
	_, err = c.s.spool.f.WriteAt([]byte("waits"), spoolData)
	must(t, err)
	c.s.writeMark(mark{Moving: 1, Base: 5})
	_ = w.f.Close()
	w, err = Open(path, Options{Resume: true})
	must(t, err)
	c.s = w.Stream("stdout")
	must(t, c.s.Resume(c.spool))
	c.write(t, " on\n")
	c.fill(t)
	must(t, w.Close())
	if got := text(t, path, ""); got != strings.Repeat("0123456789\n", 100)+"waits on\n" {
		t.Fatalf("%q", got)
	}
}

// What a terminal shows goes through a pipe that survives, too.
func TestTerminalSpool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, Options{})
	must(t, err)
	master, slave := terminal(t)
	s := w.Stream("stdout")
	spool, err := s.Spool(true)
	must(t, err)
	defer closeAll(spool)
	for i := range 3 {
		_, err = fmt.Fprintf(slave, "line %d\nand\n", i)
		must(t, err)
		if i == 1 { // killed between terminal and spool
			_, err = splice(int(master.Fd()), int(spool[1].Fd()))
			must(t, err)
			_ = w.f.Close()
			w, err = Open(path, Options{Resume: true})
			must(t, err)
			s = w.Stream("stdout")
			must(t, s.Resume(spool))
		}
		_, lost, err := s.Fill(int(master.Fd()))
		must(t, errors.Join(lost, err))
	}
	must(t, slave.Close())
	err = nil
	for err == nil { // the terminal hands on what was written when it comes to it
		_, _, err = s.Fill(int(master.Fd()))
	}
	if !errors.Is(err, io.EOF) {
		t.Fatalf("a closed terminal gave %v", err)
	}
	must(t, w.Close())
	if got := text(t, path, ""); got != "line 0\r\nand\r\nline 1\r\nand\r\nline 2\r\nand\r\n" {
		t.Fatalf("%q", got)
	}
}

func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	must(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	must(t, err)
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { _ = master.Close(); _ = slave.Close() })
	return master, slave
}

// A prompt without a newline reaches those who follow after a moment.
func TestIdleTextIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, Options{Idle: time.Millisecond})
	must(t, err)
	c := newSource(t, w, "stdout")
	c.write(t, "login: ")
	c.fill(t)
	seen := errors.New("seen")
	err = Read(t.Context(), path, api.LogQuery{Follow: true}, func() bool { return true }, func(l api.LogLine) error {
		if l.Text == "login: " && l.Partial {
			return seen
		}
		return fmt.Errorf("got %+v", l)
	})
	if err != seen {
		t.Fatal(err)
	}
	c.write(t, "root\n")
	c.fill(t)
	must(t, w.Close())
	if got := text(t, path, ""); got != "login: root\n" {
		t.Fatalf("%q", got)
	}
}

func TestRotationKeepsTheNewestAndFollowersMissNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, Options{MaxSize: 1000, MaxFiles: 3})
	must(t, err)
	lines, done, live := make(chan string, 1), make(chan error), make(chan struct{})
	go func() {
		done <- Read(t.Context(), path, api.LogQuery{Follow: true}, func() bool {
			select {
			case <-live:
				return false
			default:
				return true
			}
		}, func(l api.LogLine) error { lines <- strings.Clone(l.Text); return nil })
	}()
	for i := range 200 {
		write(t, w, "stdout", noon.Add(time.Duration(i)*time.Second), fmt.Sprintf("line %d\n", i))
		if got := <-lines; got != fmt.Sprintf("line %d", i) {
			t.Fatalf("got %q for %d", got, i)
		}
	}
	close(live)
	must(t, w.Close())
	must(t, <-done)
	older, err := rotated(path)
	must(t, err)
	if len(older) != 2 || Size(path) > 3000 {
		t.Fatalf("%d older files, %d bytes", len(older), Size(path))
	}
	all := read(t, path, api.LogQuery{})
	if last := all[len(all)-1]; last != "o:line 199" || len(all) < 30 {
		t.Fatalf("%d lines, last %q", len(all), last)
	}
	equal(t, read(t, path, api.LogQuery{Tail: new(25)}), all[len(all)-25:]...)
	equal(t, read(t, path, api.LogQuery{Since: noon.Add(180 * time.Second)}), all[len(all)-20:]...)
}

func BenchmarkFill(b *testing.B) {
	w, err := Open(filepath.Join(b.TempDir(), "log"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	r, wr, _ := os.Pipe()
	s := w.Stream("stdout")
	if _, err := s.Spool(false); err != nil {
		b.Fatal(err)
	}
	chunk := bytes.Repeat([]byte(strings.Repeat("x", 99)+"\n"), 655)
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		_, _ = wr.Write(chunk)
		if _, lost, err := s.Fill(int(r.Fd())); lost != nil || err != nil {
			b.Fatal(lost, err)
		}
	}
}

// What came at once may be many times what a file holds: no file grows over
// its bound, there are never more of them, and a kill at any of their ends
// doubles and loses nothing.
func TestBatchLargerThanFiles(t *testing.T) {
	const lines = 8000
	path := filepath.Join(t.TempDir(), "log")
	o := Options{MaxSize: 64 << 10, MaxFiles: 1000}
	w, err := Open(path, o)
	must(t, err)
	out := newSource(t, w, "stdout")
	var whole strings.Builder
	for n := range lines {
		fmt.Fprintln(&whole, n)
	}
	must(t, unix.SetNonblock(int(out.w.Fd()), true))
	out.write(t, whole.String())
	out.fill(t)
	must(t, w.Close())
	bounded := func() {
		t.Helper()
		files, err := filepath.Glob(path + "*")
		must(t, err)
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.Size() > o.MaxSize {
				t.Errorf("%s has %d bytes, %v", f, info.Size(), err)
			}
		}
		if len(files) > o.MaxFiles {
			t.Errorf("%d files", len(files))
		}
	}
	bounded()
	older, err := rotated(path)
	must(t, err)
	for i, last := range older { // killed after that file was full, or after it got its number
		must(t, os.Remove(path))
		now, err := rotated(path)
		must(t, err)
		for _, seq := range now {
			if seq > last {
				must(t, os.Remove(numbered(path, seq)))
			}
		}
		if i%2 == 0 {
			must(t, os.Rename(numbered(path, last), path))
		}
		// The spool's mark names a later file only where that is there.
		must(t, remark(out.spool[0], mark{Magic: spoolMagic, Base: spoolData, Seq: 1}))
		again, err := Open(path, Options{MaxSize: o.MaxSize, MaxFiles: o.MaxFiles, Resume: true})
		must(t, err)
		must(t, again.Stream("stdout").Resume(out.spool))
		must(t, again.Close())
		if text(t, path, "stdout") != whole.String() {
			t.Fatalf("killed at file %d: the log is another", last)
		}
		bounded()
	}
	o.MaxFiles = 3
	w, err = Open(path, o)
	must(t, err)
	must(t, w.Write("stdout", noon, []byte(whole.String())))
	must(t, w.Close())
	bounded()
	if got := text(t, path, "stdout"); !strings.HasSuffix(whole.String(), got) || len(got) < 2*int(o.MaxSize)/60 {
		t.Errorf("the last lines are another %d bytes", len(got))
	}
}

func remark(spool *os.File, m mark) error {
	b, err := binary.Append(nil, binary.LittleEndian, m)
	if err == nil {
		_, err = spool.WriteAt(b, 0)
	}
	return err
}
