package faults

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"davit/backend/api"
)

// A disk becomes full at each of the writes of create, start, stop and rm in
// turn: what goes wrong is said, nothing that ran ends, nothing is listed that
// is not there, and with room again all works and nothing is left.
func TestFullDisk(t *testing.T) {
	for what, size := range map[string]string{"blocks": "size=24m", "inodes": "size=64m,nr_inodes=1500"} {
		t.Run(what, func(t *testing.T) {
			p := cage(t, "mount -t tmpfs -o mode=0777,size=500m full $DATA") // Davit leaves 256 MiB free
			p.load()
			p.sh("mount -o remount," + size + " $DATA")
			p.davit("run", "-d", "--name", "witness", busybox, "sh", "-c", "while :; do date; usleep 10000; done")
			witness := map[string]api.Container{"witness": p.state("witness", api.StateRunning)}
			fill := p.fillBlocks
			if what == "inodes" {
				fill = p.fillInodes
			}
			for _, left := range steps() {
				fill(left)
				p.crowded(fmt.Sprintf("%d %s left", left, what))
				p.unchanged(witness)
				p.sh("rm -rf $DATA/filler")
				p.roomy()
			}
			p.davit("rm", "-f", "witness")
			if left, err := os.ReadDir(p.inside(p.dirs().Containers())); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// steps are how much is left: where which write fails lies between nothing and
// what a start needs.
func steps() (all []int) {
	for n := range 25 {
		if factor() > 1 || n%5 == 0 {
			all = append(all, n)
		}
	}
	return all
}

// inside is the path by which a file of the cage can be reached.
func (p *place) inside(path string) string { return p.shell.root + path }

// fillBlocks leaves so many pages.
func (p *place) fillBlocks(left int) {
	p.sh("mkdir $DATA/filler; dd if=/dev/zero of=$DATA/filler/last bs=4096 count=" + strconv.Itoa(left) + " 2>/dev/null; cat /dev/zero >$DATA/filler/all 2>/dev/null || rm $DATA/filler/last")
}

// fillInodes leaves so many files.
func (p *place) fillInodes(left int) {
	p.sh("mkdir $DATA/filler; for i in $(seq " + strconv.Itoa(left) + "); do true >$DATA/filler/l$i; done; mkdir $DATA/filler/all; i=0; while true >$DATA/filler/all/$i; do i=$((i+1)); done 2>/dev/null; rm -f $DATA/filler/l*")
}

// crowded goes through a container's life without room.
func (p *place) crowded(when string) {
	p.t.Helper()
	for _, args := range [][]string{
		{"run", "-d", "--name", "one", busybox, "sh", "-c", "seq 20000; " + forever}, {"start", "one"}, {"exec", "one", "true"},
		{"stop", "-t", "0", "one"}, {"start", "one"}, {"rm", "-f", "one"}, {"run", "--rm", busybox, "true"},
	} {
		out, code := p.try(args...)
		said := strings.Contains(out, "no space left") || strings.Contains(out, "no such container") || strings.Contains(out, "not running") || strings.Contains(out, "is taken")
		if strings.Contains(out, "panic") || code != 0 && !said {
			p.t.Errorf("%s: davit %v: %d, %s", when, args, code, out)
		}
	}
	p.davit("ps", "-a")
	p.davit("logs", "--tail", "1", "witness")
}

// roomy verifies that everything works again.
func (p *place) roomy() {
	p.t.Helper()
	for _, c := range p.list() {
		if c.Name != "witness" {
			p.davit("rm", "-f", c.ID)
		}
	}
	p.davit("run", "-d", "--name", "one", busybox, "sh", "-c", "echo began; "+forever)
	p.eventually("it writes", func() bool { return p.davit("logs", "one") == "began" })
	p.davit("stop", "-t", "0", "one")
	p.davit("rm", "one")
	last := p.davit("logs", "--tail", "1", "witness")
	p.eventually("the witness writes on", func() bool { return p.davit("logs", "--tail", "1", "witness") != last })
}
