package api

import (
	"context"
	"io"
	"time"
)

// Volumes are the verbs on volumes: directories that outlive containers. A
// volume's ref is its name.
type Volumes interface {
	// Volumes lists volumes by name.
	Volumes(ctx context.Context, f VolumeFilter) ([]Volume, error)
	// Volume tells one, with its size.
	Volume(ctx context.Context, ref string) (Volume, error)
	// CreateVolume makes a volume; one that is there already is answered as it is.
	CreateVolume(ctx context.Context, spec VolumeSpec) (Volume, error)
	// RemoveVolume deletes a volume; KindConflict while a container uses it,
	// whatever o.Force, which makes a missing one no error, as docker's does.
	RemoveVolume(ctx context.Context, ref string, o RemoveOptions) error
	// PruneVolumes removes volumes that no container uses.
	PruneVolumes(ctx context.Context, spec VolumePrune) (PrunedVolumes, error)
	// CloneVolume makes a volume with the content that another one has.
	CloneVolume(ctx context.Context, ref string, spec VolumeSpec) (Volume, error)
	// EmptyVolume deletes all that is in a volume; KindConflict while a
	// container that uses it runs.
	EmptyVolume(ctx context.Context, ref string) (Volume, error)
	// ExportVolume writes the content as a tar archive.
	ExportVolume(ctx context.Context, ref string, w io.Writer) error
	// ImportVolume adds the content of a tar archive, plain or compressed by
	// gzip or zstd.
	ImportVolume(ctx context.Context, ref string, r io.Reader) (Volume, error)
}

// VolumeSpec is what a person asks for.
type VolumeSpec struct {
	Name   string            `json:"name,omitempty"` // "": 64 hex digits
	Labels map[string]string `json:"labels,omitempty"`
}

// Volume is a row in a list of volumes.
type Volume struct {
	Name       string            `json:"name"`
	Driver     string            `json:"driver"` // "local"
	Created    time.Time         `json:"created"`
	Labels     map[string]string `json:"labels"`
	Anonymous  bool              `json:"anonymous,omitempty"` // made for a container without a name given
	Mountpoint string            `json:"mountpoint"`          // where its files are
	UsedBy     []VolumeUse       `json:"usedBy"`
	Size       *int64            `json:"size,omitempty"` // bytes of its files, where it was asked for
	Files      *int              `json:"files,omitempty"`
}

// VolumeUse is a container that has a volume.
type VolumeUse struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Running  bool   `json:"running"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly,omitempty"`
}

// VolumeFilter chooses volumes.
type VolumeFilter struct {
	Filters map[string][]string `json:"filters,omitempty"` // docker's: name, label, dangling, driver
	Sizes   bool                `json:"sizes,omitempty"`   // add up their files
}

// VolumePrune is which unused volumes to remove.
type VolumePrune struct {
	All     bool                `json:"all,omitempty"`     // those with a name, too
	Filters map[string][]string `json:"filters,omitempty"` // label, label!
	DryRun  bool                `json:"dryRun,omitempty"`  // remove nothing
}

// PrunedVolumes is what PruneVolumes removed, or would.
type PrunedVolumes struct {
	Volumes []PrunedVolume `json:"volumes"`
	Freed   int64          `json:"freed"` // bytes
}

// PrunedVolume is a volume that goes.
type PrunedVolume struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
}

// Secrets are the verbs on secrets: values that are given to containers and
// told to nobody. A secret's ref is its name or id.
type Secrets interface {
	// Secrets lists secrets by name.
	Secrets(ctx context.Context) ([]Secret, error)
	// Secret tells one; never its value.
	Secret(ctx context.Context, ref string) (Secret, error)
	// CreateSecret keeps what r gives, at most 512,000 bytes. A name that is
	// taken answers KindConflict unless spec.Replace.
	CreateSecret(ctx context.Context, spec SecretSpec, r io.Reader) (Secret, error)
	// RemoveSecret forgets one; containers that were made with it keep it.
	RemoveSecret(ctx context.Context, ref string) error
}

// SecretSpec is what a person asks for.
type SecretSpec struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels,omitempty"`
	Replace bool              `json:"replace,omitempty"`
}

// Secret is a row in a list of secrets.
type Secret struct {
	ID      string            `json:"id"` // 25 hex digits, as docker's are as long
	Name    string            `json:"name"`
	Created time.Time         `json:"created"`
	Updated time.Time         `json:"updated"`
	Labels  map[string]string `json:"labels"`
	Size    int               `json:"size"`   // bytes
	UsedBy  []string          `json:"usedBy"` // names of containers
}
