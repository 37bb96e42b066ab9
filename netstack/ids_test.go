package netstack

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLastIDOfAMap(t *testing.T) {
	for text, want := range map[string]int{
		"         0       1001          1\n         1     100000      65536\n": 65536,
		"0 1000 1\n":       0,
		"0 0 4294967295\n": 4294967294,
		"":                 0,
		"0 x 1\n":          -1,
	} {
		path := filepath.Join(t.TempDir(), "map")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := lastID(path)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
}
