package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
	"davit/backend/runspec"
)

// EditOptions are edit's: those of run, and how to go about it.
type EditOptions struct {
	SpecOptions
	KeepLayer, DryRun, Undo, DropUndo, JSON bool
	Image                                   string
	Unset                                   []string
}

func newEditCommand() *command {
	var o EditOptions
	c := &command{
		name: "edit", args: "[OPTIONS] CONTAINER [COMMAND] [ARG...]", group: "Containers", least: 1, most: anyNumber,
		short: "Change what a container is, keeping its volumes",
		long: "The options are those of run; what is not named stays. Lists (-e, -p, -v, …) are added to, a\nvalue of the same variable, port or place is replaced, and --unset takes away.\n" +
			"What cannot be changed while it is there is changed by a new container in its place; the old one\nis kept until the next edit, for --undo.",
	}
	f := c.set()
	f.SetInterspersed(false)
	o.addFlags(f)
	f.StringVar(&o.Image, "image", "", "Have it run another `image`")
	f.StringArrayVar(&o.Unset, "unset", nil, "Take away a `field`: env.KEY, ports.80, mounts./data, memory, labels.key, …")
	f.BoolVar(&o.KeepLayer, "keep-layer", false, "Take along what it changed in its own file system")
	f.BoolVar(&o.DryRun, "dry-run", false, "Only tell what would change")
	f.BoolVar(&o.Undo, "undo", false, "Put back the container that the last edit replaced")
	f.BoolVar(&o.DropUndo, "forget", false, "Remove what is kept for --undo")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.before = o.heed
	c.run = func(ctx context.Context, e *env, args []string) error { return runEdit(ctx, e, f, o, args) }
	return c
}

func runEdit(ctx context.Context, e *env, f *pflag.FlagSet, o EditOptions, args []string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	switch {
	case o.Undo:
		return printEdited(e, o)(s.UndoEdit(ctx, args[0]))
	case o.DropUndo:
		return s.DropUndo(ctx, args[0])
	}
	d, err := s.Container(ctx, args[0])
	if err != nil {
		return err
	}
	if o.reach, err = o.Access.access(e); err != nil {
		return err
	}
	asked, err := o.build(append([]string{"image"}, args[1:]...))
	if err != nil {
		return err
	}
	spec, err := runspec.Edited(d.Spec, asked, runspec.Edit{Given: given(f), Image: o.Image, Unset: o.Unset})
	if err != nil {
		return err
	}
	edit := api.Edit{Ref: d.ID, Version: d.Version, Spec: spec, KeepLayer: o.KeepLayer}
	plan, err := s.PlanEdit(ctx, edit)
	if err != nil {
		return err
	}
	if o.DryRun {
		return printPlan(e, o, plan)
	}
	done, err := s.ApplyEdit(ctx, edit)
	if missingImage(err) {
		if err := o.provide(ctx, e, s, spec, o.JSON); err != nil {
			return err
		}
		done, err = s.ApplyEdit(ctx, edit)
	}
	return printEdited(e, o)(done, err)
}

// given are the names of the options that were given.
func given(f *pflag.FlagSet) []string {
	var names []string
	f.Visit(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

func printEdited(e *env, o EditOptions) func(api.Edited, error) error {
	return func(done api.Edited, err error) error {
		if err != nil {
			return err
		}
		for _, w := range done.Warnings {
			fmt.Fprintf(e.err, "davit: warning: %s\n", cleanLine(w))
		}
		if o.JSON {
			return writeJSON(e.out, done)
		}
		fmt.Fprintln(e.out, done.ID)
		return nil
	}
}

func printPlan(e *env, o EditOptions, p api.EditPlan) error {
	if o.JSON {
		return writeJSON(e.out, p)
	}
	for _, c := range p.Changes {
		for _, l := range []struct{ mark, text string }{{"-", c.From}, {"+", c.To}} {
			if l.text != "" {
				fmt.Fprintf(e.out, "%s %s: %s\n", l.mark, cleanLine(c.Field), cleanLine(l.text))
			}
		}
	}
	switch {
	case len(p.Changes) == 0:
		fmt.Fprintln(e.out, "Nothing changes.")
	case p.Restart:
		fmt.Fprintln(e.out, "A new container takes its place; its processes end and begin anew.")
	case p.Recreate:
		fmt.Fprintln(e.out, "A new container takes its place.")
	default:
		fmt.Fprintln(e.out, "It changes as it is.")
	}
	for _, l := range slices.Concat(p.Lost, p.Warnings) {
		fmt.Fprintln(e.out, cleanLine(l))
	}
	if len(p.Problems) > 0 {
		return p.Problems[0]
	}
	return nil
}

func newDuplicateCommand() *command {
	var o struct{ name string }
	c := &command{name: "duplicate", args: "[OPTIONS] CONTAINER", group: "Containers", short: "Make a further container like one, without starting it", least: 1, most: 1}
	c.set().StringVar(&o.name, "name", "", "Its `name`")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		spec, err := s.Duplicate(ctx, args[0])
		if err != nil {
			return err
		}
		spec.Name = o.name
		made, err := s.Create(ctx, spec)
		if err == nil {
			fmt.Fprintln(e.out, made.ID)
		}
		return err
	}
	return c
}

// newSnapshotGroup is `davit snapshot`: of containers' writable layers.
func newSnapshotGroup() *command {
	return noun("snapshot", "What containers wrote, as it was at a time",
		newSnapshotCreateCommand(), newSnapshotListCommand(), newSnapshotRestoreCommand(), newSnapshotRemoveCommand())
}

func newSnapshotCreateCommand() *command {
	c := &command{name: "create", args: "CONTAINER [NAME]", short: "Keep a container's writable layer as it is now", least: 1, most: 2}
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		made, err := s.TakeSnapshot(ctx, api.SnapshotSpec{Ref: args[0], Name: append(args, "")[1]})
		if err == nil {
			fmt.Fprintln(e.out, made.ID)
		}
		return err
	}
	return c
}

type snapshotRow struct{ ID, Name, CreatedAt, Files, Size string }

func newSnapshotListCommand() *command {
	var o ListOptions
	c := &command{name: "ls", aliases: []string{"list"}, args: "[OPTIONS] CONTAINER", short: "List a container's snapshots", least: 1, most: 1}
	f := c.set()
	o.addFormat(f)
	f.BoolVarP(&o.Quiet, "quiet", "q", false, "Only print ids")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		all, err := s.Snapshots(ctx, args[0])
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, listOf(all))
		}
		var rows []snapshotRow
		for _, n := range all {
			rows = append(rows, snapshotRow{n.ID, cleanLine(n.Name), humanDuration(e.now().Sub(n.Created)) + " ago", fmt.Sprint(n.Files), humanSize(n.Size)})
		}
		return table[snapshotRow]{
			titles: snapshotRow{"SNAPSHOT ID", "NAME", "CREATED", "FILES", "SIZE"},
			layout: "{{.ID}}\t{{.Name}}\t{{.CreatedAt}}\t{{.Files}}\t{{.Size}}", quiet: "{{.ID}}",
		}.write(e.out, o, rows)
	}
	return c
}

func newSnapshotRestoreCommand() *command {
	c := &command{name: "restore", args: "CONTAINER SNAPSHOT", short: "Make a container's writable layer what it was; what it is now is kept as a snapshot", least: 2, most: 2}
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		before, err := s.RestoreSnapshot(ctx, args[0], args[1])
		if err == nil {
			fmt.Fprintf(e.err, "What was there is the snapshot %s.\n", cleanLine(before.Name))
		}
		return err
	}
	return c
}

func newSnapshotRemoveCommand() *command {
	c := &command{name: "rm", aliases: []string{"remove"}, args: "CONTAINER SNAPSHOT [SNAPSHOT...]", short: "Remove snapshots", least: 2, most: anyNumber}
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return each(e, args[1:], func(ref string) error { return s.RemoveSnapshot(ctx, args[0], ref) })
	}
	return c
}

// newGenerateGroup writes containers in other forms, as `podman generate`.
func newGenerateGroup() *command {
	form := func(name string, f api.SpecForm, short string) *command {
		var o struct{ output string }
		c := &command{name: name, args: "[OPTIONS] CONTAINER", short: short, least: 1, most: 1}
		c.set().StringVarP(&o.output, "filename", "f", "", "Write it to a `file`")
		c.run = func(ctx context.Context, e *env, args []string) error {
			s, err := e.Service(ctx)
			if err != nil {
				return err
			}
			d, err := s.Container(ctx, args[0])
			if err != nil {
				return err
			}
			r, err := s.RenderSpec(ctx, d.Spec, f)
			if err != nil {
				return err
			}
			for _, l := range r.Lost {
				fmt.Fprintf(e.err, "davit: warning: %s\n", cleanLine(l))
			}
			return toFile(e, o.output, writeText(strings.TrimRight(r.Text, "\n")+"\n"))
		}
		return c
	}
	return noun("generate", "Containers in other forms",
		form("run", api.FormRun, "The line that makes and starts a container"),
		form("compose", api.FormCompose, "A compose file with a container as its service"),
		form("quadlet", api.FormQuadlet, "A quadlet for systemd"),
		form("kube", api.FormKube, "A Kubernetes pod"))
}
