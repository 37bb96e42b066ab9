package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"davit/backend/api"
)

func newCommitCommand() *command {
	var spec api.CommitSpec
	var idFile string
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
	f.StringVar(&idFile, "iidfile", "", "Write the image's id to this `file`")
	f.BoolP("quiet", "q", false, "Only the id is printed anyway")
	hide(f, "quiet")
	f.StringP("format", "f", "oci", "Every image is OCI's; save and push write docker's form")
	hide(f, "format")
	settle(f, commitSettled)
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
		if idFile != "" {
			if err := os.WriteFile(idFile, []byte(i.ID), 0o644); err != nil {
				return fmt.Errorf("iidfile: %w", err)
			}
		}
		fmt.Fprintln(e.out, i.ID)
		return nil
	}
	return c
}

func newDiffCommand() *command {
	var o struct {
		JSON   bool
		Format string
	}
	c := &command{
		name: "diff", args: "[OPTIONS] CONTAINER", group: "Containers",
		short: "List what a container has changed in its files", least: 1, most: 1,
		long: "A: added, C: changed, D: deleted.",
	}
	c.set().BoolVar(&o.JSON, "json", false, "Print a JSON array")
	c.set().StringVar(&o.Format, "format", "", "json: podman's object of three lists")
	c.run = func(ctx context.Context, e *env, args []string) error {
		if o.Format != "" && o.Format != "json" {
			return invalid("--format %q: want json", o.Format)
		}
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
		if o.Format == "json" {
			return writeJSON(e.out, podmanChanges(list))
		}
		return writeChanges(e.out, list)
	}
	return c
}

// letters are docker's for a change.
var letters = map[string]string{api.ChangeAdded: "A", api.ChangeModified: "C", api.ChangeDeleted: "D"}

// changesJSON is podman's shape of what changed.
type changesJSON struct {
	Changed []string `json:"changed,omitempty"`
	Added   []string `json:"added,omitempty"`
	Deleted []string `json:"deleted,omitempty"`
}

func podmanChanges(list []api.Change) changesJSON {
	var d changesJSON
	for _, c := range list {
		switch c.Kind {
		case api.ChangeAdded:
			d.Added = append(d.Added, c.Path)
		case api.ChangeDeleted:
			d.Deleted = append(d.Deleted, c.Path)
		default:
			d.Changed = append(d.Changed, c.Path)
		}
	}
	return d
}

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
