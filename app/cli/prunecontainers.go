package main

import (
	"context"
	"fmt"
	"strings"

	"davit/backend/api"
)

// idle are containers that do not run, with what removing them gives back.
type idle struct {
	Containers []api.Container `json:"containers"`
	Freed      int64           `json:"freed"` // bytes of their own files and logs

	takes map[string]int64 // by id
}

func newContainerPruneCommand() *command {
	var o PruneOptions
	c := &command{name: "prune", args: "[OPTIONS]", group: "Containers", short: "Remove containers that do not run"}
	f := c.set()
	f.BoolVarP(&o.Force, "force", "f", false, "Do not ask")
	f.BoolVar(&o.DryRun, "dry-run", false, "Only tell what would be removed")
	f.StringArrayVar(&o.Filters, "filter", nil, "Remove only those that match a `filter`: until=, label=, label!=")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runContainerPrune(ctx, e, o) }
	return c
}

func runContainerPrune(ctx context.Context, e *env, o PruneOptions) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	p, err := idleContainers(ctx, e, s, o.Filters)
	if err != nil {
		return err
	}
	if !o.DryRun {
		if !o.Force && !o.JSON {
			question := fmt.Sprintf("WARNING! This will remove all stopped containers: %d of them, %s.\nAre you sure you want to continue? [y/N] ", len(p.Containers), humanSize(p.Freed))
			if yes, err := agree(e, question); err != nil || !yes {
				return err
			}
		}
		if p, err = p.remove(ctx, s); err != nil {
			return err
		}
	}
	if o.JSON {
		return writeJSON(e.out, p)
	}
	p.print(e, o.DryRun)
	fmt.Fprintf(e.out, "Total reclaimed space: %s\n", humanSize(p.Freed))
	return nil
}

// idleContainers finds those that docker's filters choose.
func idleContainers(ctx context.Context, e *env, s api.Service, filters []string) (idle, error) {
	p := idle{Containers: []api.Container{}, takes: map[string]int64{}}
	chosen, err := pruneFilter(e, filters)
	if err != nil {
		return p, err
	}
	list, err := s.Containers(ctx, api.ContainerFilter{All: true})
	if err != nil {
		return p, err
	}
	u, err := s.DiskUsage(ctx)
	if err != nil {
		return p, err
	}
	for _, c := range u.Containers {
		p.takes[c.ID] = c.Size + c.Log
	}
	for _, c := range list {
		stopped := c.State == api.StateExited || c.State == api.StateCreated || c.State == api.StateDead
		if stopped && chosen(c) {
			p.Containers = append(p.Containers, c)
			p.Freed += p.takes[c.ID]
		}
	}
	return p, nil
}

// pruneFilter reads until=, label= and label!=; all have to match.
func pruneFilter(e *env, filters []string) (func(api.Container) bool, error) {
	var all []func(api.Container) bool
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		name, want, valued := strings.Cut(value, "=")
		has := func(c api.Container) bool {
			v, there := c.Labels[name]
			return there && (!valued || v == want)
		}
		switch {
		case ok && key == "until":
			before, err := moment(e.now(), value)
			if err != nil {
				return nil, invalid("filter %q: %v", f, err)
			}
			all = append(all, func(c api.Container) bool { return c.Created.Before(before) })
		case ok && key == "label":
			all = append(all, has)
		case ok && key == "label!":
			all = append(all, func(c api.Container) bool { return !has(c) })
		default:
			return nil, invalid("filter %q: want until=, label= or label!=", f)
		}
	}
	return func(c api.Container) bool {
		for _, matches := range all {
			if !matches(c) {
				return false
			}
		}
		return true
	}, nil
}

// remove removes them and tells which. One that was started since, or is gone
// already, is left out.
func (p idle) remove(ctx context.Context, s api.Service) (idle, error) {
	gone := idle{Containers: []api.Container{}}
	for _, c := range p.Containers {
		switch err := s.Remove(ctx, c.ID, api.RemoveOptions{}); api.KindOf(err) {
		case api.KindConflict, api.KindNotFound:
		default:
			if err != nil {
				return gone, err
			}
			gone.Containers = append(gone.Containers, c)
			gone.Freed += p.takes[c.ID]
		}
	}
	return gone, nil
}

func (p idle) print(e *env, only bool) {
	if len(p.Containers) == 0 {
		return
	}
	fmt.Fprintln(e.out, map[bool]string{false: "Deleted Containers:", true: "Would be deleted:"}[only])
	for _, c := range p.Containers {
		fmt.Fprintln(e.out, c.ID)
	}
	fmt.Fprintln(e.out)
}
