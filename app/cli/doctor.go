package main

import (
	"context"
	"fmt"
	"strings"

	"davit/backend/api"
)

// DoctorOptions are doctor's.
type DoctorOptions struct{ JSON bool }

func newDoctorCommand() *command {
	var o DoctorOptions
	c := &command{
		name: "doctor", args: "[OPTIONS]", group: "Davit", short: "Try what containers need from this machine",
		exits: "  0    containers can run\n  1    something is missing\n",
	}
	c.set().BoolVar(&o.JSON, "json", false, "Print a JSON array")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runDoctor(ctx, e, o) }
	return c
}

func runDoctor(ctx context.Context, e *env, o DoctorOptions) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	checks, err := s.Doctor(ctx)
	if err != nil {
		return err
	}
	failed := false
	for _, c := range checks {
		failed = failed || c.State == api.CheckFailed
	}
	if o.JSON {
		err = writeJSON(e.out, listOf(checks))
	} else {
		printChecks(e, checks)
	}
	if err == nil && failed {
		err = exit(exitFailure)
	}
	return err
}

func printChecks(e *env, checks []api.Check) {
	counts := map[api.CheckState]int{}
	for _, c := range checks {
		counts[c.State]++
		fmt.Fprintf(e.out, "%-8s %s: %s\n", c.State, cleanLine(c.Title), cleanLine(c.Found))
		if c.State == api.CheckOK {
			continue
		}
		indented(e, "         ", c.Means)
		if c.Fix != "" {
			indented(e, "         ", "To mend it:")
			indented(e, "             ", c.Fix)
			indented(e, "         ", c.FixWhy)
		}
	}
	fmt.Fprintf(e.out, "\n%s\n", verdict(counts))
}

func verdict(counts map[api.CheckState]int) string {
	switch {
	case counts[api.CheckFailed] > 0:
		return "Containers cannot run here yet."
	case counts[api.CheckWarning] > 0:
		return "Containers run, with limits."
	}
	return "Containers run."
}

func indented(e *env, indent, text string) {
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		if l != "" {
			fmt.Fprintf(e.out, "%s%s\n", indent, cleanLine(l))
		}
	}
}
