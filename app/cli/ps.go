package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// PsOptions are ps's.
type PsOptions struct {
	ListOptions
	All     bool
	Latest  bool
	Last    int
	Size    bool
	Filters []string
	Sort    string
}

func (o *PsOptions) addFlags(f *pflag.FlagSet) {
	o.addAll(f, "Only print ids")
	f.BoolVarP(&o.All, "all", "a", false, "Show all containers, not only those that run")
	f.BoolVarP(&o.Latest, "latest", "l", false, "Show the latest container, whatever its state")
	f.IntVarP(&o.Last, "last", "n", -1, "Show the n latest containers, whatever their state")
	f.BoolVarP(&o.Size, "size", "s", false, "Show what their files take, too")
	f.StringVar(&o.Sort, "sort", "", "Sort by command, created, id, image, names, runningfor, size or status")
	f.StringArrayVarP(&o.Filters, "filter", "f", nil, "Show those that match a `filter`: status=, name=, id=, label=, ancestor=, before=, since=, exited=, network=, volume=, publish=, expose=, health=")
}

func newPsCommand() *command {
	var o PsOptions
	c := &command{name: "ps", args: "[OPTIONS]", group: "Containers", short: "List containers"}
	o.addFlags(c.set())
	c.run = func(ctx context.Context, e *env, _ []string) error { return runPs(ctx, e, o) }
	return c
}

func runPs(ctx context.Context, e *env, o PsOptions) error {
	filters, err := parseFilters(o.Filters)
	if err != nil {
		return err
	}
	query := api.ContainerFilter{All: o.All, Filters: filters, Last: max(0, o.Last)}
	if o.Latest {
		query.Last = 1
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	list, err := s.Containers(ctx, query)
	if err != nil {
		return err
	}
	var sizes map[string]psSize
	if o.Size || o.Sort == "size" || strings.Contains(o.Format, ".Size") { // as docker: nobody else waits for them
		if sizes, err = psSizes(ctx, s, list); err != nil {
			return err
		}
	}
	if err := sortContainers(list, o.Sort, sizes); err != nil {
		return err
	}
	if o.JSON {
		return writePsJSON(e, list, sizes)
	}
	rows := make([]psRow, len(list))
	for i, c := range list {
		rows[i] = newPsRow(e, o.ListOptions, c)
		rows[i].Size = sizes[c.ID].String()
	}
	t := psTable
	if o.Size {
		t.layout += `\t{{.Size}}`
	}
	return t.write(e.out, o.ListOptions, rows)
}

// parseFilters reads docker's key=value filters.
func parseFilters(args []string) (map[string][]string, error) {
	var m map[string][]string
	for _, a := range args {
		key, value, ok := strings.Cut(a, "=")
		if !ok {
			return nil, invalid("filter %q: want name=value", a)
		}
		if m == nil {
			m = map[string][]string{}
		}
		key = strings.ToLower(strings.TrimSpace(key))
		m[key] = append(m[key], strings.TrimSpace(value))
	}
	return m, nil
}

// psRow has docker's fields.
type psRow struct {
	ID, Names, Image, Command, CreatedAt, RunningFor string
	Ports, State, Status, Labels, Mounts, Networks   string
	Size                                             string // only where it is asked for
	LocalVolumes, Platform                           string
	Reason, Health                                   string // docker has no such fields

	podmanPsRow `json:"-"`

	labelled `json:"-"`
}

// labelled are the labels of a row, for templates; nil: it has the titles.
type labelled map[string]string

// Label is the value of one label.
func (l labelled) Label(key string) string {
	if l == nil {
		return key
	}
	return l[key]
}

var psTable = table[psRow]{
	titles: psRow{
		ID: "CONTAINER ID", Names: "NAMES", Image: "IMAGE", Command: "COMMAND",
		CreatedAt: "CREATED AT", RunningFor: "CREATED", Ports: "PORTS", State: "STATE",
		Status: "STATUS", Labels: "LABELS", Mounts: "MOUNTS", Networks: "NETWORKS", Reason: "REASON", Health: "HEALTH", Size: "SIZE",
		LocalVolumes: "LOCAL VOLUMES", Platform: "PLATFORM", podmanPsRow: podmanPsTitles,
	},
	layout: `{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}`,
	quiet:  "{{.ID}}",
}

func newPsRow(e *env, o ListOptions, c api.Container) psRow {
	text := o.cleaner(e)
	r := psRow{
		ID: c.ID, Names: text(c.Name), Image: text(c.Image), State: string(c.State),
		CreatedAt: listTime(c.Created), RunningFor: ago(e.now(), c.Created),
		Status: text(statusLine(e, c)), Reason: text(c.Reason), Health: c.Health, labelled: labelled{},
		Platform: "linux", podmanPsRow: newPodmanPsRow(o, c),
	}
	command := text(strings.Join(c.Command, " "))
	if !o.NoTrunc {
		r.ID, r.Image = shortID(c.ID), shortImage(r.Image)
		command = ellipsis(command, 20)
	}
	r.Command, r.Networks = strconv.Quote(command), text(strings.Join(c.Networks, ","))
	volumes := 0
	mounted := make([]string, len(c.Mounted))
	for i, m := range c.Mounted {
		if mounted[i] = text(m); !strings.HasPrefix(m, "/") {
			volumes++
		}
		if !o.NoTrunc {
			mounted[i] = ellipsis(mounted[i], 15)
		}
	}
	r.Mounts, r.LocalVolumes = strings.Join(mounted, ","), strconv.Itoa(volumes)
	if isUp(c.State) {
		r.Ports = portList(c.Ports)
	}
	for k, v := range c.Labels {
		r.labelled[k] = text(v)
	}
	r.Labels = labelList(r.labelled)
	return r
}

// shortImage shortens an image that is shown by its id.
func shortImage(image string) string {
	if strings.HasPrefix(image, "sha256:") {
		return shortID(image)
	}
	return image
}

func isUp(s api.State) bool {
	switch s {
	case api.StateRunning, api.StatePaused, api.StateRestarting, api.StateStarting, api.StateStopping:
		return true
	}
	return false
}

// statusLine is docker's STATUS.
func statusLine(e *env, c api.Container) string {
	now := e.now()
	switch c.State {
	case api.StateRunning:
		up := "Up " + humanDuration(now.Sub(c.Started))
		switch c.Health {
		case "":
			return up
		case api.HealthStarting:
			return up + " (health: starting)"
		}
		return up + " (" + c.Health + ")"
	case api.StatePaused, api.StateStopping:
		word := strings.ToUpper(string(c.State[:1])) + string(c.State[1:])
		return fmt.Sprintf("Up %s (%s)", humanDuration(now.Sub(c.Started)), word)
	case api.StateRestarting:
		return fmt.Sprintf("Restarting (%d) %s", c.ExitCode, ago(now, c.Finished))
	case api.StateExited:
		return strings.TrimSpace(fmt.Sprintf("Exited (%d) %s", c.ExitCode, ago(now, c.Finished)))
	case api.StateBroken:
		return "Broken: " + c.Reason
	case api.StateCreated:
		return "Created"
	case api.StateDead:
		return "Dead"
	}
	return string(c.State)
}

func labelList(labels map[string]string) string {
	list := make([]string, 0, len(labels))
	for k, v := range labels {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}
