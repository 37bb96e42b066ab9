package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"davit/backend/api"
)

func newVolumeGroup() *command {
	return noun("volume", "Everything on volumes",
		newVolumeCreateCommand(), newVolumeListCommand(), newVolumeInspectCommand(), newVolumeRemoveCommand(), newVolumePruneCommand(),
		newVolumeExistsCommand(), newVolumeCloneCommand(), newVolumeEmptyCommand(), newVolumeExportCommand(), newVolumeImportCommand())
}

func newVolumeCreateCommand() *command {
	var o struct {
		labels []string
		driver string
		opts   []string
		name   string
		ignore bool
	}
	c := &command{name: "create", args: "[OPTIONS] [NAME]", short: "Make a volume", most: 1}
	f := c.set()
	f.StringArrayVarP(&o.labels, "label", "l", nil, "Set a label: `key=value`")
	f.StringVarP(&o.driver, "driver", "d", "local", "There is one: local")
	f.StringArrayVarP(&o.opts, "opt", "o", nil, "Options of the driver; local has none here")
	f.StringVar(&o.name, "name", "", "The volume's name")
	f.BoolVar(&o.ignore, "ignore", false, "One that is there already is fine, as it always is")
	hide(f, "name")
	hide(f, "ignore")
	c.run = func(ctx context.Context, e *env, args []string) error {
		if o.driver != "local" {
			return invalid("there is no volume driver %q", o.driver)
		}
		if len(o.opts) > 0 {
			return invalid("--opt %q: volumes are directories and have no options; mount what you mean on the host, and show it with -v", o.opts[0])
		}
		labels, err := labelMap(o.labels)
		if err != nil {
			return err
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		v, err := s.CreateVolume(ctx, api.VolumeSpec{Name: append(args, o.name)[0], Labels: labels})
		if err != nil {
			return err
		}
		fmt.Fprintln(e.out, v.Name)
		return nil
	}
	return c
}

// labelMap reads key=value words.
func labelMap(words []string) (map[string]string, error) {
	m := map[string]string{}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		if key == "" {
			return nil, invalid("label %q: want key=value", w)
		}
		m[key] = value
	}
	return m, nil
}

// volumeRow has docker's fields, and who uses the volume.
type volumeRow struct {
	Driver, Name, Scope, Mountpoint, Labels, Size, Links, Containers string
	Availability, Group, Status                                      string // N/A: docker's, of clusters

	labelled `json:"-"`
}

var volumeTable = table[volumeRow]{
	titles: volumeRow{
		Driver: "DRIVER", Name: "VOLUME NAME", Scope: "SCOPE", Mountpoint: "MOUNTPOINT", Labels: "LABELS", Size: "SIZE", Links: "LINKS",
		Containers: "CONTAINERS", Availability: "AVAILABILITY", Group: "GROUP", Status: "STATUS",
	},
	layout: "{{.Driver}}\t{{.Name}}", quiet: "{{.Name}}",
}

func newVolumeListCommand() *command {
	var o struct {
		ListOptions
		filters []string
		size    bool
	}
	c := &command{name: "ls", aliases: []string{"list"}, args: "[OPTIONS]", short: "List volumes"}
	f := c.set()
	o.addFormat(f)
	f.BoolVarP(&o.Quiet, "quiet", "q", false, "Only print names")
	f.StringArrayVarP(&o.filters, "filter", "f", nil, "Show those that match a `filter`: name=, label=, dangling=, driver=")
	f.BoolVarP(&o.size, "size", "s", false, "Add up their files, and tell who uses them")
	c.run = func(ctx context.Context, e *env, _ []string) error {
		filters, err := parseFilters(o.filters)
		if err != nil {
			return err
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		all, err := s.Volumes(ctx, api.VolumeFilter{Filters: filters, Sizes: o.size || strings.Contains(o.Format, ".Size")})
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, listOf(all))
		}
		t := volumeTable
		if o.size {
			t.layout += "\t{{.Size}}\t{{.Containers}}"
		}
		var rows []volumeRow
		for _, v := range all {
			rows = append(rows, volumeRowOf(v))
		}
		return t.write(e.out, o.ListOptions, rows)
	}
	return c
}

func volumeRowOf(v api.Volume) volumeRow {
	r := volumeRow{Driver: v.Driver, Name: v.Name, Scope: "local", Mountpoint: v.Mountpoint, Size: "N/A", Links: fmt.Sprint(len(v.UsedBy))}
	r.Availability, r.Group, r.Status, r.labelled = "N/A", "N/A", "N/A", map[string]string{}
	if v.Size != nil {
		r.Size = humanSize(*v.Size)
	}
	var names, labels []string
	for _, u := range v.UsedBy {
		names = append(names, cleanLine(u.Name))
	}
	for k, value := range v.Labels {
		labels = append(labels, cleanLine(k+"="+value))
		r.labelled[k] = cleanLine(value)
	}
	slices.Sort(labels)
	r.Containers, r.Labels = strings.Join(names, ","), strings.Join(labels, ",")
	return r
}

// volumeJSON is docker's shape.
type volumeJSON struct {
	CreatedAt  string
	Driver     string
	Labels     map[string]string
	Mountpoint string
	Name       string
	Options    map[string]string
	Scope      string
	UsageData  struct{ Size, RefCount int64 }
}

func newVolumeInspectCommand() *command {
	c := &command{name: "inspect", args: "[OPTIONS] VOLUME [VOLUME...]", short: "Print everything about volumes, shaped as docker does", least: 1, most: anyNumber}
	return inspecting(c, api.Service.Volume, dockerVolume)
}

func dockerVolume(v api.Volume) any {
	d := volumeJSON{
		CreatedAt: v.Created.Format("2006-01-02T15:04:05Z07:00"), Driver: v.Driver, Labels: v.Labels, Mountpoint: v.Mountpoint,
		Name: v.Name, Options: map[string]string{}, Scope: "local",
	}
	d.UsageData.RefCount = int64(len(v.UsedBy))
	if v.Size != nil {
		d.UsageData.Size = *v.Size
	}
	return d
}

func newVolumeRemoveCommand() *command {
	var force, all bool
	c := &command{
		name: "rm", aliases: []string{"remove"}, args: "[OPTIONS] VOLUME [VOLUME...]", short: "Remove volumes with all that is in them",
		least: 1, most: anyNumber, chosen: func() bool { return all },
	}
	c.set().BoolVarP(&force, "force", "f", false, "One that is not there is no failure")
	c.set().BoolVarP(&all, "all", "a", false, "All volumes; those that containers use stay")
	c.run = func(ctx context.Context, e *env, refs []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		if all {
			if refs, err = everyVolume(ctx, s, refs); err != nil {
				return err
			}
		}
		return each(e, refs, func(ref string) error { return s.RemoveVolume(ctx, ref, api.RemoveOptions{Force: force}) })
	}
	return c
}

func everyVolume(ctx context.Context, s api.Service, named []string) (names []string, err error) {
	if len(named) > 0 {
		return nil, invalid("either --all or the names of volumes, not both")
	}
	list, err := s.Volumes(ctx, api.VolumeFilter{})
	for _, v := range list {
		names = append(names, v.Name)
	}
	return names, err
}

func newVolumePruneCommand() *command {
	var o PruneOptions
	c := &command{name: "prune", args: "[OPTIONS]", short: "Remove volumes that no container uses"}
	f := c.set()
	f.BoolVarP(&o.All, "all", "a", false, "Remove all of them, not only those without a name")
	f.BoolVarP(&o.Force, "force", "f", false, "Do not ask")
	f.BoolVar(&o.DryRun, "dry-run", false, "Only tell what would be removed")
	f.StringArrayVar(&o.Filters, "filter", nil, "Remove only those that match a `filter`: label=, label!=")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runVolumePrune(ctx, e, o) }
	return c
}

func runVolumePrune(ctx context.Context, e *env, o PruneOptions) error {
	filters, err := parseFilters(o.Filters)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	spec := api.VolumePrune{All: o.All, Filters: filters, DryRun: true}
	p, err := s.PruneVolumes(ctx, spec)
	if err != nil {
		return err
	}
	if !o.DryRun {
		which := "volumes without a name that no container uses"
		if o.All {
			which = "all volumes that no container uses"
		}
		if !o.Force && !o.JSON {
			question := fmt.Sprintf("WARNING! This will remove %s: %d of them, %s.\nAre you sure you want to continue? [y/N] ", which, len(p.Volumes), humanSize(p.Freed))
			if yes, err := agree(e, question); err != nil || !yes {
				return err
			}
		}
		spec.DryRun = false
		if p, err = s.PruneVolumes(ctx, spec); err != nil {
			return err
		}
	}
	if o.JSON {
		return writeJSON(e.out, p)
	}
	if len(p.Volumes) > 0 {
		fmt.Fprintln(e.out, map[bool]string{false: "Deleted Volumes:", true: "Would be deleted:"}[o.DryRun])
	}
	for _, v := range p.Volumes {
		fmt.Fprintln(e.out, cleanLine(v.Name))
	}
	if len(p.Volumes) > 0 {
		fmt.Fprintln(e.out)
	}
	fmt.Fprintf(e.out, "Total reclaimed space: %s\n", humanSize(p.Freed))
	return nil
}

func newVolumeCloneCommand() *command {
	c := &command{name: "clone", args: "VOLUME NAME", short: "Make a volume with what another one has", least: 2, most: 2}
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		v, err := s.CloneVolume(ctx, args[0], api.VolumeSpec{Name: args[1]})
		if err == nil {
			fmt.Fprintln(e.out, v.Name)
		}
		return err
	}
	return c
}

func newVolumeEmptyCommand() *command {
	c := &command{name: "empty", args: "VOLUME [VOLUME...]", short: "Remove all that is in volumes", least: 1, most: anyNumber}
	c.run = func(ctx context.Context, e *env, refs []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return each(e, refs, func(ref string) error {
			_, err := s.EmptyVolume(ctx, ref)
			return err
		})
	}
	return c
}

func newVolumeExportCommand() *command {
	var output string
	c := &command{name: "export", args: "[OPTIONS] VOLUME", short: "Write what is in a volume as a tar", least: 1, most: 1}
	c.set().StringVarP(&output, "output", "o", "", "Write it to a `file` instead of the standard output")
	c.run = func(ctx context.Context, e *env, args []string) error {
		if _, person := terminal(e.out); output == "" && person {
			return invalid("a tar is not for a terminal: use -o FILE, or a pipe")
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return toFile(e, output, func(w io.Writer) error { return s.ExportVolume(ctx, args[0], w) })
	}
	return c
}

// toFile writes to the file of that name, or to the standard output. A file
// that is not complete does not stay.
func toFile(e *env, name string, write func(io.Writer) error) error {
	if name == "" || name == "-" {
		return write(e.out)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return api.Errorf(api.KindInvalid, "write: %w", err)
	}
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(name)
	}
	return err
}

func newVolumeImportCommand() *command {
	c := &command{name: "import", args: "VOLUME FILE|-", short: "Add what a tar has to a volume, which is made where it is missing", least: 2, most: 2}
	c.run = func(ctx context.Context, e *env, args []string) error {
		from := e.in
		if args[1] != "-" {
			f, err := os.Open(args[1])
			if err != nil {
				return api.Errorf(api.KindNotFound, "import: %w", err)
			}
			defer f.Close()
			from = f
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		if _, err := s.CreateVolume(ctx, api.VolumeSpec{Name: args[0]}); err != nil {
			return err
		}
		_, err = s.ImportVolume(ctx, args[0], from)
		return err
	}
	return c
}

func writeText(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}
