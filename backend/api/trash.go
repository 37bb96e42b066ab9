package api

import (
	"context"
	"time"
)

// Trash are the verbs on images that were removed and that no registry is
// known to have. They take their space until the trash is emptied.
type Trash interface {
	// Trash lists what is in it, the last removed first.
	Trash(ctx context.Context) ([]TrashedImage, error)
	// RestoreImage puts an image back, with those of its names that no other
	// image has by now. The ref is an id or a name that it had.
	RestoreImage(ctx context.Context, ref string) (Image, error)
	// EmptyTrash removes images for good; with spec.DryRun it only tells the
	// bytes that would be given back.
	EmptyTrash(ctx context.Context, spec EmptyTrashSpec) (Pruned, error)
}

// TrashedImage is an image in the trash.
type TrashedImage struct {
	ID      string    `json:"id"`
	Names   []string  `json:"names"` // that it had
	Created time.Time `json:"created,omitzero"`
	Removed time.Time `json:"removed"`
	Size    int64     `json:"size"`   // bytes, what it shares with others counted
	Freed   int64     `json:"freed"`  // bytes that removing it alone gives back
	Origin  string    `json:"origin"` // a sentence, as Image's
}

// EmptyTrashSpec is what to remove for good.
type EmptyTrashSpec struct {
	IDs    []string `json:"ids,omitempty"` // of images, or names that they had; none: all
	DryRun bool     `json:"dryRun,omitempty"`
}
