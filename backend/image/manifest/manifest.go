// Package manifest reads the JSON documents of images: indexes, manifests and
// configs, from registries and archives that may be hostile. What it lets
// through has digests that are digests, sizes that are sizes, a bounded number
// of layers and one reading only.
//
// The documents are go-containerregistry's (package v1), read after the bytes
// have been found to be bounded and to have one reading.
//
// It is pure: bytes in, values or an *api.Error of KindCorrupt out.
package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"davit/backend/api"
	"davit/backend/image/name"
)

// Media types that are understood.
const (
	TypeManifest = string(types.OCIManifestSchema1)
	TypeIndex    = string(types.OCIImageIndex)
	TypeConfig   = string(types.OCIConfigJSON)
	TypeLayer    = string(types.OCIUncompressedLayer)

	dockerManifest = string(types.DockerManifestSchema2)
	dockerList     = string(types.DockerManifestList)
)

// Accept is the Accept header for a manifest.
const Accept = TypeManifest + ", " + TypeIndex + ", " + dockerManifest + ", " + dockerList

// Bounds on what an image may bring.
const (
	MaxManifest = 4 << 20 // bytes; distribution's own limit
	MaxConfig   = 8 << 20 // bytes
	MaxLayers   = 500     // the kernel's OVL_MAX_STACK
	maxIndex    = 10000   // entries of an index
	maxLayer    = 1 << 42 // bytes of one blob: a size above is a mistake
)

// Descriptor points at a blob.
type Descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	URLs        []string          `json:"urls,omitempty"` // never fetched
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *Platform         `json:"platform,omitempty"`
}

// Manifest is an image manifest or an index; which one, Index tells.
type Manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	Config        *Descriptor       `json:"config,omitempty"`
	Layers        []Descriptor      `json:"layers,omitempty"`
	Manifests     []Descriptor      `json:"manifests,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// Index tells whether m lists manifests instead of being one.
func (m *Manifest) Index() bool { return m.Config == nil && m.Manifests != nil }

// Digest gives the digest of b.
func Digest(b []byte) string {
	h := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(h[:])
}

// Parse reads a manifest or an index. mediaType is what the pointer to it
// said, "" where nothing did.
func Parse(b []byte, mediaType string) (*Manifest, error) {
	if len(b) > MaxManifest {
		return nil, corrupt("the manifest has %d bytes, more than the %d that are allowed", len(b), MaxManifest)
	}
	var h head
	if err := decode(b, &h); err != nil {
		return nil, corrupt("the manifest cannot be read: %w", cut(err))
	}
	if h.FSLayers.there() || h.SchemaVersion == 1 || h.MediaType.IsSchema1() {
		return nil, corrupt("the image is in docker's old format (schema 1), which is no longer supported").
			WithHint("Ask its publisher to push it again with a current tool.")
	}
	if h.SchemaVersion != 2 {
		return nil, corrupt("the manifest is not an image manifest (schema version %d)", h.SchemaVersion)
	}
	if err := h.check(types.MediaType(mediaType)); err != nil {
		return nil, err
	}
	if h.Manifests.there() {
		return parseIndex(b)
	}
	return parseImage(b, h.Config.there())
}

func parseIndex(b []byte) (*Manifest, error) {
	x, err := v1.ParseIndexManifest(bytes.NewReader(b))
	if err != nil {
		return nil, corrupt("the index cannot be read: %w", cut(err))
	}
	m := &Manifest{SchemaVersion: int(x.SchemaVersion), MediaType: string(x.MediaType), Manifests: descriptors(x.Manifests), Annotations: x.Annotations}
	return m, m.checkIndex()
}

func parseImage(b []byte, config bool) (*Manifest, error) {
	i, err := v1.ParseManifest(bytes.NewReader(b))
	if err != nil {
		return nil, corrupt("the manifest cannot be read: %w", cut(err))
	}
	m := &Manifest{SchemaVersion: int(i.SchemaVersion), MediaType: string(i.MediaType), Layers: descriptors(i.Layers), Annotations: i.Annotations}
	if config {
		c := descriptor(i.Config)
		m.Config = &c
	}
	return m, m.checkImage()
}

// descriptor is v1's with the digest as the string that stores and logs know;
// where it is none, check says so.
func descriptor(d v1.Descriptor) Descriptor {
	out := Descriptor{MediaType: string(d.MediaType), Digest: d.Digest.String(), Size: d.Size, URLs: d.URLs, Annotations: d.Annotations}
	if p := d.Platform; p != nil {
		out.Platform = &Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, OSVersion: p.OSVersion}
	}
	return out
}

func descriptors(all []v1.Descriptor) []Descriptor {
	out := make([]Descriptor, len(all))
	for i, d := range all {
		out[i] = descriptor(d)
	}
	return out
}

// head is what tells the kinds of documents apart.
type head struct {
	SchemaVersion int64           `json:"schemaVersion"`
	MediaType     types.MediaType `json:"mediaType"`
	Config        member          `json:"config"`
	Layers        member          `json:"layers"`
	Manifests     member          `json:"manifests"`
	FSLayers      member          `json:"fsLayers"` // docker schema 1
}

// member is a member of a document that is not looked into yet.
type member json.RawMessage

// UnmarshalJSON keeps the bytes.
func (m *member) UnmarshalJSON(b []byte) error {
	*m = append((*m)[:0], b...)
	return nil
}

func (m member) there() bool { return len(m) > 0 && string(m) != "null" }

// check refuses documents that two readers could read as two things
// (CVE-2021-41190).
func (h head) check(pointer types.MediaType) error {
	image, index := h.Config.there() || h.Layers.there(), h.Manifests.there()
	switch {
	case image && index:
		return corrupt("the manifest is ambiguous: it has both layers and manifests")
	case !image && !index:
		return corrupt("the manifest has neither layers nor manifests")
	}
	for _, t := range []types.MediaType{pointer, h.MediaType} {
		if t.IsIndex() && image || t.IsImage() && index {
			return corrupt("the manifest is not what its media type %q says", t)
		}
	}
	if h.MediaType != "" && !h.MediaType.IsIndex() && !h.MediaType.IsImage() {
		return corrupt("the manifest's media type is %q, which is no image", shorten(string(h.MediaType)))
	}
	return nil
}

func isIndex(t string) bool    { return types.MediaType(t).IsIndex() }
func isManifest(t string) bool { return types.MediaType(t).IsImage() }

func (m *Manifest) checkIndex() error {
	if len(m.Manifests) > maxIndex {
		return corrupt("the index lists %d manifests, more than the %d that are allowed", len(m.Manifests), maxIndex)
	}
	for i := range m.Manifests {
		if err := m.Manifests[i].check("manifest"); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manifest) checkImage() error {
	if m.Config == nil {
		return corrupt("the manifest has no config")
	}
	if t := types.MediaType(m.Config.MediaType); !t.IsConfig() && t != "" {
		return corrupt("this is no container image: its config is %q", t)
	}
	if err := m.Config.check("config"); err != nil {
		return err
	}
	if m.Config.Size > MaxConfig {
		return corrupt("the config has %d bytes, more than the %d that are allowed", m.Config.Size, MaxConfig)
	}
	if len(m.Layers) > MaxLayers {
		return corrupt("the image has %d layers, more than the %d that the kernel can stack", len(m.Layers), MaxLayers)
	}
	for i := range m.Layers {
		l := &m.Layers[i]
		if err := l.check("layer"); err != nil {
			return err
		}
		if !isLayer(l.MediaType) {
			return corrupt("layer %s is %q, which is no file system layer", l.Digest, l.MediaType)
		}
	}
	return nil
}

// isLayer accepts the tar layers of OCI and docker, whatever their
// compression says: the bytes themselves tell it.
func isLayer(t string) bool {
	return strings.HasPrefix(t, "application/vnd.oci.image.layer.") && strings.Contains(t, ".tar") ||
		strings.HasPrefix(t, "application/vnd.docker.image.rootfs.") && strings.Contains(t, "diff.tar")
}

func (d *Descriptor) check(what string) error {
	if !name.IsDigest(d.Digest) {
		return corrupt("the digest of a %s is not sha256: and 64 hex digits: %q", what, shorten(d.Digest))
	}
	if d.Size < 0 || d.Size > maxLayer {
		return corrupt("the size of %s %s cannot be %d", what, d.Digest, d.Size)
	}
	return nil
}

// Hex gives the 64 digits of a digest that was checked.
func Hex(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// Encode writes a document as it is stored.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// cut keeps a foreign value in an error's text from filling the screen.
func cut(err error) error { return shortened{err} }

type shortened struct{ error }

func (s shortened) Error() string {
	if t := s.error.Error(); len(t) > 200 {
		return t[:200] + "…"
	}
	return s.error.Error()
}

func (s shortened) Unwrap() error { return s.error }

func corrupt(format string, args ...any) *api.Error {
	return api.Errorf(api.KindCorrupt, format, args...)
}
