package apitest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"davit/backend/api"
	"davit/backend/runspec"
)

// PlanEdit implements api.Service.
func (f *Fake) PlanEdit(ctx context.Context, edit api.Edit) (p api.EditPlan, err error) {
	err = f.with(ctx, edit.Ref, func(b *box) error {
		if err := b.seen(edit.Version); err != nil {
			return err
		}
		p = f.planned(b, edit)
		return nil
	})
	return p, err
}

// seen refuses an edit of what has changed meanwhile.
func (b *box) seen(version string) error {
	if version == "" || version == b.version() {
		return nil
	}
	return conflict(b, "was changed by somebody else meanwhile").(*api.Error).WithHint("Look at it again, and make your changes to what is there now.")
}

func (b *box) version() string { return strconv.Itoa(b.changes + 1) }

func (f *Fake) planned(b *box, edit api.Edit) api.EditPlan {
	p := api.EditPlan{Changes: runspec.Changes(b.detail.Spec, edit.Spec), Lost: []string{}, Problems: runspec.Check(edit.Spec), Warnings: []string{}}
	for _, c := range p.Changes {
		p.Recreate = p.Recreate || !c.Live
	}
	p.Restart = p.Recreate && b.running()
	if p.Recreate && !edit.KeepLayer {
		p.Lost = append(p.Lost, "What the container changed in its own file system is not in the new one.")
	}
	if p.Problems == nil {
		p.Problems = []*api.Error{}
	}
	return p
}

// ApplyEdit implements api.Service.
func (f *Fake) ApplyEdit(ctx context.Context, edit api.Edit) (e api.Edited, err error) {
	var old *box
	var running bool
	err = f.with(ctx, edit.Ref, func(b *box) error {
		if err := b.seen(edit.Version); err != nil {
			return err
		}
		p := f.planned(b, edit)
		switch {
		case len(p.Problems) > 0:
			return p.Problems[0]
		case !p.Recreate:
			e = f.live(b, edit.Spec)
			return nil
		}
		old, running = b, b.running()
		return nil
	})
	if err != nil || old == nil {
		return e, err
	}
	return f.recreate(ctx, old, edit.Spec, running)
}

// live changes what needs no new container; f.mu is held.
func (f *Fake) live(b *box, spec api.RunSpec) api.Edited {
	b.detail.Spec = spec
	b.detail.Name = cmp.Or(spec.Name, b.detail.Name)
	b.detail.Restart = cmp.Or(spec.Restart, "no")
	b.detail.Limits = spec.Limits
	if len(spec.Ports) > 0 {
		b.detail.Ports = slices.Clone(spec.Ports)
	}
	b.changes++
	f.event("container", "update", b.detail.ID, b.detail.Name)
	return api.Edited{ID: b.detail.ID, Name: b.detail.Name, Ports: list(b.detail.Ports), Undo: b.before != nil, Warnings: []string{}}
}

func (f *Fake) recreate(ctx context.Context, old *box, spec api.RunSpec, running bool) (api.Edited, error) {
	if running {
		if err := f.Stop(ctx, old.detail.ID, api.StopOptions{}); err != nil {
			return api.Edited{}, err
		}
	}
	f.mu.Lock()
	f.boxes = slices.DeleteFunc(f.boxes, func(b *box) bool { return b == old })
	f.mu.Unlock()
	spec.Name = cmp.Or(spec.Name, old.detail.Name)
	made, err := f.Create(ctx, spec)
	if err == nil && running {
		err = f.Start(ctx, made.ID)
	}
	f.mu.Lock()
	if err != nil {
		f.boxes = append(slices.DeleteFunc(f.boxes, func(b *box) bool { return b.detail.ID == made.ID }), old)
		f.mu.Unlock()
		if running {
			_ = f.Start(ctx, old.detail.ID) // as it was
		}
		return api.Edited{}, failed(err)
	}
	defer f.mu.Unlock()
	b, err := f.find(made.ID)
	if err != nil {
		return api.Edited{}, err
	}
	old.before = nil
	b.before, b.detail.Replaces = old, old.detail.ID
	f.event("container", "edit", made.ID, made.Name)
	return api.Edited{ID: made.ID, Name: made.Name, Ports: made.Ports, Recreated: true, Undo: true, Warnings: made.Warnings}, nil
}

// UndoEdit implements api.Service.
func (f *Fake) UndoEdit(ctx context.Context, ref string) (api.Edited, error) {
	var now, before *box
	var running bool
	err := f.with(ctx, ref, func(b *box) error {
		now, before, running = b, b.before, b.running()
		if before == nil {
			return notKept(b)
		}
		return nil
	})
	if err != nil {
		return api.Edited{}, err
	}
	if err := f.Remove(ctx, now.detail.ID, api.RemoveOptions{Force: true}); err != nil {
		return api.Edited{}, err
	}
	f.mu.Lock()
	f.boxes = append(f.boxes, before)
	f.event("container", "edit", before.detail.ID, before.detail.Name)
	f.mu.Unlock()
	if running {
		if err := f.Start(ctx, before.detail.ID); err != nil {
			return api.Edited{}, err
		}
	}
	return api.Edited{ID: before.detail.ID, Name: before.detail.Name, Ports: list(before.detail.Ports), Recreated: true, Warnings: []string{}}, nil
}

func notKept(b *box) error {
	return api.Errorf(api.KindNotFound, "no container is kept that %s took the place of", b.detail.Name).WithRef(b.detail.Name)
}

// DropUndo implements api.Service.
func (f *Fake) DropUndo(ctx context.Context, ref string) error {
	return f.with(ctx, ref, func(b *box) error {
		if b.before == nil {
			return notKept(b)
		}
		b.before, b.detail.Replaces = nil, ""
		return nil
	})
}

// Duplicate implements api.Service.
func (f *Fake) Duplicate(ctx context.Context, ref string) (s api.RunSpec, err error) {
	err = f.with(ctx, ref, func(b *box) error {
		s = runspec.Another(b.detail.Spec)
		return nil
	})
	return s, err
}

// Snapshots implements api.Service.
func (f *Fake) Snapshots(ctx context.Context, ref string) (out []api.Snapshot, err error) {
	err = f.with(ctx, ref, func(b *box) error {
		out = list(b.snapshots)
		return nil
	})
	return out, err
}

// TakeSnapshot implements api.Service.
func (f *Fake) TakeSnapshot(ctx context.Context, spec api.SnapshotSpec) (s api.Snapshot, err error) {
	err = f.with(ctx, spec.Ref, func(b *box) error {
		s = f.take(b, spec.Name)
		return nil
	})
	return s, err
}

func (f *Fake) take(b *box, name string) api.Snapshot {
	now := f.now()
	s := api.Snapshot{ID: f.hex(12), Name: cmp.Or(name, now.Format("2006-01-02 15:04:05")), Created: now, Files: 14, Size: 3 << 20, Shared: true}
	b.snapshots = slices.Insert(b.snapshots, 0, s)
	if b.past == nil {
		b.past = map[string]tree{}
	}
	b.past[s.ID] = f.treeOf(b).clone()
	f.event("container", "snapshot", b.detail.ID, b.detail.Name)
	return s
}

// RestoreSnapshot implements api.Service.
func (f *Fake) RestoreSnapshot(ctx context.Context, ref, snapshot string) (s api.Snapshot, err error) {
	err = f.with(ctx, ref, func(b *box) error {
		i := b.place(snapshot)
		if i < 0 {
			return noSnapshot(b, snapshot)
		}
		then := b.snapshots[i]
		s = f.take(b, fmt.Sprintf("before %s was restored", then.Name))
		b.tree = b.past[then.ID].clone()
		f.event("container", "restore", b.detail.ID, b.detail.Name)
		return nil
	})
	return s, err
}

// RemoveSnapshot implements api.Service.
func (f *Fake) RemoveSnapshot(ctx context.Context, ref, snapshot string) error {
	return f.with(ctx, ref, func(b *box) error {
		i := b.place(snapshot)
		if i < 0 {
			return noSnapshot(b, snapshot)
		}
		b.snapshots = slices.Delete(b.snapshots, i, i+1)
		return nil
	})
}

// place finds a snapshot by id or name; -1 where there is none.
func (b *box) place(ref string) int {
	return slices.IndexFunc(b.snapshots, func(s api.Snapshot) bool { return s.ID == ref || s.Name == ref })
}

func noSnapshot(b *box, ref string) error {
	return api.Errorf(api.KindNotFound, "container %s has no snapshot %q", b.detail.Name, ref).WithRef(ref)
}
