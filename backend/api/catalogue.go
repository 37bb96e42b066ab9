package api

import (
	"context"
	"time"
)

// Catalogue are the verbs on what registries have, and on which there are.
type Catalogue interface {
	// Repository tells what its registry says of a repository: description,
	// README, tags with sizes for each platform. What a registry does not tell is empty.
	Repository(ctx context.Context, ref string) (Repository, error)
	// Manifest tells what a ref is at its registry, without fetching layers.
	Manifest(ctx context.Context, ref string, a RegistryAccess) (Manifest, error)
	// PullQuota asks Docker Hub how many pulls are left; asking takes none.
	PullQuota(ctx context.Context) (PullQuota, error)
	// SetRegistry adds a registry, or changes it, in Davit's own file among
	// podman's registries.conf.d. What other files say stays.
	SetRegistry(ctx context.Context, spec RegistrySpec) error
	// RemoveRegistry takes a registry out of Davit's own file; KindConflict
	// where another file names it, KindNotFound where none does.
	RemoveRegistry(ctx context.Context, host string) error
	// ProbeRegistry asks a registry whether it is there and how it can be
	// searched, whatever was known of it.
	ProbeRegistry(ctx context.Context, host string) (Registry, error)
	// RegistrySettings are what registries.conf says of short names.
	RegistrySettings(ctx context.Context) (RegistrySettings, error)
	// SetRegistrySettings writes them into Davit's own file, which wins.
	SetRegistrySettings(ctx context.Context, s RegistrySettings) error
}

// RegistrySettings are how short names are completed.
type RegistrySettings struct {
	// ShortNameMode is "enforcing" (ask a person where several registries may
	// be meant), "permissive" (ask where there is somebody to ask) or
	// "disabled" (try them in order).
	ShortNameMode string   `json:"shortNameMode"`
	Search        []string `json:"search"`            // the registries, in order
	OwnFile       string   `json:"ownFile,omitempty"` // where they are written
}

// Repository is a repository's page.
type Repository struct {
	Name        string    `json:"name"` // complete, without tag
	Description string    `json:"description"`
	Readme      string    `json:"readme"` // markdown, as the registry has it: foreign text
	Stars       int       `json:"stars"`
	Pulls       string    `json:"pulls,omitempty"`
	Updated     time.Time `json:"updated,omitzero"`
	Official    bool      `json:"official,omitempty"`
	Verified    bool      `json:"verified,omitempty"`
	Page        string    `json:"page,omitempty"` // its address on the web
	Tags        []Tag     `json:"tags"`
	More        bool      `json:"more,omitempty"` // there are more tags
	// LatestIs are the tags that stand for the same image as latest.
	LatestIs []string `json:"latestIs"`
}

// TagPlatform is an image of a tag.
type TagPlatform struct {
	Platform string `json:"platform"` // linux/arm64
	Digest   string `json:"digest,omitempty"`
	Size     int64  `json:"size,omitempty"` // compressed, bytes
}

// Manifest is what a registry has under a ref.
type Manifest struct {
	Name      string          `json:"name"` // complete, with tag or digest
	MediaType string          `json:"mediaType"`
	Digest    string          `json:"digest"`
	Size      int64           `json:"size"` // of the document, bytes
	Images    []ManifestImage `json:"images"`
	Raw       string          `json:"raw"` // the document
}

// ManifestImage is one image of a manifest list, or the only one there is.
type ManifestImage struct {
	Platform    string            `json:"platform"` // "" where nothing says so
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`             // of its manifest, bytes
	Layers      []Layer           `json:"layers,omitempty"` // of a single image
	Annotations map[string]string `json:"annotations,omitempty"`
	Attestation bool              `json:"attestation,omitempty"` // a record about an image, not one
}

// PullQuota is Docker Hub's.
type PullQuota struct {
	Limit     int    `json:"limit"`            // pulls in Window; 0: none is told
	Remaining int    `json:"remaining"`        // of them
	Window    int    `json:"window"`           // seconds
	Source    string `json:"source,omitempty"` // what is counted by: an address, an account
	User      string `json:"user,omitempty"`   // logged in as
}

// RegistrySpec is how a registry is used.
type RegistrySpec struct {
	Host     string   `json:"host"`
	Search   bool     `json:"search,omitempty"`   // short names and searches ask it, too
	Insecure bool     `json:"insecure,omitempty"` // plain HTTP and unknown certificates are fine
	Blocked  bool     `json:"blocked,omitempty"`
	Mirrors  []string `json:"mirrors,omitempty"` // asked first, in order
}

// FileQuery asks for files of an image.
type FileQuery struct {
	Ref string `json:"ref"`
	// Layer counts from 1, the lowest; 0 is all layers as a container sees them.
	Layer int    `json:"layer,omitempty"`
	Path  string `json:"path,omitempty"`  // list below it; "": "/"
	Deep  bool   `json:"deep,omitempty"`  // all below, not only its own entries
	Match string `json:"match,omitempty"` // a part of the path, or a pattern with * and ?
	Limit int    `json:"limit,omitempty"` // 0: 10,000
}

// FileList is the answer.
type FileList struct {
	Files []File `json:"files"`
	More  bool   `json:"more,omitempty"` // there are more than the limit
}

// File is an entry of an image's file system.
type File struct {
	Path     string    `json:"path"`
	Mode     string    `json:"mode"` // "-rwxr-xr-x"
	UID      int       `json:"uid"`
	GID      int       `json:"gid"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified,omitzero"`
	Link     string    `json:"link,omitempty"` // target of a symbolic link
	Dir      bool      `json:"dir,omitempty"`
	Layer    int       `json:"layer"` // that it is from, from 1
}

// FileRef is one file of an image.
type FileRef struct {
	Ref   string `json:"ref"`
	Layer int    `json:"layer,omitempty"` // as FileQuery's
	Path  string `json:"path"`
}

// Waste is what of an image nobody sees: files that a later layer replaces or
// removes.
type Waste struct {
	Total      int64        `json:"total"`  // bytes in all layers
	Wasted     int64        `json:"wasted"` // of them
	Efficiency float64      `json:"efficiency"`
	Files      []WastedFile `json:"files"` // the largest first, at most 1,000
}

// WastedFile is a path that is there more than once, or in vain.
type WastedFile struct {
	Path   string `json:"path"`
	Times  int    `json:"times"` // how often its bytes are there
	Wasted int64  `json:"wasted"`
}

// Comparison is what is different between two images.
type Comparison struct {
	Config  []ConfigChange `json:"config"`
	Shared  int            `json:"shared"`  // layers that both have at the bottom
	Changes []Change       `json:"changes"` // files, by path, at most 10,000
	More    bool           `json:"more,omitempty"`
}

// ConfigChange is one setting that differs.
type ConfigChange struct {
	Field string `json:"field"` // "cmd", "env PATH", …
	A     string `json:"a"`
	B     string `json:"b"`
}
