package names

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadGivesWhatIsThere(t *testing.T) {
	dir, want := t.TempDir(), map[string]uint8{"odd \xff\n": unix.DT_REG, "link": unix.DT_LNK, "dir": unix.DT_DIR}
	for i := range 3000 { // more than a block
		want[fmt.Sprintf("%0200d", i)] = unix.DT_REG
	}
	for name, kind := range want {
		p, err := filepath.Join(dir, name), error(nil)
		switch kind {
		case unix.DT_DIR:
			err = os.Mkdir(p, 0o755)
		case unix.DT_LNK:
			err = os.Symlink("/nowhere", p)
		default:
			err = os.WriteFile(p, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	all, err := Read(int(d.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		kind, ok := want[n.Name]
		if !ok || n.Kind != kind && n.Kind != unix.DT_UNKNOWN {
			t.Errorf("%q of kind %d, want %d", n.Name, n.Kind, kind)
		}
		delete(want, n.Name)
	}
	if len(want) > 0 {
		t.Errorf("%d names are missing", len(want))
	}
}

func TestReadSaysWhatIsNoDirectory(t *testing.T) {
	f, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Read(int(f.Fd())); !errors.Is(err, unix.ENOTDIR) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	record := make([]byte, 24)
	binary.NativeEndian.PutUint16(record[lengthAt:], 24)
	copy(record[nameAt:], "abc")
	f.Add(record)
	f.Add(record[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := parse(nil, b)
		if err == nil && len(all)*nameAt > len(b) {
			t.Errorf("%d names in %d bytes", len(all), len(b))
		}
	})
}
