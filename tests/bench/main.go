// Command bench measures Davit beside the peers that are installed on the
// machine, in one run and in turns, so that what disturbs one disturbs the
// other. It asserts nothing: it prints a table and writes the numbers as JSON
// to DAVIT_OUT/bench.json.
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

	"davit/tests/home"
)

func main() {
	rounds := flag.Int("rounds", 20, "how often each command is timed")
	flag.Parse()
	if err := run(context.Background(), *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int) (err error) {
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
	r := newReport(tools)
	for _, measure := range []func(context.Context, *report, *home.Home, []tool, int) error{
		startup, commands, logs, engineSide, memory, firstPaint,
	} {
		if err := measure(ctx, r, h, tools, rounds); err != nil {
			return err
		}
	}
	r.print(os.Stdout)
	return r.save(os.Getenv("DAVIT_OUT"))
}
