package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// compatible are options of docker's run and create that say nothing which
// could be otherwise here, or that are for the command line alone.
type compatible struct {
	volumesFrom []string
}

func (c *compatible) addFlags(f *pflag.FlagSet) {
	settle(f, runSettled)
	f.Bool("disable-content-trust", true, "")
	hide(f, "disable-content-trust")
	f.StringArrayVar(&c.volumesFrom, "volumes-from", nil, "Mount what another `container[:ro]` mounts")
}

// borrow adds the mounts of --volumes-from where the spec has none of its own.
func (c *compatible) borrow(ctx context.Context, s api.Service, spec *api.RunSpec) error {
	taken := map[string]bool{}
	for _, m := range spec.Mounts {
		taken[m.Target] = true
	}
	for _, from := range c.volumesFrom {
		ref, mode, _ := strings.Cut(from, ":")
		if mode != "" && mode != "ro" && mode != "rw" {
			return invalid("--volumes-from %q: want container[:ro]", from)
		}
		d, err := s.Container(ctx, ref)
		if err != nil {
			return err
		}
		for _, m := range d.Mounts {
			if m.Type == api.MountTmpfs || taken[m.Target] {
				continue
			}
			taken[m.Target] = true
			m.ReadOnly = m.ReadOnly || mode == "ro"
			spec.Mounts = append(spec.Mounts, m)
		}
	}
	return nil
}

// attached are the streams of run's --attach; none given: all.
type attached []string

func (a *attached) addFlags(f *pflag.FlagSet) {
	f.FuncP("attach", "a", "Only these streams: `stdin|stdout|stderr`", func(v string) error {
		v = strings.ToLower(v)
		if !slices.Contains([]string{"stdin", "stdout", "stderr"}, v) {
			return fmt.Errorf("want stdin, stdout or stderr")
		}
		*a = append(*a, v)
		return nil
	})
}

func (a attached) has(stream string) bool { return len(a) == 0 || slices.Contains(a, stream) }

// heard is the environment of a command that shows the streams wanted only.
func (a attached) heard(e *env) *env {
	own := *e
	if !a.has("stdout") {
		own.out = io.Discard
	}
	if !a.has("stderr") {
		own.err = io.Discard
	}
	return &own
}
