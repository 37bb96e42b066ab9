package layout

import (
	"errors"
	"io/fs"
	"time"

	"davit/backend/store"
)

// Trashed is an entry that was taken out of the index, to be put back or
// removed for good. Its documents and layers stay meanwhile.
type Trashed struct {
	Entry   Entry     `json:"entry"`
	Removed time.Time `json:"removed"`
}

func (d *Dir) trashPath() string { return d.own("trash.json") }

// Thrown reads the trash as it is written down.
func (d *Dir) Thrown() ([]Trashed, error) {
	var all []Trashed
	err := store.ReadJSON(d.trashPath(), &all)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return all, err
}

// Trash reads the trash. One that is also in the index (a process was killed
// between writing the one and the other, or the image came again) is not in it.
func (d *Dir) Trash() ([]Trashed, error) {
	all, err := d.Thrown()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	entries, err := d.Entries()
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Config] = true
	}
	var out []Trashed
	for _, t := range all {
		if !there[t.Entry.Config] {
			out = append(out, t)
		}
	}
	return out, nil
}

// WriteTrash replaces the trash; the caller holds the store's lock. Who moves
// an entry writes the place that it goes to first, so that it is never in none.
func (d *Dir) WriteTrash(all []Trashed) error { return store.WriteJSON(d.trashPath(), all) }
