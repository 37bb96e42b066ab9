// Command bench measures Davit beside the peers that are installed on the
// machine, in one run and in turns, so that what disturbs one disturbs the
// other. It asserts nothing: it prints a table with what was aimed at and
// writes the numbers as JSON to DAVIT_OUT/bench.json.
//
// It runs as an unprivileged user on the host, with a place of its own for
// each tool. Times are of whole commands, from fork to exit, unless said.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"davit/tests/home"
)

// bench is one run.
type bench struct {
	*report
	home    *home.Home
	tools   []tool // Davit first
	archive string // of the image that they run
	rounds  int
	long    time.Duration // of the soak
	stale   []*home.Home  // places that are done with, to be removed at the end
	peopled bool          // a few containers run
}

// measure is a group of figures that can be asked for by its name.
type measure struct {
	name string
	take func(*bench, context.Context) error
}

func measures() []measure {
	return []measure{
		{"startup", (*bench).startup},
		{"commands", (*bench).commands},
		{"engine", (*bench).resident},
		{"logs", (*bench).logs},
		{"logpages", (*bench).pages},
		{"crowd", (*bench).crowd},
		{"memory", (*bench).memory},
		{"files", (*bench).files},
		{"edit", (*bench).edit},
		{"snapshot", (*bench).snapshot},
		{"pulls", (*bench).pulls},
		{"images", (*bench).thousand},
		{"network", (*bench).network},
		{"content", inWindows((*bench).contents)},
		{"held", inWindows((*bench).opened)},
		{"answers", inWindows((*bench).answers)},
		{"flood", inWindows((*bench).flood)},
		{soak, (*bench).soak},
	}
}

// core is a name for all but the window, the network and the soak; window one
// for all that is measured with the window but the soak.
const (
	core   = "core"
	window = "window"
)

var (
	ofWindow = []string{"content", "held", "answers", "flood"}
	apart    = append([]string{"network"}, ofWindow...)
)

func main() {
	names := []string{core, window}
	for _, m := range measures() {
		names = append(names, m.name)
	}
	rounds := flag.Int("rounds", 15, "how often each command is timed")
	long := flag.Duration("soak", time.Hour, "how long the soak lasts")
	flag.Usage = func() {
		fmt.Fprintf(os.Stderr, "usage: bench [-rounds N] [-soak DURATION] [%s]...\n", strings.Join(names, "|"))
		flag.PrintDefaults()
	}
	flag.Parse()
	for _, name := range flag.Args() {
		if !slices.Contains(names, name) {
			flag.Usage()
			os.Exit(2)
		}
	}
	if err := run(context.Background(), bench{rounds: *rounds, long: *long}, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run takes the measures asked for; where none is, all but the soak.
func run(ctx context.Context, b bench, asked []string) (err error) {
	h, err := home.New(os.Getenv("DAVIT_BIN"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, endPodman(h), h.Close()) }()
	archive := filepath.Join(h.Dir, "busybox.tar")
	if err := writeBusybox(archive); err != nil {
		return err
	}
	tools, err := installed(ctx, h)
	if err != nil {
		return err
	}
	for _, t := range tools {
		if _, err := t.run(ctx, "load", "-i", archive); err != nil {
			return err
		}
	}
	b.report, b.home, b.tools, b.archive = newReport(tools), h, tools, archive
	defer func() {
		for _, s := range b.stale {
			err = errors.Join(err, s.Close())
		}
	}()
	var failed error
	for _, m := range measures() {
		if !wanted(m, asked) {
			continue
		}
		if failed = m.take(&b, ctx); failed != nil {
			break // what was measured before it is worth having
		}
	}
	b.print(os.Stdout)
	return errors.Join(failed, b.save(os.Getenv("DAVIT_OUT")))
}

func wanted(m measure, asked []string) bool {
	if m.name == soak {
		return slices.Contains(asked, soak)
	}
	return len(asked) == 0 || slices.Contains(asked, m.name) || !slices.Contains(apart, m.name) && slices.Contains(asked, core) ||
		slices.Contains(ofWindow, m.name) && slices.Contains(asked, window)
}
