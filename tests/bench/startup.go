package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// initLine is one package in the runtime's trace: "init os @0.2 ms, 0.01 ms clock, …".
var initLine = regexp.MustCompile(`(?m)^init \S+ @[\d.]+ ms, ([\d.]+) ms clock`)

// startup adds up what the packages of each binary do before main. Every
// start of a process pays it, and libcontainer starts davit-guard for each
// container twice.
func (b *bench) startup(ctx context.Context) error {
	limits := map[string][]limit{"davit": {{Most: 8}}, "davit-guard": {{Most: 6}}}
	for _, binary := range []string{"davit", "davit-guard", "davit-netd"} {
		for range b.rounds {
			cmd := b.home.Command(ctx, binary, "--version")
			cmd.Env = append(cmd.Env, "GODEBUG=inittrace=1")
			var trace bytes.Buffer
			cmd.Stderr = &trace
			// Not every binary knows the flag; all have initialised by then.
			_ = cmd.Run()
			var total time.Duration
			for _, m := range initLine.FindAllSubmatch(trace.Bytes(), -1) {
				ms, err := strconv.ParseFloat(string(m[1]), 64)
				if err != nil {
					return fmt.Errorf("init trace of %s: %w", binary, err)
				}
				total += time.Duration(ms * float64(time.Millisecond))
			}
			b.time(figure{"package init of " + binary, limits[binary]}, ours, total)
		}
	}
	return nil
}
