package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
	"davit/backend/runspec"
	"davit/backend/store"
	"davit/backend/tree"
	"davit/backend/userns/idmap"
)

// current is the spec that a container has now: as it was asked for, with what
// was changed since and the host ports that were chosen.
func current(rec store.Record) api.RunSpec {
	s := rec.Spec
	s.Name, s.Limits = rec.Name, rec.Limits
	if s.Restart != "" || rec.Restart != "no" {
		s.Restart = rec.Restart
	}
	if !s.PublishAll {
		s.Ports = slices.Clone(rec.Ports)
		for i, p := range s.Ports {
			s.Ports[i] = p.Asked()
		}
	}
	return s
}

// editable finds the container of an edit and makes sure that it is the one
// that was seen.
func (e *Engine) editable(ctx context.Context, edit api.Edit) (store.Entry, error) {
	entry, err := e.sound(ctx, edit.Ref)
	if err != nil {
		return entry, err
	}
	if edit.Version != "" && edit.Version != entry.Record.Stamp() || entry.Record.ReplacedBy != "" {
		return entry, api.Errorf(api.KindConflict, "container %s was changed by somebody else meanwhile", bare(entry.Record.Name)).WithRef(entry.Record.ID).
			WithHint("Look at it again, and make your changes to what is there now.")
	}
	return entry, nil
}

// bare is a container's name without what is added while it is kept.
func bare(name string) string {
	name, _, _ = strings.Cut(name, keptMark)
	return name
}

// keptMark is in the name of a container that another one takes the place of,
// and in no name that a person may give.
const keptMark = "~"

// PlanEdit implements api.Service.
func (e *Engine) PlanEdit(ctx context.Context, edit api.Edit) (api.EditPlan, error) {
	entry, err := e.editable(ctx, edit)
	if err != nil {
		return api.EditPlan{}, explain(err)
	}
	p, err := e.plan(entry, edit)
	return p, explain(err)
}

func (e *Engine) plan(entry store.Entry, edit api.Edit) (api.EditPlan, error) {
	spec := edit.Spec
	if spec.Name == "" {
		spec.Name = entry.Record.Name
	}
	p := api.EditPlan{
		Changes: runspec.Changes(current(entry.Record), spec), Problems: list(problems(spec)), Lost: []string{}, Warnings: []string{},
	}
	if err := cgroup.Here().Allows(spec.Limits); err != nil {
		p.Problems = append(p.Problems, api.AsError(err).WithField("limits"))
	}
	p.Recreate = slices.ContainsFunc(p.Changes, func(c api.SpecChange) bool { return !c.Live })
	p.Restart = p.Recreate && entry.State.Active()
	if !p.Recreate {
		return p, nil
	}
	if entry.Record.AutoRemove && entry.State.Active() {
		return p, api.Errorf(api.KindConflict, "container %s is removed when it stops, so it cannot be edited while it runs", entry.Record.Name).
			WithRef(entry.Record.Name).WithHint("Duplicate it, and make the changes to the new one.")
	}
	if !edit.KeepLayer {
		files, _, err := tree.Size(context.Background(), e.dirs.Container(entry.Record.ID).Upper())
		if err == nil && files > 0 {
			p.Lost = append(p.Lost, fmt.Sprintf("%d files and directories that the container changed in its own file system are not in the new one.", files))
		}
	} else if spec.Image != entry.Record.Spec.Image {
		p.Warnings = append(p.Warnings, "What the container changed in its own file system lies over another image now.")
	}
	return p, nil
}

// ApplyEdit implements api.Service.
func (e *Engine) ApplyEdit(ctx context.Context, edit api.Edit) (api.Edited, error) {
	done, err := e.applyEdit(ctx, edit)
	return done, explain(err)
}

func (e *Engine) applyEdit(ctx context.Context, edit api.Edit) (api.Edited, error) {
	entry, err := e.editable(ctx, edit)
	if err != nil {
		return api.Edited{}, err
	}
	e.sweep()
	// Two edits at once: the second one finds another container than it saw.
	lock, err := store.AwaitDir(ctx, string(e.dirs.Container(entry.Record.ID)))
	if err != nil {
		return api.Edited{}, err
	}
	defer func() { _ = lock.Unlock() }()
	seen := edit
	seen.Ref = entry.Record.ID
	if entry, err = e.editable(ctx, seen); err != nil {
		return api.Edited{}, err
	}
	p, err := e.plan(entry, edit)
	switch {
	case err != nil:
		return api.Edited{}, err
	case len(p.Problems) > 0:
		return api.Edited{}, p.Problems[0]
	case len(p.Changes) == 0:
		return edited(entry.Record, p), nil
	case !p.Recreate:
		return e.changeLive(ctx, entry, edit.Spec, p)
	}
	return e.recreate(ctx, entry, edit, p)
}

func edited(rec store.Record, p api.EditPlan) api.Edited {
	return api.Edited{
		ID: rec.ID, Name: rec.Name, Ports: list(rec.Ports), Recreated: p.Recreate, Undo: rec.Replaces != "", Warnings: list(p.Warnings),
	}
}

// changeLive changes what needs no new container.
func (e *Engine) changeLive(ctx context.Context, entry store.Entry, spec api.RunSpec, p api.EditPlan) (api.Edited, error) {
	rec := entry.Record
	u := api.Update{Restart: spec.Restart, Limits: limitChange(rec.Limits, spec.Limits)}
	if u.Restart == "" {
		u.Restart = "no"
	}
	if u.Restart == rec.Restart {
		u.Restart = ""
	}
	if u != (api.Update{}) {
		if err := e.Update(ctx, rec.ID, u); err != nil {
			return api.Edited{}, err
		}
	}
	if name := strings.TrimPrefix(spec.Name, "/"); name != "" && name != rec.Name {
		if err := e.Rename(ctx, rec.ID, name); err != nil {
			return api.Edited{}, err
		}
	}
	if c := portChange(current(rec), spec); len(c.Add)+len(c.Remove) > 0 {
		if _, err := e.Publish(ctx, rec.ID, c); err != nil {
			return api.Edited{}, err
		}
	}
	now, err := store.ReadRecord(e.dirs.Container(rec.ID))
	return edited(now, p), err
}

// portChange is what to publish, and what no more, to have the ports of to.
func portChange(from, to api.RunSpec) (c api.PortChange) {
	from, to = runspec.Normal(from), runspec.Normal(to)
	for _, p := range to.Ports {
		if !slices.Contains(from.Ports, p) {
			c.Add = append(c.Add, p)
		}
	}
	for _, p := range from.Ports {
		if !slices.Contains(to.Ports, p) {
			c.Remove = append(c.Remove, p)
		}
	}
	return c
}

// recreate puts a new container in the place of one that is there. Until the
// new one runs, every step can be taken back; who is killed in between leaves
// what resumeEdits makes whole.
func (e *Engine) recreate(ctx context.Context, old store.Entry, edit api.Edit, p api.EditPlan) (api.Edited, error) {
	spec := edit.Spec
	if spec.Name == "" {
		spec.Name = old.Record.Name
	}
	name := strings.TrimPrefix(spec.Name, "/")
	if name != old.Record.Name {
		if holder, err := store.NameHolder(e.dirs, name); err != nil || holder != "" {
			return api.Edited{}, errors.Join(err, nameTaken(name, holder))
		}
	}
	ready, err := e.ready(ctx, spec) // all that can be refused is, before anything ends
	if err != nil {
		return api.Edited{}, err
	}
	ready.from = &predecessor{Record: old.Record, layer: edit.KeepLayer}
	ran := old.State.Active()
	if ran {
		if err := e.stop(ctx, old, api.StopOptions{}); err != nil {
			return api.Edited{}, err
		}
	}
	rec, lock, err := e.successor(ctx, ready)
	if err != nil {
		return api.Edited{}, errors.Join(err, e.goOn(ctx, old.Record.ID, ran))
	}
	defer func() { _ = lock.Unlock() }()
	named := rec // as it will be
	named.Name = name
	e.note("create", named)
	if err := e.exchange(ctx, old.Record.ID, rec.ID, kept{name: name, running: ran}); err != nil {
		return api.Edited{}, errors.Join(err, e.takeBack(ctx, old.Record.ID, rec.ID, ran))
	}
	if ran {
		if err := e.guard.Start(ctx, rec.ID); err != nil {
			return api.Edited{}, asItWas(err, e.takeBack(ctx, old.Record.ID, rec.ID, ran))
		}
	}
	if before := old.Record.Replaces; before != "" {
		e.forgetKept(ctx, before)
	}
	now, err := store.ReadRecord(e.dirs.Container(rec.ID))
	if err != nil {
		return api.Edited{}, err
	}
	e.note("edit", now)
	e.news.look(old.Record.ID)
	e.news.look(rec.ID)
	p.Warnings = slices.Concat(p.Warnings, warnings(now, ready.img), ready.shown)
	return edited(now, p), nil
}

// asItWas tells why an edit came to nothing; more is what could not be undone.
func asItWas(err, more error) error {
	if more != nil {
		return errors.Join(err, more)
	}
	e := *api.AsError(err)
	e.Msg = "the container is as it was: the changed one does not start: " + e.Msg
	return &e
}

func nameTaken(name, holder string) error {
	if holder == "" {
		return nil
	}
	return api.Errorf(api.KindConflict, "the name %q is taken by container %s", name, holder[:12]).WithRef(name).WithField("name").
		WithHint("Choose another name, or remove that container.")
}

// goOn starts what ran before.
func (e *Engine) goOn(ctx context.Context, id string, ran bool) error {
	if !ran {
		return nil
	}
	return e.guard.Start(context.WithoutCancel(ctx), id)
}

// takeBack removes a successor and has the old container be what it was.
func (e *Engine) takeBack(ctx context.Context, old, successor string, ran bool) error {
	ctx = context.WithoutCancel(ctx)
	rec, err := store.ReadRecord(e.dirs.Container(old))
	if err != nil {
		return err
	}
	if rec.Kept != nil {
		err = e.exchange(ctx, successor, old, kept{name: rec.Kept.Name})
	}
	return errors.Join(err, e.drop(ctx, successor), e.goOn(ctx, old, ran))
}

// drop removes a container that nobody is to see any more.
func (e *Engine) drop(ctx context.Context, id string) error {
	if err := e.release(ctx, id, api.RemoveOptions{Force: true}); err != nil {
		return err
	}
	rec, rerr := store.ReadRecord(e.dirs.Container(id))
	removed, err := store.RemoveContainer(e.dirs, id)
	if removed && rerr == nil {
		rec.Name = bare(rec.Name)
		e.note("destroy", rec)
	}
	e.news.look(id)
	return err
}

// unlink has a record not name a container that is not kept any more.
func (e *Engine) unlink(ctx context.Context, id string) error {
	lock, err := store.LockFile(ctx, e.dirs.NamesLock())
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	dir := e.dirs.Container(id)
	rec, err := store.ReadRecord(dir)
	if err != nil || rec.Replaces == "" || e.isThere(rec.Replaces) {
		return err
	}
	rec.Replaces = ""
	return store.WriteJSON(dir.Record(), rec)
}

func (e *Engine) isThere(id string) bool {
	_, err := os.Lstat(string(e.dirs.Container(id)))
	return err == nil
}

// kept says what the older of two containers was.
type kept struct {
	name    string // of the one that takes the place
	running bool
}

// exchange puts one container in the place of another: names, and snapshots. The
// one that goes is kept under a name that nobody asks for, and is not started
// by a restart policy.
func (e *Engine) exchange(ctx context.Context, goes, comes string, k kept) error {
	lock, err := store.LockFile(ctx, e.dirs.NamesLock())
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	from, to := e.dirs.Container(goes), e.dirs.Container(comes)
	old, err := store.ReadRecord(from)
	if err != nil {
		return err
	}
	now, err := store.ReadRecord(to)
	if err != nil {
		return err
	}
	if holder, err := store.NameHolder(e.dirs, k.name); err != nil || holder != "" && holder != goes && holder != comes {
		return errors.Join(err, nameTaken(k.name, holder))
	}
	old.Kept = &store.Kept{Name: old.Name, Restart: old.Restart, Running: k.running, Replaces: old.Replaces}
	old.Name, old.Restart, old.ReplacedBy, old.Replaces = k.name+keptMark+goes[:12], "no", comes, ""
	now.Replaces = goes
	if now.Kept != nil { // it is what it was
		now.Restart, now.Replaces = now.Kept.Restart, now.Kept.Replaces
	}
	now.Name, now.Kept, now.ReplacedBy = k.name, nil, ""
	if err := store.WriteJSON(from.Record(), old); err != nil {
		return err
	}
	if err := store.WriteJSON(to.Record(), now); err != nil {
		return err
	}
	err = os.Rename(from.Snapshots(), to.Snapshots())
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return err
}

// UndoEdit implements api.Service.
func (e *Engine) UndoEdit(ctx context.Context, ref string) (api.Edited, error) {
	done, err := e.undoEdit(ctx, ref)
	return done, explain(err)
}

func (e *Engine) undoEdit(ctx context.Context, ref string) (api.Edited, error) {
	now, before, lock, err := e.pair(ctx, ref)
	if err != nil {
		return api.Edited{}, err
	}
	defer func() { _ = lock.Unlock() }()
	ran := now.State.Active()
	if ran {
		if err := e.stop(ctx, now, api.StopOptions{}); err != nil {
			return api.Edited{}, err
		}
	}
	k := kept{name: now.Record.Name, running: ran}
	if err := e.exchange(ctx, now.Record.ID, before.ID, k); err != nil {
		return api.Edited{}, errors.Join(err, e.goOn(ctx, now.Record.ID, ran))
	}
	if ran {
		if err := e.guard.Start(ctx, before.ID); err != nil {
			return api.Edited{}, errors.Join(err, e.exchange(context.WithoutCancel(ctx), before.ID, now.Record.ID, k), e.goOn(ctx, now.Record.ID, ran))
		}
	}
	if err := errors.Join(e.drop(ctx, now.Record.ID), e.unlink(ctx, before.ID)); err != nil {
		return api.Edited{}, err
	}
	rec, err := store.ReadRecord(e.dirs.Container(before.ID))
	if err != nil {
		return api.Edited{}, err
	}
	e.note("edit", rec)
	e.news.look(before.ID)
	return edited(rec, api.EditPlan{Recreate: true}), nil
}

// pair finds a container and the one that is kept for it, and locks the first.
func (e *Engine) pair(ctx context.Context, ref string) (now store.Entry, before store.Record, lock *store.Lock, err error) {
	if now, err = e.sound(ctx, ref); err != nil {
		return now, before, nil, err
	}
	if lock, err = store.AwaitDir(ctx, string(e.dirs.Container(now.Record.ID))); err != nil {
		return now, before, nil, err
	}
	if now, err = e.sound(ctx, now.Record.ID); err == nil {
		if before, err = store.ReadRecord(e.dirs.Container(now.Record.Replaces)); now.Record.Replaces == "" || errors.Is(err, os.ErrNotExist) {
			err = api.Errorf(api.KindNotFound, "no container is kept that %s took the place of", now.Record.Name).WithRef(now.Record.Name)
		}
	}
	if err != nil {
		_ = lock.Unlock()
	}
	return now, before, lock, err
}

// DropUndo implements api.Service.
func (e *Engine) DropUndo(ctx context.Context, ref string) error {
	now, before, lock, err := e.pair(ctx, ref)
	if err != nil {
		return explain(err)
	}
	defer func() { _ = lock.Unlock() }()
	return explain(errors.Join(e.discard(ctx, before), e.unlink(ctx, now.Record.ID)))
}

// forgetKept removes a container that was kept, if it is.
func (e *Engine) forgetKept(ctx context.Context, id string) {
	rec, err := store.ReadRecord(e.dirs.Container(id))
	if err == nil && rec.ReplacedBy != "" {
		err = e.discard(ctx, rec)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		e.log.Warn("remove what was kept for an undo", "container", id, "err", err)
	}
}

// discard removes a container that was kept, and those of its volumes without
// a name that nobody else has.
func (e *Engine) discard(ctx context.Context, rec store.Record) error {
	return errors.Join(e.drop(ctx, rec.ID), store.RemoveAnonymous(ctx, e.dirs, rec))
}

// Duplicate implements api.Service.
func (e *Engine) Duplicate(ctx context.Context, ref string) (api.RunSpec, error) {
	entry, err := e.sound(ctx, ref)
	if err != nil {
		return api.RunSpec{}, explain(err)
	}
	return runspec.Another(current(entry.Record)), nil
}

// resumeEdits makes whole what was left by an engine that was killed in the
// middle of an edit: a successor whose maker has gone either has its name, or
// goes; so does what was put in its place again.
func (e *Engine) resumeEdits(ctx context.Context) error {
	ids, err := store.Named(e.dirs, marked) // each command that writes comes here: others are not read
	if err != nil {
		return err
	}
	var left []store.Record
	for _, id := range ids {
		rec, err := store.ReadRecord(e.dirs.Container(id))
		if err == nil && rec.Replaces+rec.ReplacedBy != "" && time.Since(rec.Created) >= time.Second {
			left = append(left, rec)
		}
	}
	slices.SortFunc(left, func(a, b store.Record) int { return b.Created.Compare(a.Created) })
	var errs []error
	for _, rec := range left {
		lock, free, err := store.LockDir(string(e.dirs.Container(rec.ID)))
		if err != nil || !free {
			continue // somebody is at it
		}
		errs = append(errs, e.resumeEdit(ctx, rec), lock.Unlock())
	}
	return errors.Join(errs...)
}

// marked tells whether a name is one for the time of an edit, or of undoing it.
func marked(name string) bool { return strings.Contains(name, keptMark) }

func (e *Engine) resumeEdit(ctx context.Context, rec store.Record) error {
	other, err := store.ReadRecord(e.dirs.Container(rec.Replaces + rec.ReplacedBy))
	switch {
	case rec.ReplacedBy != "" && (errors.Is(err, os.ErrNotExist) || err == nil && other.Replaces != rec.ID && e.hasItsPlace(other)):
		return e.discard(ctx, rec)
	case rec.Replaces == "":
		return nil
	case err == nil && other.ReplacedBy == rec.ID: // all but its name
		return e.exchange(ctx, other.ID, rec.ID, kept{name: bare(rec.Name)})
	}
	return e.drop(ctx, rec.ID)
}

// hasItsPlace tells that nothing can make a container what it was before: it is
// kept for nobody, or for one that has its place for good.
func (e *Engine) hasItsPlace(rec store.Record) bool {
	if rec.ReplacedBy == "" {
		return !marked(rec.Name)
	}
	dir := e.dirs.Container(rec.ReplacedBy)
	lock, free, err := store.LockDir(string(dir))
	if err != nil || !free { // it may not start, and be taken back
		return false
	}
	now, err := store.ReadRecord(dir)
	err = errors.Join(err, lock.Unlock())
	return err == nil && now.Replaces == rec.ID && !marked(now.Name)
}

// takeAlong puts what the predecessor changed in its own file system into the
// new container.
func (e *Engine) takeAlong(ctx context.Context, draft *store.Draft, from predecessor, ids idmap.Maps) error {
	if !from.layer {
		return nil
	}
	_, err := tree.Copy(ctx, e.dirs.Container(from.ID).Upper(), draft.Upper(), tree.Options{Overlay: true, Owner: exchangeIDs(from.IDs, ids)})
	if err != nil {
		return fmt.Errorf("take the writable layer along: %w", err)
	}
	return nil
}

// exchangeIDs gives to who has other ids what belongs to the same inside.
func exchangeIDs(from, to idmap.Maps) func(uid, gid int) (int, int) {
	if from.Equal(to) {
		return nil
	}
	return func(uid, gid int) (int, int) { return to.Owner(from.Inside(uid, gid)) }
}

// keepVolumes has volumes without a name be those that the predecessor has at
// the same places.
func (e *Engine) keepVolumes(ctx context.Context, mounts []api.Mount, from predecessor) error {
	own := string(e.dirs.Container(from.ID)) + string(filepath.Separator)
	for i, m := range mounts {
		if m.Type != api.MountVolume || m.Source != "" {
			continue
		}
		for _, had := range from.Mounts {
			switch {
			case filepath.Clean(had.Target) != filepath.Clean(m.Target):
			case had.Type == api.MountVolume:
				mounts[i].Source = had.Source
			case strings.HasPrefix(had.Source, own): // of containers that were made before such volumes were ones like others
				name, _, err := e.makeVolume(api.VolumeSpec{}, func(data string) error {
					_, err := tree.Copy(ctx, had.Source, data, tree.Options{})
					return err
				})
				if err != nil {
					return err
				}
				mounts[i].Source = name
			}
		}
	}
	return nil
}

// keepPorts has ports that are to be chosen be those that the predecessor has.
func keepPorts(ports []api.Port, from predecessor) {
	for i, p := range ports {
		if p.HostPort != 0 {
			continue
		}
		for _, had := range from.Ports {
			if had.ContainerPort == p.ContainerPort && had.Protocol == p.Protocol && had.HostIP == p.HostIP && mayHave(p, had.HostPort) {
				ports[i].HostPort = had.HostPort
			}
		}
	}
}
