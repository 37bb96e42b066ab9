package api

import "time"

// Image is a row in a list of images.
type Image struct {
	ID           string            `json:"id"`          // digest of the config: sha256:…
	Names        []string          `json:"names"`       // full names with tag; empty: dangling
	Digest       string            `json:"digest"`      // of the manifest
	RepoDigests  []string          `json:"repoDigests"` // name@digest it was pulled by
	Created      time.Time         `json:"created,omitzero"`
	Size         int64             `json:"size"`         // bytes unpacked, shared layers counted
	DownloadSize int64             `json:"downloadSize"` // bytes compressed
	Platform     string            `json:"platform"`     // linux/amd64
	Labels       map[string]string `json:"labels"`
	Containers   int               `json:"containers"` // made from it
	Origin       string            `json:"origin"`     // a sentence: "pulled from docker.io", "loaded from app.tar", "built into Davit"
}

// ImageDetail is all about one image.
type ImageDetail struct {
	Image
	Config  ImageConfig  `json:"config"`
	Layers  []Layer      `json:"layers"`  // bottom first
	History []HistoryRow `json:"history"` // oldest first
	UsedBy  []string     `json:"usedBy"`  // container names
	Author  string       `json:"author,omitempty"`
}

// ImageConfig is what the image says of how to run it.
type ImageConfig struct {
	User         string            `json:"user"`
	ExposedPorts []string          `json:"exposedPorts"` // "80/tcp", sorted
	Env          []string          `json:"env"`
	Entrypoint   []string          `json:"entrypoint"`
	Cmd          []string          `json:"cmd"`
	Volumes      []string          `json:"volumes"`
	WorkingDir   string            `json:"workingDir"`
	Labels       map[string]string `json:"labels"`
	StopSignal   string            `json:"stopSignal"`
	// HealthCheck is nil where the image says none.
	HealthCheck *HealthCheck `json:"healthCheck,omitempty"`
}

// Layer is one layer of an image.
type Layer struct {
	Digest    string `json:"digest"`   // of the blob
	DiffID    string `json:"diffID"`   // of the tar
	Size      int64  `json:"size"`     // blob, bytes
	Unpacked  int64  `json:"unpacked"` // bytes on disk
	MediaType string `json:"mediaType"`
	CreatedBy string `json:"createdBy"`      // the command that made it
	Here      bool   `json:"here,omitempty"` // it is unpacked on this machine
}

// HistoryRow is one row of an image's history.
type HistoryRow struct {
	Created    time.Time `json:"created,omitzero"`
	CreatedBy  string    `json:"createdBy"`
	Comment    string    `json:"comment,omitempty"`
	EmptyLayer bool      `json:"emptyLayer,omitempty"`
	Size       int64     `json:"size"`
}

// ImageFilter chooses images.
type ImageFilter struct {
	Reference string              `json:"reference,omitempty"` // a ref, or a pattern with *
	Filters   map[string][]string `json:"filters,omitempty"`   // before, dangling, label, reference, since, until
	All       bool                `json:"all,omitempty"`
}

// ResolvedRef is what a ref stands for.
type ResolvedRef struct {
	Ref        string   `json:"ref"`
	Name       string   `json:"name"`       // the first candidate, complete
	Candidates []string `json:"candidates"` // all complete names to try, in order
	Local      string   `json:"local"`      // id of the local image that has it, or ""
	Why        string   `json:"why"`        // "alias in …", "docker.io is the default"
	// Ask tells that registries.conf wants a person to choose among Candidates;
	// to pull the short name answers KindConflict.
	Ask bool `json:"ask,omitempty"`
}

// AllPlatforms as a PullSpec's platform stands for every Linux platform that
// there is an image for. The host's, or the first where there is none, gets the
// name; the others have only their digests.
const AllPlatforms = "all"

// PullSpec is what to pull.
type PullSpec struct {
	Ref      string         `json:"ref"`
	Platform string         `json:"platform,omitempty"` // os/arch[/variant] or AllPlatforms; "": the host's
	Force    bool           `json:"force,omitempty"`    // ask the registry even where the name is present (docker's pull does); false: as pull
	Access   RegistryAccess `json:"access,omitzero"`
}

// LoadResult is what an archive brought.
type LoadResult struct {
	Images []Image `json:"images"`
}

// SaveFormat is an archive format.
type SaveFormat string

// The formats of Save.
const (
	SaveDocker SaveFormat = "docker-archive"
	SaveOCI    SaveFormat = "oci-archive"
	SaveOCIDir SaveFormat = "oci-dir" // a directory: only SaveTo
)

// RemoveImageOptions are how to remove an image.
type RemoveImageOptions struct {
	Force bool `json:"force,omitempty"`
	// Permanent keeps out of the trash what could not be pulled again.
	Permanent bool `json:"permanent,omitempty"`
}

// RemovedImage is what RemoveImage took away.
type RemovedImage struct {
	Untagged []string `json:"untagged"`
	Deleted  []string `json:"deleted"` // image id, then layers' diffIDs
	Freed    int64    `json:"freed"`   // bytes
	// InTrash tells that the image went to the trash, where it takes Trashed
	// bytes. RestoreImage undoes that.
	InTrash bool  `json:"inTrash,omitempty"`
	Trashed int64 `json:"trashed,omitempty"`
}

// Registry is a registry that Davit knows of.
type Registry struct {
	Host     string   `json:"host"`   // docker.io, localhost:5000
	Kind     string   `json:"kind"`   // "hub", "quay", "redhat", "artifacthub", "harbor", "zot", "v1", "catalogue", "none"
	Source   string   `json:"source"` // the file that names it, or "built in"
	Search   bool     `json:"search"` // asked when searching
	Insecure bool     `json:"insecure"`
	Blocked  bool     `json:"blocked"`
	Mirrors  []string `json:"mirrors"`
	User     string   `json:"user,omitempty"`   // logged in as
	UserIn   string   `json:"userIn,omitempty"` // where that is kept: a file, "Secret Service"
	Own      bool     `json:"own,omitempty"`    // Davit's own file has it; RemoveRegistry works
}

// SearchQuery is a search.
type SearchQuery struct {
	Term     string         `json:"term"`
	Registry string         `json:"registry,omitempty"` // "": all
	Limit    int            `json:"limit,omitempty"`    // per registry; 0: 25
	Official bool           `json:"official,omitempty"` // only official ones
	Access   RegistryAccess `json:"access,omitzero"`
}

// SearchPage is one registry's answer.
type SearchPage struct {
	Registry string         `json:"registry"`
	Results  []SearchResult `json:"results"`
	Error    *Error         `json:"error,omitempty"`
	More     bool           `json:"more,omitempty"` // there are more than the limit
}

// SearchResult is one repository.
type SearchResult struct {
	Name        string    `json:"name"` // complete: docker.io/library/nginx
	Description string    `json:"description"`
	Stars       int       `json:"stars"`
	Pulls       string    `json:"pulls,omitempty"` // "1B+"
	Official    bool      `json:"official"`
	Verified    bool      `json:"verified,omitempty"`
	Updated     time.Time `json:"updated,omitzero"`
}

// TagList is the tags of a repository.
type TagList struct {
	Repository string `json:"repository"`
	Tags       []Tag  `json:"tags"`
	More       bool   `json:"more,omitempty"`
}

// Tag is one tag.
type Tag struct {
	Name    string    `json:"name"`
	Size    int64     `json:"size,omitempty"` // for the host's platform; 0: not told
	Digest  string    `json:"digest,omitempty"`
	Updated time.Time `json:"updated,omitzero"`
	// Platforms are the images that the tag has, where the registry tells them.
	Platforms []TagPlatform `json:"platforms,omitempty"`
}

// Login is a user's credentials for a registry.
type Login struct {
	Registry string `json:"registry"`
	Username string `json:"username"`
	Password string `json:"password"`
	// TLSVerify is as in RegistryAccess, while the password is tried.
	TLSVerify *bool `json:"tlsVerify,omitempty"`
}
