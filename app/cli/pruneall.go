package main

import (
	"context"
	"fmt"
	"strings"

	"davit/backend/api"
)

// SystemPruneOptions are system prune's.
type SystemPruneOptions struct {
	PruneOptions
	Volumes bool
}

// prunedAll is what system prune removed, or would: what becomes unused only
// by the containers' end is not known before.
type prunedAll struct {
	Containers []api.Container   `json:"containers"`
	Networks   []string          `json:"networks"`
	Images     api.Pruned        `json:"images"`
	Volumes    api.PrunedVolumes `json:"volumes"`
	Freed      int64             `json:"freed"` // bytes
}

func newSystemPruneCommand() *command {
	var o SystemPruneOptions
	c := &command{
		name: "prune", args: "[OPTIONS]", group: "Davit",
		short: "Remove containers that do not run, and networks and images that nothing uses",
	}
	f := c.set()
	f.BoolVarP(&o.All, "all", "a", false, "Remove all images that no container is made from, not only those without a name")
	f.BoolVar(&o.Volumes, "volumes", false, "Remove volumes without a name that no container uses, too")
	f.BoolVarP(&o.Force, "force", "f", false, "Do not ask")
	f.BoolVar(&o.DryRun, "dry-run", false, "Only tell what would be removed")
	f.BoolVar(&o.Permanent, "permanent", false, "Remove for good also images that no registry has; otherwise those go to the trash")
	f.StringArrayVar(&o.Filters, "filter", nil, "Of containers and images, only those that match a `filter`: until=, label=, label!=")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runSystemPrune(ctx, e, o) }
	return c
}

func runSystemPrune(ctx context.Context, e *env, o SystemPruneOptions) error {
	filters, err := parseFilters(o.Filters)
	if err != nil {
		return err
	}
	if o.Volumes && len(filters["until"]) > 0 {
		return invalid("--volumes and the filter until= do not go together: a volume's last use is not known")
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	stopped, err := idleContainers(ctx, e, s, o.Filters)
	if err != nil {
		return err
	}
	images := api.PruneSpec{All: o.All, Filters: filters, DryRun: true, Permanent: o.Permanent}
	volumes := api.VolumePrune{Filters: filters, DryRun: true}
	p := prunedAll{Containers: stopped.Containers, Networks: []string{}}
	if err := p.unused(ctx, s, o, images, volumes); err != nil {
		return err
	}
	p.Freed += stopped.Freed
	if !o.DryRun {
		if !o.Force && !o.JSON {
			if yes, err := agree(e, systemQuestion(o, p)); err != nil || !yes {
				return err
			}
		}
		if p, err = pruneSystem(ctx, s, o, stopped, images, volumes); err != nil {
			return err
		}
	}
	if o.JSON {
		return writeJSON(e.out, p)
	}
	p.print(e, o.PruneOptions)
	return nil
}

// pruneSystem removes what nothing uses, containers first: they use the rest.
func pruneSystem(ctx context.Context, s api.Service, o SystemPruneOptions, stopped idle, images api.PruneSpec, volumes api.VolumePrune) (prunedAll, error) {
	p := prunedAll{Networks: []string{}}
	gone, err := stopped.remove(ctx, s)
	p.Containers = gone.Containers
	if err != nil {
		return p, err
	}
	networks, err := s.PruneNetworks(ctx)
	if err != nil {
		return p, err
	}
	p.Networks = listOf(networks)
	images.DryRun, volumes.DryRun = false, false
	err = p.unused(ctx, s, o, images, volumes)
	p.Freed += gone.Freed
	return p, err
}

// unused asks for images and volumes.
func (p *prunedAll) unused(ctx context.Context, s api.Service, o SystemPruneOptions, images api.PruneSpec, volumes api.VolumePrune) (err error) {
	if o.Volumes {
		if p.Volumes, err = s.PruneVolumes(ctx, volumes); err != nil {
			return err
		}
	}
	p.Images, err = s.PruneImages(ctx, images)
	p.Volumes.Volumes = listOf(p.Volumes.Volumes)
	p.Freed = p.Images.Freed + p.Volumes.Freed
	return err
}

func systemQuestion(o SystemPruneOptions, p prunedAll) string {
	which := "images without a name"
	if o.All {
		which = "images that no container is made from"
	}
	lines := []string{
		"WARNING! This will remove:",
		fmt.Sprintf("  - all stopped containers: %d", len(p.Containers)),
		"  - all networks that no container belongs to",
		fmt.Sprintf("  - all %s: %d", which, len(p.Images.Images)),
	}
	if o.Volumes {
		lines = append(lines, fmt.Sprintf("  - all volumes without a name that no container uses: %d", len(p.Volumes.Volumes)))
	}
	if p.Images.Trashed > 0 {
		lines = append(lines, fmt.Sprintf("%s that cannot be pulled again go to the trash.", humanSize(p.Images.Trashed)))
	}
	return strings.Join(append(lines, fmt.Sprintf("%s at least, and what only those containers use.", humanSize(p.Freed)),
		"Are you sure you want to continue? [y/N] "), "\n")
}

func (p prunedAll) print(e *env, o PruneOptions) {
	idle{Containers: p.Containers}.print(e, o.DryRun)
	if len(p.Networks) > 0 {
		fmt.Fprintf(e.out, "Deleted Networks:\n%s\n\n", strings.Join(p.Networks, "\n"))
	}
	if len(p.Volumes.Volumes) > 0 {
		fmt.Fprintln(e.out, map[bool]string{false: "Deleted Volumes:", true: "Would be deleted:"}[o.DryRun])
		for _, v := range p.Volumes.Volumes {
			fmt.Fprintln(e.out, cleanLine(v.Name))
		}
		fmt.Fprintln(e.out)
	}
	images := p.Images
	images.Freed = p.Freed // of all, at the end
	printPruned(e, o, images)
}
