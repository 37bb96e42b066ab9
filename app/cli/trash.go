package main

import (
	"context"
	"fmt"
	"strings"

	"davit/backend/api"
)

func newImageTrashGroup() *command {
	c := &command{
		name: "trash", args: "COMMAND", group: "Images", short: "Images that were removed and that no registry has",
		long: "They take their space until the trash is emptied, and can be put back until then.",
		subs: []*command{newTrashListCommand(), newTrashRestoreCommand(), newTrashEmptyCommand()},
	}
	c.run = func(_ context.Context, e *env, _ []string) error {
		c.help(e.out, "davit image trash")
		return nil
	}
	return c
}

type trashRow struct{ ID, Names, Removed, Size, Freed string }

var trashTable = table[trashRow]{
	titles: trashRow{"IMAGE ID", "NAMES", "REMOVED", "SIZE", "GIVES BACK"},
	quiet:  "{{.ID}}",
	layout: `{{.ID}}\t{{.Names}}\t{{.Removed}}\t{{.Size}}\t{{.Freed}}`,
}

func newTrashListCommand() *command {
	var o ListOptions
	c := &command{name: "ls", aliases: []string{"list"}, args: "[OPTIONS]", group: "Images", short: "List the images in the trash"}
	o.addAll(c.set(), "Only print ids")
	c.run = func(ctx context.Context, e *env, _ []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		all, err := s.Trash(ctx)
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, listOf(all))
		}
		rows := make([]trashRow, len(all))
		for i, t := range all {
			id := t.ID
			if !o.NoTrunc {
				id = shortID(id)
			}
			rows[i] = trashRow{id, cleanLine(strings.Join(t.Names, ", ")), ago(e.now(), t.Removed), humanSize(t.Size), humanSize(t.Freed)}
		}
		return trashTable.write(e.out, o, rows)
	}
	return c
}

func newTrashRestoreCommand() *command {
	c := &command{name: "restore", args: "IMAGE [IMAGE...]", group: "Images", short: "Put images back, with the names that are still free", least: 1, most: anyNumber}
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return each(e, args, func(ref string) error {
			i, err := s.RestoreImage(ctx, ref)
			if err == nil {
				fmt.Fprintf(e.out, "Restored: %s\n", cleanLine(strings.Join(append(i.Names, i.ID), " ")))
			}
			return err
		})
	}
	return c
}

func newTrashEmptyCommand() *command {
	var o PruneOptions
	c := &command{name: "empty", args: "[OPTIONS] [IMAGE...]", group: "Images", most: anyNumber, short: "Remove images in the trash for good; none named: all"}
	f := c.set()
	f.BoolVarP(&o.Force, "force", "f", false, "Do not ask")
	f.BoolVar(&o.DryRun, "dry-run", false, "Only tell what would be given back")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, args []string) error { return runTrashEmpty(ctx, e, o, args) }
	return c
}

func runTrashEmpty(ctx context.Context, e *env, o PruneOptions, ids []string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	p, err := s.EmptyTrash(ctx, api.EmptyTrashSpec{IDs: ids, DryRun: true})
	if err != nil {
		return err
	}
	if !o.DryRun {
		if !o.Force && !o.JSON {
			text := fmt.Sprintf("WARNING! This will remove %d images for good; they cannot be pulled again from anywhere. It gives back %s.\nAre you sure you want to continue? [y/N] ",
				len(p.Images), humanSize(p.Freed))
			if yes, err := agree(e, text); err != nil || !yes {
				return err
			}
		}
		if p, err = s.EmptyTrash(ctx, api.EmptyTrashSpec{IDs: ids}); err != nil {
			return err
		}
	}
	if o.JSON {
		return writeJSON(e.out, p)
	}
	printPruned(e, o, p)
	return nil
}
