package fdmsg

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestDoorIsMadeAgain(t *testing.T) {
	base := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(base, "davit", "door.sock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	reach := func(after string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			c, err := Dial(t.Context(), path)
			if err == nil {
				got, err := d.Accept()
				if err != nil {
					t.Fatal(err)
				}
				_, _ = c.Close(), got.Close()
				return
			}
			if time.Now().After(end) {
				t.Fatalf("after %s: %v", after, err)
			}
		}
	}
	reach("opening")
	for range 3 {
		_ = os.Remove(path)
		reach("its removal")
		_ = os.RemoveAll(base)
		reach("the removal of all")
		_ = os.Rename(filepath.Dir(path), base+".old")
		reach("renaming")
		_ = os.RemoveAll(base + ".old")
	}
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Accept(); err == nil {
		t.Fatal("a closed door lets in")
	}
	if _, err := os.Lstat(path); err == nil {
		t.Fatal("a closed door was made again")
	}
}
