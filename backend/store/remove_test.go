package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestDraft(t *testing.T) {
	d := testDirs(t, "")
	r, err := NewDraft(d, testID(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteJSON(r.Record(), Record{Version: RecordVersion, ID: testID(1), Name: "web"}); err != nil {
		t.Fatal(err)
	}
	if l, _ := ListContainers(d); len(l) != 0 {
		t.Errorf("listed before it is made: %+v", l)
	}
	if err := r.Commit(true); err != nil {
		t.Fatal(err)
	}
	if err := r.Drop(); err != nil {
		t.Fatal(err)
	}
	if l, _ := ListContainers(d); len(l) != 1 || l[0].Record.Name != "web" {
		t.Errorf("%+v", l)
	}
	second, err := NewDraft(d, testID(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Drop(); err != nil {
		t.Fatal(err)
	}
	if l, _ := os.ReadDir(d.Containers()); len(l) != 1 {
		t.Errorf("left over: %v", l)
	}
}

func TestRemoveContainerWithoutPermissions(t *testing.T) {
	d := testDirs(t, "")
	dir := add(t, d, Record{ID: testID(1), Name: "web"}, nil)
	if err := os.MkdirAll(filepath.Join(dir.Work(), "work", "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir.Work(), "work"), 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := RemoveContainer(d, testID(1)); err != nil {
			t.Fatal(err)
		}
	}
	if l, _ := os.ReadDir(d.Containers()); len(l) != 0 {
		t.Errorf("left over: %v", l)
	}
}

func TestSweep(t *testing.T) {
	d := testDirs(t, "")
	add(t, d, Record{ID: testID(1), Name: "web"}, nil)
	old := time.Now().Add(-time.Hour)
	leave := func(name string) string {
		path := filepath.Join(d.Containers(), name)
		if err := os.MkdirAll(filepath.Join(path, "upper"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		return path
	}
	abandoned, half := leave(makingPrefix+"a"), leave(removingPrefix+"b")
	held := leave(makingPrefix + "c")
	lock, ok, err := LockDir(held)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	defer lock.Unlock()
	if err := Sweep(d); err != nil {
		t.Fatal(err)
	}
	for path, gone := range map[string]bool{abandoned: true, half: true, held: false, string(d.Container(testID(1))): false} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) != gone {
			t.Errorf("%s: %v", path, err)
		}
	}
}
