package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"davit/backend/api"
)

// PruneOptions are image prune's.
type PruneOptions struct {
	All       bool
	Force     bool
	DryRun    bool
	Permanent bool
	JSON      bool
	Filters   []string
}

func newImagePruneCommand() *command {
	var o PruneOptions
	c := &command{name: "prune", args: "[OPTIONS]", group: "Images", short: "Remove images that nothing uses"}
	f := c.set()
	f.BoolVarP(&o.All, "all", "a", false, "Remove all images that no container is made from, not only those without a name")
	f.BoolVarP(&o.Force, "force", "f", false, "Do not ask")
	f.BoolVar(&o.DryRun, "dry-run", false, "Only tell what would be removed")
	f.BoolVar(&o.Permanent, "permanent", false, "Remove for good also what no registry has; otherwise that goes to the trash")
	f.StringArrayVar(&o.Filters, "filter", nil, "Remove only those that match a `filter`: until=, label=, label!=")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runImagePrune(ctx, e, o) }
	return c
}

func runImagePrune(ctx context.Context, e *env, o PruneOptions) error {
	filters, err := parseFilters(o.Filters)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	spec := api.PruneSpec{All: o.All, Filters: filters, DryRun: true, Permanent: o.Permanent}
	p, err := s.PruneImages(ctx, spec)
	if err != nil {
		return err
	}
	if !o.DryRun {
		if !o.Force && !o.JSON {
			if yes, err := agree(e, pruneQuestion(o, p)); err != nil || !yes {
				return err
			}
		}
		spec.DryRun = false
		if p, err = s.PruneImages(ctx, spec); err != nil {
			return err
		}
	}
	if o.JSON {
		return writeJSON(e.out, p)
	}
	printPruned(e, o, p)
	return nil
}

func pruneQuestion(o PruneOptions, p api.Pruned) string {
	which := "all images without a name"
	if o.All {
		which = "all images that no container is made from"
	}
	text := fmt.Sprintf("WARNING! This will remove %s: %d of them, %s.\n", which, len(p.Images), humanSize(p.Freed))
	gone := 0
	for _, i := range p.Images {
		if i.Gone {
			gone++
		}
	}
	switch {
	case gone > 0 && o.Permanent:
		text += fmt.Sprintf("%d of them cannot be pulled again from anywhere.\n", gone)
	case gone > 0:
		text += fmt.Sprintf("%d of them cannot be pulled again from anywhere, and go to the trash with %s.\n", gone, humanSize(p.Trashed))
	}
	return text + "Are you sure you want to continue? [y/N] "
}

// agree asks a person; only y and yes are a yes, and so the end of the input is a no.
func agree(e *env, question string) (bool, error) {
	fmt.Fprint(e.out, question)
	line, err := bufio.NewReader(e.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", nil
}

func printPruned(e *env, o PruneOptions, p api.Pruned) {
	if len(p.Images) > 0 {
		title := "Deleted Images:"
		if o.DryRun {
			title = "Would be deleted:"
		}
		fmt.Fprintln(e.out, title)
	}
	for _, i := range p.Images {
		for _, n := range i.Names {
			fmt.Fprintf(e.out, "untagged: %s\n", cleanLine(n))
		}
		fmt.Fprintf(e.out, "deleted: %s\n", i.ID)
	}
	for _, d := range p.Deleted {
		fmt.Fprintf(e.out, "deleted: %s\n", d)
	}
	if len(p.Images) > 0 {
		fmt.Fprintln(e.out)
	}
	fmt.Fprintf(e.out, "Total reclaimed space: %s\n", humanSize(p.Freed))
	if p.Trashed > 0 {
		fmt.Fprintf(e.err, "%s are in the trash: davit image trash ls, or empty\n", humanSize(p.Trashed))
	}
}

func newImageCheckCommand() *command {
	var o struct{ Repair, JSON bool }
	c := &command{
		name: "check", args: "[OPTIONS] [IMAGE]", group: "Images", most: 1,
		short: "Read all that is stored of images and tell what is damaged",
	}
	f := c.set()
	f.BoolVar(&o.Repair, "repair", false, "Fetch what is damaged again, and nothing else")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON array")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		var all []api.CheckedImage
		bad := false
		err = s.CheckImages(ctx, api.CheckSpec{Ref: append(args, "")[0], Repair: o.Repair}, func(i api.CheckedImage) error {
			all = append(all, i)
			bad = bad || len(i.Damaged) > 0 && !i.Repaired
			if !o.JSON {
				printChecked(e, i)
			}
			return nil
		})
		if err == nil && o.JSON {
			err = writeJSON(e.out, listOf(all))
		}
		if err == nil && bad {
			err = exit(exitFailure)
		}
		return err
	}
	return c
}

func printChecked(e *env, i api.CheckedImage) {
	name := cleanLine(i.Name)
	if name == "" {
		name = shortID(i.ID)
	}
	state := "sound"
	switch {
	case i.Repaired:
		state = fmt.Sprintf("repaired, %s fetched", humanSize(i.Fetched))
	case len(i.Damaged) > 0:
		state = "damaged"
	}
	fmt.Fprintf(e.out, "%s: %s\n", name, state)
	for _, d := range i.Damaged {
		fmt.Fprintf(e.out, "  %s %s %s\n", d.Part, shortID(d.Digest), cleanLine(d.What))
	}
	if i.Error != nil {
		say(e, i.Error)
	}
}
