package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"davit/backend/api"
)

// DoctorOptions are doctor's.
type DoctorOptions struct {
	JSON bool
	Mend []string // actions, or "all"
	Undo []string
}

func newDoctorCommand() *command {
	var o DoctorOptions
	c := &command{
		name: "doctor", args: "[OPTIONS]", group: "Davit", short: "Try what containers need from this machine",
		exits: "  0    containers can run\n  1    something is missing\n",
	}
	f := c.set()
	f.BoolVar(&o.JSON, "json", false, "Print a JSON array")
	f.StringArrayVar(&o.Mend, "mend", nil, "Have an `action` that doctor shows carried out (all: those of what fails or is limited); asks for your password")
	f.StringArrayVar(&o.Undo, "undo", nil, "Take an `action` back")
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
	if len(o.Mend)+len(o.Undo) > 0 {
		if checks, err = mended(ctx, e, s, checks, o); err != nil {
			return err
		}
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

// mended has the helper do what was asked for, and looks again.
func mended(ctx context.Context, e *env, s api.Service, checks []api.Check, o DoctorOptions) ([]api.Check, error) {
	r := api.MendRequest{Undo: o.Undo}
	for _, c := range checks {
		if c.Mend == nil || c.Mend.Digest == "" {
			continue
		}
		wrong := c.State != api.CheckOK && c.State != api.CheckUnknown
		if slices.Contains(o.Mend, c.Mend.Action) || wrong && slices.Contains(o.Mend, "all") {
			r.Apply = append(r.Apply, api.MendStep{Action: c.Mend.Action, Digest: c.Mend.Digest})
			fmt.Fprintf(e.out, "Davit writes:\n")
			indented(e, "    ", c.Mend.Text)
		}
	}
	for _, action := range o.Mend {
		if action != "all" && !slices.ContainsFunc(r.Apply, func(step api.MendStep) bool { return step.Action == action }) {
			return nil, api.Errorf(api.KindInvalid, "%s: there is nothing to mend", action).WithHint("davit doctor says what there is.")
		}
	}
	if len(r.Apply)+len(r.Undo) == 0 {
		return checks, nil
	}
	if err := s.Mend(ctx, r); err != nil {
		return nil, err
	}
	return s.Doctor(ctx)
}

func printChecks(e *env, checks []api.Check) {
	counts := map[api.CheckState]int{}
	for _, c := range checks {
		counts[c.State]++
		fmt.Fprintf(e.out, "%-8s %s: %s\n", c.State, cleanLine(c.Title), cleanLine(c.Found))
		if c.Mend != nil && c.Mend.Done {
			indented(e, "         ", "Davit changed this computer for it; take it back: davit doctor --undo "+c.Mend.Action)
		}
		if c.State == api.CheckOK {
			continue
		}
		indented(e, "         ", c.Means)
		if c.Fix != "" {
			indented(e, "         ", "To mend it:")
			indented(e, "             ", c.Fix)
			indented(e, "         ", c.FixWhy)
		}
		if c.Mend != nil && c.Mend.Digest != "" {
			indented(e, "         ", "Or have Davit do it: davit doctor --mend "+c.Mend.Action+". It writes:")
			indented(e, "             ", c.Mend.Text)
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
