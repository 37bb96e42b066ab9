package script

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// binaries are what $DAVIT_BIN has to hold.
var binaries = []string{"davit", "davit-guard", "davit-netd"}

func TestScripts(t *testing.T) {
	bin := os.Getenv("DAVIT_BIN")
	if bin == "" {
		t.Skip("DAVIT_BIN does not name a directory with davit's binaries (build/compile makes build/bin)")
	}
	if os.Geteuid() == 0 {
		t.Fatal("davit does not run as root: start the tests as somebody else (build/test does)")
	}
	for _, name := range binaries {
		if err := executable(filepath.Join(bin, name)); err != nil {
			t.Fatalf("DAVIT_BIN is set but: %v", err)
		}
	}
	images := newShelf(t)
	testscript.Run(t, testscript.Params{
		Dir:                 ".",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            deadline(t),
		Setup:               func(e *testscript.Env) error { return setup(e, bin) },
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    cmdExits,
			"keep":     cmdKeep,
			"waitfor":  cmdWaitFor,
			"http":     cmdHTTP,
			"image":    images.cmdImage,
			"registry": images.cmdRegistry,
			"killall":  cmdKillAll,
		},
	})
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode()&0o111 == 0 {
		err = &os.PathError{Op: "execute", Path: path, Err: os.ErrPermission}
	}
	return err
}

// deadline leaves time to tell what hung.
func deadline(t *testing.T) time.Time {
	if d, ok := t.Deadline(); ok {
		return d.Add(-10 * time.Second)
	}
	return time.Time{}
}
