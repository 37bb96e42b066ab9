package api

import (
	"context"
	"io"
	"time"
)

// Library are the verbs that move images around and keep their store small.
type Library interface {
	// Push starts sending a local image to a registry; the operation's Result
	// tells the digest there.
	Push(ctx context.Context, spec PushSpec) (Operation, error)
	// SaveTo starts writing images to a path on the host; what is there is
	// replaced when the new one is whole, but for a directory that is not empty,
	// which answers KindConflict.
	SaveTo(ctx context.Context, spec SaveSpec) (Operation, error)
	// Import makes an image of one layer from the tar of a root file system.
	Import(ctx context.Context, spec ImportSpec, r io.Reader) (Image, error)
	// Commit makes an image of what a container has changed, on top of the
	// container's image.
	Commit(ctx context.Context, spec CommitSpec) (Image, error)
	// Export writes a container's whole file system to w as one tar, without
	// volumes and what the kernel shows.
	Export(ctx context.Context, ref string, w io.Writer) error
	// Changes lists what a container has changed in its file system, by path.
	Changes(ctx context.Context, ref string) ([]Change, error)
	// PruneImages removes images that nobody uses; with spec.DryRun it only
	// tells what would go, with the bytes that would be given back. What could
	// not be pulled again goes to the trash.
	PruneImages(ctx context.Context, spec PruneSpec) (Pruned, error)
	// DiskUsage tells what the store holds, each byte counted once.
	DiskUsage(ctx context.Context) (DiskUsage, error)
	// CheckImages reads all that the store has of the image at spec.Ref, or of
	// all, and calls sink for each image with what is damaged of it. With
	// spec.Repair the damaged parts, and no others, are fetched again.
	CheckImages(ctx context.Context, spec CheckSpec, sink func(CheckedImage) error) error
}

// SaveSpec is what to save, and where.
type SaveSpec struct {
	Refs   []string   `json:"refs"`
	Format SaveFormat `json:"format"`
	Path   string     `json:"path"` // absolute
}

// PushSpec is what to push.
type PushSpec struct {
	Ref string `json:"ref"`          // a local image
	To  string `json:"to,omitempty"` // the name to push it under; "": the one in Ref
	// With are further local images, for other platforms. The name then becomes a
	// list of all of them, and each stands at the registry by its digest.
	With   []string       `json:"with,omitempty"`
	Access RegistryAccess `json:"access,omitzero"`
}

// ImportSpec is how to make an image of a file system.
type ImportSpec struct {
	Name     string   `json:"name,omitempty"`     // "": none
	Origin   string   `json:"origin,omitempty"`   // where it comes from, for people: "rootfs.tar"
	Message  string   `json:"message,omitempty"`  // in its history
	Platform string   `json:"platform,omitempty"` // os/arch[/variant]; "": the host's
	Changes  []string `json:"changes,omitempty"`  // instructions of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR
}

// CommitSpec is how to make an image of a container.
type CommitSpec struct {
	Container string   `json:"container"`
	Name      string   `json:"name,omitempty"` // of the image; "": none
	Author    string   `json:"author,omitempty"`
	Message   string   `json:"message,omitempty"`
	Changes   []string `json:"changes,omitempty"` // as ImportSpec's
	NoPause   bool     `json:"noPause,omitempty"` // let the container go on meanwhile
}

// Change is one path that a container, or an image's layer, has changed.
type Change struct {
	Kind string `json:"kind"` // "added", "modified", "deleted"
	Path string `json:"path"` // absolute
	Size int64  `json:"size"` // of a file, bytes
}

// The kinds of a Change.
const (
	ChangeAdded    = "added"
	ChangeModified = "modified"
	ChangeDeleted  = "deleted"
)

// PruneSpec is which images to remove.
type PruneSpec struct {
	All     bool                `json:"all,omitempty"`     // also those with a name, if no container is made from them
	Filters map[string][]string `json:"filters,omitempty"` // label, label!, until (a duration or a time)
	DryRun  bool                `json:"dryRun,omitempty"`  // remove nothing
	// Permanent keeps out of the trash what could not be pulled again.
	Permanent bool `json:"permanent,omitempty"`
}

// Pruned is what PruneImages removed, or would.
type Pruned struct {
	Images  []PrunedImage `json:"images"`
	Deleted []string      `json:"deleted"`           // diff ids of layers that go with them
	Freed   int64         `json:"freed"`             // bytes
	Trashed int64         `json:"trashed,omitempty"` // bytes that stay until the trash is emptied
}

// PrunedImage is an image that goes.
type PrunedImage struct {
	ID    string   `json:"id"`
	Names []string `json:"names"`
	// Gone tells that no registry is known to have it: it cannot be pulled
	// again, and goes to the trash unless that was not wanted.
	Gone  bool  `json:"gone"`
	Freed int64 `json:"freed"` // bytes that removing it alone gives back
}

// DiskUsage is what the store holds. Sizes are bytes.
type DiskUsage struct {
	Images     []ImageUsage     `json:"images"`
	Containers []ContainerUsage `json:"containers"`
	ImagesSize int64            `json:"imagesSize"` // of all images, what they share counted once
	// Reclaimable is what removing all images that no container uses gives back.
	Reclaimable int64 `json:"reclaimable"`
	Unfinished  int64 `json:"unfinished"` // downloads to be gone on with
	Trash       int64 `json:"trash"`      // given back when the trash is emptied
	Stray       int64 `json:"stray"`      // belongs to no image; goes with the next removal
	// Shifted are layers that are kept once more, in other ids, for containers
	// that have ids of their own; they go a week after the last of those.
	Shifted int64 `json:"shifted"`
	Free    int64 `json:"free"` // of the disk
}

// ImageUsage is what one image takes: its layers, unpacked and as fetched, and
// its documents.
type ImageUsage struct {
	ID         string    `json:"id"`
	Names      []string  `json:"names"`
	Created    time.Time `json:"created,omitzero"`
	Size       int64     `json:"size"`       // Shared and Unique
	Shared     int64     `json:"shared"`     // also other images'
	Unique     int64     `json:"unique"`     // what removing it alone gives back
	Containers int       `json:"containers"` // made from it
}

// ContainerUsage is what one container takes.
type ContainerUsage struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Image string `json:"image"`
	State State  `json:"state"`
	Size  int64  `json:"size"` // of its writable layer
	Log   int64  `json:"log"`
}

// CheckSpec is what to check.
type CheckSpec struct {
	Ref    string `json:"ref,omitempty"` // an image; "": all
	Repair bool   `json:"repair,omitempty"`
}

// CheckedImage is what CheckImages found of one image.
type CheckedImage struct {
	ID      string   `json:"id"`      // of the manifest, where the config cannot be read
	Name    string   `json:"name"`    // the first; "": none
	Bytes   int64    `json:"bytes"`   // that were read
	Damaged []Damage `json:"damaged"` // empty: it is as it should be
	// Repaired tells that nothing of that is damaged any more; Error why it is.
	Repaired bool   `json:"repaired"`
	Fetched  int64  `json:"fetched"` // bytes, to repair it
	Error    *Error `json:"error,omitempty"`
}

// Damage is one damaged part.
type Damage struct {
	Part   string `json:"part"`   // "manifest", "config", "blob", "layer"
	Digest string `json:"digest"` // of a layer: its diff id
	What   string `json:"what"`   // "is missing", "has other bytes", "/bin/sh is missing"
}
