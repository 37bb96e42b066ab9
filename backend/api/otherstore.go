package api

import (
	"context"
	"time"
)

// Stores are the verbs on the stores of other engines on this machine.
type Stores interface {
	// OtherStores tells what podman and docker have here. One that is there
	// and cannot be read says why, and what to do.
	OtherStores(ctx context.Context) ([]OtherStore, error)
	// ImportFrom starts copying images out of such a store. Nothing is
	// downloaded, and nothing of the store is changed.
	ImportFrom(ctx context.Context, spec ImportFromSpec) (Operation, error)
}

// OtherStore is the image store of another engine.
type OtherStore struct {
	Kind     string       `json:"kind"`  // "podman", "docker"
	Where    string       `json:"where"` // a directory or a socket
	Readable bool         `json:"readable"`
	Why      string       `json:"why,omitempty"` // it is not, in words
	Hint     string       `json:"hint,omitempty"`
	Images   []OtherImage `json:"images"`
}

// OtherImage is an image of another store.
type OtherImage struct {
	ID      string    `json:"id"`
	Names   []string  `json:"names"`
	Size    int64     `json:"size"` // bytes
	Created time.Time `json:"created,omitzero"`
	Here    bool      `json:"here"` // Davit has it, too
}

// ImportFromSpec is what to copy.
type ImportFromSpec struct {
	Store string   `json:"store"` // an OtherStore's Kind
	Refs  []string `json:"refs"`  // names or ids in that store; none: all
}
