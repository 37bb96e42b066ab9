package main

import (
	"context"
	"errors"
	"fmt"

	"davit/backend/api"
)

// RmiOptions are rmi's.
type RmiOptions struct {
	All       bool
	Force     bool
	Permanent bool
	NoPrune   bool // docker's; an image without a name and users does not stay here
	JSON      bool
}

func newRmiCommand() *command {
	var o RmiOptions
	c := &command{
		name: "rmi", args: "[OPTIONS] IMAGE [IMAGE...]", group: "Images",
		short: "Remove names of images, and images with their last name", least: 1, most: anyNumber,
	}
	f := c.set()
	c.chosen = func() bool { return o.All }
	f.BoolVarP(&o.All, "all", "a", false, "All images, by all their names")
	f.BoolVarP(&o.Force, "force", "f", false, "Remove also what containers use; one that is not there is no failure")
	f.BoolVar(&o.Permanent, "permanent", false, "Remove for good also what no registry has; otherwise that goes to the trash")
	f.BoolVar(&o.NoPrune, "no-prune", false, "")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON array of what went away")
	hide(f, "no-prune")
	c.run = func(ctx context.Context, e *env, args []string) error { return runRmi(ctx, e, o, args) }
	return c
}

func runRmi(ctx context.Context, e *env, o RmiOptions, refs []string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	if o.All {
		if refs, err = everyImage(ctx, s, refs); err != nil {
			return err
		}
	}
	var all []api.RemovedImage
	failed := false
	for _, ref := range refs {
		gone, err := s.RemoveImage(ctx, ref, api.RemoveImageOptions{Force: o.Force, Permanent: o.Permanent})
		err = absent(e, o.Force, err)
		switch {
		case errors.Is(err, errAbsent):
		case err != nil:
			say(e, err)
			failed = true
		case o.JSON:
			all = append(all, gone)
		default:
			printRemoved(e, gone)
		}
	}
	if o.JSON {
		if err := writeJSON(e.out, listOf(all)); err != nil {
			return err
		}
	}
	if failed {
		return exit(exitFailure)
	}
	return nil
}

// everyImage gives the names of all images, and the ids of those that have none.
func everyImage(ctx context.Context, s api.Service, named []string) (refs []string, err error) {
	if len(named) > 0 {
		return nil, invalid("either --all or the names of images, not both")
	}
	list, err := s.Images(ctx, api.ImageFilter{All: true})
	for _, i := range list {
		if refs = append(refs, i.Names...); len(i.Names) == 0 {
			refs = append(refs, i.ID)
		}
	}
	return refs, err
}

func printRemoved(e *env, gone api.RemovedImage) {
	for _, name := range gone.Untagged {
		fmt.Fprintf(e.out, "Untagged: %s\n", cleanLine(name))
	}
	for _, id := range gone.Deleted {
		fmt.Fprintf(e.out, "Deleted: %s\n", cleanLine(id))
	}
	if gone.InTrash {
		fmt.Fprintf(e.err, "No registry has it, so it is in the trash with %s. Put it back: davit image trash restore %s\n", humanSize(gone.Trashed), shortID(gone.Deleted[0]))
	}
}
