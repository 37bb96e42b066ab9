package engine

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
)

// A husk, which has a size and no content, takes next to nothing.
func TestWhatIsTakenIsCountedNotWhatIsSaid(t *testing.T) {
	dir := t.TempDir()
	husk := filepath.Join(dir, "husk")
	if err := os.WriteFile(husk, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(husk, 64<<20); err != nil {
		t.Fatal(err)
	}
	if n := takenBelow(dir); n >= 1<<20 {
		t.Errorf("a husk takes %d bytes", n)
	}
	f, err := os.Create(filepath.Join(dir, "copy"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	content := make([]byte, 2<<20) // that no file system packs
	_, _ = rand.Read(content)      // which never fails
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil { // until then it has no blocks
		t.Fatal(err)
	}
	if n := takenBelow(dir); n < 2<<20 {
		t.Errorf("a copy of 2 MiB takes %d bytes", n)
	}
	if n := takenBelow(filepath.Join(dir, "nothing")); n != 0 {
		t.Errorf("nothing takes %d bytes", n)
	}
}
