package api

import (
	"context"
	"io"
)

// Inside are the verbs that look into images.
type Inside interface {
	// ImageFiles lists files of an image as q asks.
	ImageFiles(ctx context.Context, q FileQuery) (FileList, error)
	// ImageFile writes the content of one file of an image to w.
	ImageFile(ctx context.Context, f FileRef, w io.Writer) error
	// LayerChanges lists what one layer of an image adds, changes and removes.
	LayerChanges(ctx context.Context, ref string, layer int) ([]Change, error)
	// Waste tells which bytes of an image nobody sees.
	Waste(ctx context.Context, ref string) (Waste, error)
	// CompareImages tells what is different in b from a.
	CompareImages(ctx context.Context, a, b string) (Comparison, error)
	// PreviewImage tells everything about an image at its registry that its
	// manifest and config say. Its first RepoDigest is a ref for FetchLayer
	// and, for layers that are here, ImageFiles, ImageFile and LayerChanges.
	PreviewImage(ctx context.Context, spec PreviewSpec) (ImageDetail, error)
	// FetchLayer starts bringing one layer, counted from 1, of an image that
	// was previewed. A later pull does not fetch it again; what is not pulled
	// goes with the next removal of an image.
	FetchLayer(ctx context.Context, ref string, layer int) (Operation, error)
	// ImageTree tells which image stands on which, those with fewer layers first.
	ImageTree(ctx context.Context) ([]TreeNode, error)
}

// PreviewSpec is an image at its registry.
type PreviewSpec struct {
	Ref      string `json:"ref"`
	Platform string `json:"platform,omitempty"` // os/arch[/variant]; "": the host's
}

// TreeNode is an image among those that it shares layers with.
type TreeNode struct {
	ID     string   `json:"id"`
	Names  []string `json:"names"`
	Parent string   `json:"parent,omitempty"` // id of the image with most of its layers, and no others
	Layers int      `json:"layers"`
	Shared int      `json:"shared"` // layers that other images have, too
	Size   int64    `json:"size"`   // unpacked bytes of the layers that the parent has not
}
