package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// Which are podman's ways to say which containers a verb is about, where they
// are not named.
type Which struct {
	All, Latest bool
	Ignore      bool // those that are not there
	CIDFiles    []string
	Filters     []string
}

// whichFlags are the short names that a verb has free for these options.
type whichFlags struct{ all, latest, ignore string }

func (w *Which) addFlags(f *pflag.FlagSet, short whichFlags, all string) {
	f.BoolVarP(&w.All, "all", short.all, false, all)
	f.BoolVarP(&w.Latest, "latest", short.latest, false, "The container that was made last")
	f.StringArrayVar(&w.CIDFiles, "cidfile", nil, "The container whose id is in this `file`")
	f.StringArrayVar(&w.Filters, "filter", nil, "Those that match a `filter` of ps")
	if short.ignore != "" {
		f.BoolVarP(&w.Ignore, "ignore", short.ignore, false, "One that is not there is no failure, and not worth a word")
	}
}

// given tells that options say which containers are meant.
func (w *Which) given() bool {
	return w.All || w.Latest || len(w.CIDFiles)+len(w.Filters) > 0
}

// refs are the containers that are meant. states are those of which --all and
// --filter choose; none: every one.
func (w *Which) refs(ctx context.Context, s api.Service, named []string, states ...api.State) ([]string, error) {
	if w.All && len(named) > 0 {
		return nil, invalid("either --all or the names of containers, not both")
	}
	refs := slices.Clone(named)
	for _, file := range w.CIDFiles {
		id, err := os.ReadFile(file)
		if os.IsNotExist(err) && w.Ignore {
			continue
		}
		if err != nil {
			return nil, invalid("--cidfile: %w", err)
		}
		refs = append(refs, strings.TrimSpace(string(id)))
	}
	queries := []api.ContainerFilter{}
	if w.Latest {
		queries = append(queries, api.ContainerFilter{Last: 1})
	}
	if w.All || len(w.Filters) > 0 {
		filters, err := parseFilters(w.Filters)
		if err != nil {
			return nil, err
		}
		queries = append(queries, api.ContainerFilter{All: true, Filters: filters})
	}
	for _, q := range queries {
		list, err := s.Containers(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if q.Last == 1 || len(states) == 0 || slices.Contains(states, c.State) {
				refs = append(refs, c.ID)
			}
		}
	}
	return refs, nil
}

// unlessIgnored is err, or with --ignore nothing where it says that there is
// no such container.
func (w *Which) unlessIgnored(err error) error {
	if w.Ignore && api.KindOf(err) == api.KindNotFound {
		return errAbsent
	}
	return err
}

// The states that --all of some verbs is about.
var (
	statesUp   = []api.State{api.StateRunning, api.StateStarting, api.StateStopping, api.StatePaused, api.StateRestarting}
	statesDown = []api.State{api.StateCreated, api.StateExited}
)
