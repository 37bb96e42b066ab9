package ring

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"davit/backend/api"
)

var base = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func sample(i int) api.Stats {
	return api.Stats{
		Time: base.Add(time.Duration(i) * 10 * time.Second), CPUTime: time.Duration(i) * time.Second,
		Memory: int64(1000 + i), NetIn: 1, NetOut: 2, DiskRead: 3, DiskWritten: 4, Pids: 5,
	}
}

func fill(t *testing.T, path string, from, to int) {
	t.Helper()
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < to; i++ {
		if err := w.Append(sample(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReadWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stats")
	if got, err := Read(path, time.Time{}); err != nil || len(got) != 0 {
		t.Fatalf("without a file: %v, %v", got, err)
	}
	fill(t, path, 0, 3)
	fill(t, path, 3, 5) // a guard that was started again
	got, err := Read(path, base.Add(15*time.Second))
	if err != nil || len(got) != 3 {
		t.Fatalf("%d samples, %v", len(got), err)
	}
	s := got[0]
	if s.Memory != 1002 || s.NetIn != 1 || s.NetOut != 2 || s.DiskRead != 3 || s.DiskWritten != 4 || s.Pids != 5 || s.CPU != 10 {
		t.Errorf("%+v", s)
	}
}

func TestTheRingIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stats")
	fill(t, path, 0, Capacity+10)
	fill(t, path, Capacity+10, Capacity+20)
	info, err := os.Stat(path)
	if err != nil || info.Size() != headerSize+Capacity*recordSize {
		t.Fatalf("%v, %v", info, err)
	}
	got, err := Read(path, time.Time{})
	if err != nil || len(got) != Capacity {
		t.Fatalf("%d samples, %v", len(got), err)
	}
	if got[0].Memory != 1020 || got[Capacity-1].Memory != int64(1000+Capacity+19) {
		t.Errorf("from %d to %d", got[0].Memory, got[Capacity-1].Memory)
	}
}

func TestDamagedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stats")
	for _, text := range []string{"", "x", "DVSTATS1 and nonsense that follows"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path, time.Time{}); api.KindOf(err) != api.KindCorrupt {
			t.Errorf("%q: %v", text, err)
		}
		fill(t, path, 0, 2)
		if got, err := Read(path, time.Time{}); err != nil || len(got) != 2 {
			t.Errorf("%q, begun anew: %d samples, %v", text, len(got), err)
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("half a record"); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if got, err := Read(path, time.Time{}); err != nil || len(got) != 2 {
		t.Errorf("with half a record: %d samples, %v", len(got), err)
	}
}
