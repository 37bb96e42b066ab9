package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
)

// An engine that is killed anywhere in an edit leaves the container as it was,
// or as it was to be: one of that name, that starts, with its files and volume.
func TestKillDuringAnEdit(t *testing.T) {
	p := newPlace(t)
	check(t, p.PowerCut(t.Context())) // what runs is to be of the other binaries
	p.deadlyBinaries()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	p.davit("run", "-d", "--name", "witness", busybox, "sh", "-c", forever)
	p.davit("run", "-d", "--name", "web", "--stop-timeout", "0", "-e", "N=0", "-v", "/data", busybox, "sh", "-c", forever)
	p.davit("exec", "web", "sh", "-c", "echo kept > /file; echo kept > /data/file")
	for i := 1; i <= 4*factor(); i++ {
		at := 1 + r.IntN(140)
		what := fmt.Sprintf("edit %d, its engine killed at call %d", i, at)
		p.arm("engine", at)
		out, code := p.try("edit", "--keep-layer", "-e", "N="+itoa(i), "web")
		_ = os.Remove(filepath.Join(p.Bin, "at-engine"))
		if strings.Contains(out, "panic") || code == 2 {
			t.Errorf("%s: %d, %s", what, code, out)
		}
		p.oneOfThem(what, i)
		if t.Failed() {
			return
		}
	}
	p.davit("rm", "-f", "web")
	// An engine that was killed before it forgot what came before the last edit
	// left that to whoever writes next, too.
	p.eventually("beside the witness nothing is left", func() bool {
		p.davit("rm", p.davit("create", busybox, "true"))
		entries, err := os.ReadDir(p.dirs().Containers())
		check(t, err)
		entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }) // swept when they are old
		return len(entries) == 1
	})
}

// oneOfThem verifies that web is what it was before the i-th edit, or after.
func (p *place) oneOfThem(what string, i int) {
	p.t.Helper()
	// Whoever writes next makes whole what is half. What was made in the last
	// second is left alone: somebody may be at it.
	var names []string
	p.eventually(what+": there is one container of the name", func() bool {
		p.davit("rm", p.davit("create", busybox, "true"))
		names = nil
		for _, c := range p.list() {
			names = append(names, c.Name)
		}
		return slices.Contains(names, "web") && slices.Contains(names, "witness") && len(names) == 2
	})
	p.davit("start", "web")
	p.state("web", api.StateRunning)
	got := strings.Fields(p.davit("exec", "web", "sh", "-c", "echo $N; cat /file /data/file"))
	if len(got) != 3 || got[0] != itoa(i) && got[0] != itoa(i-1) || got[1] != "kept" || got[2] != "kept" {
		p.t.Errorf("%s: it has %q", what, got)
	}
	if got[0] != itoa(i) { // the next edit has something to change
		p.davit("edit", "--keep-layer", "-e", "N="+itoa(i), "web")
	}
}
