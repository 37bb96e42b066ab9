package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"davit/backend/api"
	"davit/backend/form"
	"davit/backend/userns/idmap"
)

// Snapshots holds one directory for each snapshot of the writable layer, and
// those that are being made or removed, which begin with ".". Writer: an
// engine that holds a lock on the container's directory.
func (c ContainerDir) Snapshots() string { return c.join("snapshots") }

// Snapshot is the directory of the snapshot with that id.
func (c ContainerDir) Snapshot(id string) SnapshotDir {
	return SnapshotDir(filepath.Join(c.Snapshots(), id))
}

// SnapshotDir is the directory of one snapshot.
type SnapshotDir string

// Record is snapshot.json, a [Snapshot].
func (s SnapshotDir) Record() string { return filepath.Join(string(s), "snapshot.json") }

// Layer is the copy of the writable layer.
func (s SnapshotDir) Layer() string { return filepath.Join(string(s), "layer") }

// Snapshot is snapshot.json.
type Snapshot struct {
	api.Snapshot
	Layers []string   `json:"layers"` // of the image that it lies over
	IDs    idmap.Maps `json:"ids,omitzero"`
}

var snapshotForm = form.Of(`^[0-9a-f]{12}$`)

// ListSnapshots reads the snapshots of a container, newest first. One that
// cannot be read is not there.
func ListSnapshots(c ContainerDir) ([]Snapshot, error) {
	entries, err := os.ReadDir(c.Snapshots())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Snapshot
	for _, e := range entries {
		var s Snapshot
		if snapshotForm().MatchString(e.Name()) && ReadJSON(c.Snapshot(e.Name()).Record(), &s) == nil && s.ID == e.Name() {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b Snapshot) int { return b.Created.Compare(a.Created) })
	return all, err
}

// RemoveSnapshot deletes one.
func RemoveSnapshot(c ContainerDir, id string) error {
	gone := filepath.Join(c.Snapshots(), removingPrefix+id)
	if err := os.Rename(string(c.Snapshot(id)), gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove snapshot: %w", err)
	}
	return removeAll(gone)
}
