package main

import (
	"context"
	"fmt"
	"io"

	"davit/backend/api"
)

func newCommitCommand() *command {
	var spec api.CommitSpec
	pause := true
	c := &command{
		name: "commit", args: "[OPTIONS] CONTAINER [NAME[:TAG]]", group: "Containers",
		short: "Make an image of what a container has changed", least: 1, most: 2,
	}
	f := c.set()
	f.StringVarP(&spec.Author, "author", "a", "", "Who made it")
	f.StringArrayVarP(&spec.Changes, "change", "c", nil, "Apply a Dockerfile's `instruction` to the image")
	f.StringVarP(&spec.Message, "message", "m", "", "A note for the image's history")
	f.BoolVarP(&pause, "pause", "p", true, "Hold the container meanwhile")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		spec.Container, spec.Name, spec.NoPause = args[0], append(args[1:], "")[0], !pause
		i, err := s.Commit(ctx, spec)
		if err != nil {
			return err
		}
		fmt.Fprintln(e.out, i.ID)
		return nil
	}
	return c
}

func newDiffCommand() *command {
	var o struct{ JSON bool }
	c := &command{
		name: "diff", args: "CONTAINER", group: "Containers",
		short: "List what a container has changed in its files", least: 1, most: 1,
		long: "A: added, C: changed, D: deleted.",
	}
	c.set().BoolVar(&o.JSON, "json", false, "Print a JSON array")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		list, err := s.Changes(ctx, args[0])
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, listOf(list))
		}
		return writeChanges(e.out, list)
	}
	return c
}

// letters are docker's for a change.
var letters = map[string]string{api.ChangeAdded: "A", api.ChangeModified: "C", api.ChangeDeleted: "D"}

func writeChanges(w io.Writer, list []api.Change) error {
	for _, c := range list {
		if _, err := fmt.Fprintf(w, "%s %s\n", letters[c.Kind], cleanLine(c.Path)); err != nil {
			return err
		}
	}
	return nil
}

func newExportCommand() *command {
	var output string
	c := &command{
		name: "export", args: "[OPTIONS] CONTAINER", group: "Containers",
		short: "Write a container's file system as a tar", least: 1, most: 1,
	}
	c.set().StringVarP(&output, "output", "o", "", "The file to write (default: the standard output)")
	c.run = func(ctx context.Context, e *env, args []string) error {
		if _, ok := terminal(e.out); ok && output == "" {
			return api.Errorf(api.KindInvalid, "an archive is not written to a terminal").
				WithHint("name a file: davit export -o files.tar %s", args[0])
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		write := func(w io.Writer) error { return s.Export(ctx, args[0], w) }
		if output == "" {
			return write(e.out)
		}
		return writeWhole(output, write)
	}
	return c
}
