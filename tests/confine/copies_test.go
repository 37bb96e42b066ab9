package confine

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// CVE-2018-15664, CVE-2019-14271: files are copied out of and into a running
// container while a directory on their way becomes a link to the host and back.
// What is copied to is looked at by the stage: the canary is as it was.
func TestCopiesOfARootfsThatChanges(t *testing.T) {
	s := newStage(t)
	here := t.TempDir()
	mine := filepath.Join(here, "mine")
	if err := os.WriteFile(mine, []byte("OWNED"), 0o666); err != nil {
		t.Fatal(err)
	}
	var said struct{ Exchanges int }
	worked := map[int]int{}
	s.during(&said, "copied", nil, []string{"swap", "/d", s.canary, "60"}, func() {
		copies := [][]string{
			{"copied:/d", "-"},
			{"-L", "copied:/d", "-"},
			{"copied:/d/dir", filepath.Join(here, "out")},
			{"-L", "copied:/d/secret", filepath.Join(here, "secret")},
			{"-a", mine, "copied:/d/dir/mine"},
			{mine, "copied:/d/secret"},
			{mine, "copied:/d"},
		}
		for i := range races {
			n := i % len(copies)
			if r := s.davit(append([]string{"cp"}, copies[n]...)...); r.code == 0 {
				worked[n]++
			}
		}
	})
	if said.Exchanges < races {
		t.Errorf("%d exchanges: the attack has not been tried", said.Exchanges)
	}
	if worked[0] == 0 || worked[4]+worked[5]+worked[6] == 0 {
		t.Errorf("the attack has not been tried: %v", worked)
	}
	err := filepath.WalkDir(here, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte(s.secret)) {
			t.Errorf("%s has the canary's secret: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
