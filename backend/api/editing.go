package api

import (
	"context"
	"time"
)

// Editing are the verbs that change what a container is.
type Editing interface {
	// PlanEdit tells what ApplyEdit would do, and changes nothing.
	PlanEdit(ctx context.Context, edit Edit) (EditPlan, error)
	// ApplyEdit gives a container another spec. What can be changed while it
	// runs is; for the rest a new container takes its name, ports and volumes,
	// and the old one is kept for UndoEdit until the next edit. Where the new
	// one cannot be made or started, the old one is as it was before.
	// KindConflict where Version is not the container's any more.
	ApplyEdit(ctx context.Context, edit Edit) (Edited, error)
	// UndoEdit puts the container that was replaced back in its place and
	// removes the one that replaced it; KindNotFound where none is kept.
	UndoEdit(ctx context.Context, ref string) (Edited, error)
	// DropUndo removes what is kept for UndoEdit.
	DropUndo(ctx context.Context, ref string) error
	// Duplicate gives the spec of a further container like this one: without
	// name, host ports and addresses.
	Duplicate(ctx context.Context, ref string) (RunSpec, error)
	// Snapshots lists the snapshots of a container, newest first.
	Snapshots(ctx context.Context, ref string) ([]Snapshot, error)
	// TakeSnapshot keeps the writable layer as it is now; a running container
	// is held for that moment.
	TakeSnapshot(ctx context.Context, spec SnapshotSpec) (Snapshot, error)
	// RestoreSnapshot makes the writable layer what it was. What it is now is
	// kept as a further snapshot. A running container is stopped and started.
	RestoreSnapshot(ctx context.Context, ref, snapshot string) (Snapshot, error)
	// RemoveSnapshot removes one; KindNotFound where there is none.
	RemoveSnapshot(ctx context.Context, ref, snapshot string) error
}

// Edit is another spec for a container.
type Edit struct {
	Ref     string  `json:"ref"`
	Version string  `json:"version"` // ContainerDetail's that was seen; "": whatever it is
	Spec    RunSpec `json:"spec"`
	// KeepLayer takes along what the container changed in its own file system.
	KeepLayer bool `json:"keepLayer,omitempty"`
}

// EditPlan is what an edit does.
type EditPlan struct {
	Changes  []SpecChange `json:"changes"`
	Recreate bool         `json:"recreate"` // a new container takes its place
	Restart  bool         `json:"restart"`  // its processes end and begin anew
	Lost     []string     `json:"lost"`     // sentences: what is not in the new container
	Problems []*Error     `json:"problems"` // as CheckSpec's
	Warnings []string     `json:"warnings"`
}

// SpecChange is a field of a spec that is different.
type SpecChange struct {
	Field string `json:"field"` // as Error.Field
	From  string `json:"from"`  // "" where it was not there
	To    string `json:"to"`    // "" where it goes
	Live  bool   `json:"live"`  // needs no new container
}

// Edited is what became of a container.
type Edited struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Ports     []Port   `json:"ports"`
	Recreated bool     `json:"recreated"`
	Undo      bool     `json:"undo"` // UndoEdit works
	Warnings  []string `json:"warnings"`
}

// SnapshotSpec asks for a snapshot.
type SnapshotSpec struct {
	Ref  string `json:"ref"`
	Name string `json:"name,omitempty"` // "": the time
}

// Snapshot is a container's writable layer at a time.
type Snapshot struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Files   int       `json:"files"`
	Size    int64     `json:"size"` // bytes of its files
	// Shared tells that unchanged files take no space of their own.
	Shared bool `json:"shared"`
}
