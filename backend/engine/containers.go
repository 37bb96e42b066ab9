package engine

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"davit/backend/api"
	"davit/backend/logfile"
	"davit/backend/oci"
	"davit/backend/store"
)

// Containers implements api.Service.
func (e *Engine) Containers(ctx context.Context, f api.ContainerFilter) ([]api.Container, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	fits, err := e.chooser(ctx, f)
	if err != nil {
		return nil, explain(err)
	}
	entries, err := e.entries(ctx)
	if err != nil {
		return nil, explain(err)
	}
	list := []api.Container{}
	hidden := keptOnes(entries, len(f.Filters["replaced"]) > 0)
	for _, entry := range entries {
		if c := container(entry); !hidden(entry) && fits(c) {
			list = append(list, c)
		}
	}
	if f.Last > 0 && len(list) > f.Last {
		list = list[:f.Last]
	}
	return list, nil
}

// keptOnes tells which containers are not listed: those that are kept to undo
// an edit while what took their place is there. With wanted, all others.
func keptOnes(entries []store.Entry, wanted bool) func(store.Entry) bool {
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Record.ID] = true
	}
	return func(e store.Entry) bool {
		successor := e.Record.Replaces != "" && marked(e.Record.Name) // in the making
		kept := e.Record.ReplacedBy != "" && there[e.Record.ReplacedBy]
		return successor || kept != wanted
	}
}

// Container implements api.Service.
func (e *Engine) Container(ctx context.Context, ref string) (api.ContainerDetail, error) {
	entry, err := e.find(ctx, ref)
	if err != nil {
		return api.ContainerDetail{}, explain(err)
	}
	rec, dir := entry.Record, e.dirs.Container(entry.Record.ID)
	d := api.ContainerDetail{
		Container: container(entry), Spec: current(rec),
		Args: list(rec.Args), Env: list(rec.Env), WorkingDir: rec.WorkingDir, User: rec.User,
		Network: rec.Network, Gateway: entry.State.Gateway, Attachments: []api.Attachment{},
		LogPath: dir.Log(), Rootfs: dir.Rootfs(), OOMKilled: entry.State.OOMKilled,
		Confinement: entry.State.Confinement, Limited: entry.State.Limited,
		Restart: rec.Restart, Limits: rec.Limits, HealthCheck: rec.HealthCheck,
		Mounts: list(rec.Mounts), Version: rec.Stamp(), Replaces: rec.Replaces, ReplacedBy: rec.ReplacedBy,
	}
	for _, j := range rec.Joins() {
		a := attachment(entry, j.Network)
		if hasProcess(entry.State.State) {
			addTraffic(&a, e.traffic(ctx, j.Network, rec.ID), rec.ID)
		}
		d.Attachments = append(d.Attachments, a)
	}
	if hasProcess(entry.State.State) {
		d.Cgroup = entry.State.Cgroup
	}
	if rec.HealthCheck != nil {
		d.HealthLog = e.health(entry)
	}
	if d.Confinement == nil && entry.Err == nil {
		d.Confinement = oci.Confinement(rec.Spec, oci.HostSecurity())
	}
	d.Confinement = list(d.Confinement)
	d.LogSize = logfile.Size(dir.Log())
	return d, nil
}

// entries lists the containers as they are.
func (e *Engine) entries(ctx context.Context) ([]store.Entry, error) {
	entries, err := store.ListContainers(e.dirs)
	if err != nil || !slices.ContainsFunc(entries, e.unsettled) {
		return entries, err
	}
	e.settle(ctx)
	return store.ListContainers(e.dirs)
}

// unsettled tells that a container runs by its file and does not in truth: its
// guard was killed or the computer switched off, and its restart policy has
// not been asked yet. One that runs in truth may have been left by a keeper
// that was killed: the guard is asked once in an engine's life.
func (e *Engine) unsettled(entry store.Entry) bool {
	return entry.Err == nil && entry.Written.Active() && (!entry.State.Active() || !e.settled.Load())
}

// settleLimit is how long the guard may take for that; it goes on with it
// when nobody waits any more.
const settleLimit = 5 * time.Second

func (e *Engine) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	if err := e.guard.Settle(ctx); err != nil {
		e.log.Warn("what ended unseen is not dealt with yet", "error", err)
		return
	}
	e.settled.Store(true)
}

// find resolves ref and reads the container's files.
func (e *Engine) find(ctx context.Context, ref string) (store.Entry, error) {
	if err := ctx.Err(); err != nil {
		return store.Entry{}, err
	}
	id, err := store.FindContainer(e.dirs, ref)
	if err != nil {
		return store.Entry{}, err
	}
	entry, err := store.ReadContainer(e.dirs, id)
	if err == nil && e.unsettled(entry) {
		e.settle(ctx)
		entry, err = store.ReadContainer(e.dirs, id)
	}
	if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
		err = api.Errorf(api.KindNotFound, "no such container: %s", ref).WithRef(ref)
	}
	return entry, err
}

// sound is find for verbs that need files which can be read.
func (e *Engine) sound(ctx context.Context, ref string) (store.Entry, error) {
	entry, err := e.find(ctx, ref)
	if err == nil && entry.Err != nil {
		err = api.AsError(entry.Err)
		if api.AsError(entry.Err).Hint == "" {
			err = api.AsError(entry.Err).WithHint("What is damaged cannot be used; remove the container and make it again.")
		}
	}
	return entry, err
}

// container is the row of a container.
func container(entry store.Entry) api.Container {
	rec, st := entry.Record, entry.State
	c := api.Container{
		ID: rec.ID, Name: rec.Name, Image: rec.Image, ImageID: rec.ImageID, Command: list(rec.Args),
		Created: rec.Created, State: st.State, Started: st.Started, Finished: st.Finished,
		ExitCode: st.ExitCode, Reason: st.Reason, Ports: list(rec.Ports), Labels: map[string]string{},
		AutoRemove: rec.AutoRemove, Restarts: st.Restarts, Health: st.Health,
		Networks: networksOf(rec), Offline: rec.Offline,
	}
	maps.Copy(c.Labels, rec.Labels)
	for _, m := range rec.Mounts {
		if m.Source != "" {
			c.Mounted = append(c.Mounted, m.Source)
		}
	}
	if hasProcess(st.State) {
		c.IP, c.PID = st.IP, st.PID
		if len(st.Ports) > 0 {
			c.Ports = st.Ports
		}
	}
	for i := range c.Ports {
		c.Ports[i].HostIP = cmp.Or(c.Ports[i].HostIP, "127.0.0.1")
	}
	return c
}

// hasProcess tells the states in which the container's own process is there.
func hasProcess(s api.State) bool {
	return s == api.StateRunning || s == api.StatePaused || s == api.StateStopping
}

// list makes the empty list of nil: JSON knows the difference.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
