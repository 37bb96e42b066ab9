package main

import (
	"context"
	"fmt"

	"davit/backend/api"
)

func newGiveBackCommand() *command {
	var o struct{ dryRun, json bool }
	c := &command{
		name: "giveback", args: "[OPTIONS] DIRECTORY", group: "Containers", least: 1, most: 1,
		short: "Make what containers wrote into a directory of yours belong to you",
		long:  "Containers that run as another user than root write files that belong to subordinate ids of yours.\nLinks are not followed, and other file systems are not entered.",
	}
	f := c.set()
	f.BoolVar(&o.dryRun, "dry-run", false, "Only count them")
	f.BoolVar(&o.json, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, args []string) error {
		path, err := hostPath(e, args[0])
		if err != nil {
			return err
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		do, did := s.GiveBack, "are yours again"
		if o.dryRun {
			do, did = s.ForeignFiles, "would be yours again"
		}
		found, err := do(ctx, path)
		if err != nil {
			return err
		}
		if o.json {
			return writeJSON(e.out, found)
		}
		printForeign(e, found, did)
		return nil
	}
	return c
}

func printForeign(e *env, f api.ForeignFiles, did string) {
	fmt.Fprintf(e.out, "%d files, %s, %s.\n", f.Files, humanSize(f.Bytes), did)
	for _, o := range f.Owners {
		fmt.Fprintf(e.out, "  user %d of containers: %d\n", o.UID, o.Files)
	}
	if f.Skipped > 0 {
		fmt.Fprintf(e.err, "davit: warning: %d files belong to somebody else on this computer and were left\n", f.Skipped)
	}
}
