// Package manifest reads the JSON documents of images: indexes, manifests and
// configs, from registries and archives that may be hostile. What it lets
// through has digests that are digests, sizes that are sizes, a bounded number
// of layers and one reading only.
//
// It is pure: bytes in, values or an *api.Error of KindCorrupt out.
package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"davit/backend/api"
	"davit/backend/image/name"
)

// Media types that are understood.
const (
	TypeManifest = "application/vnd.oci.image.manifest.v1+json"
	TypeIndex    = "application/vnd.oci.image.index.v1+json"
	TypeConfig   = "application/vnd.oci.image.config.v1+json"
	TypeLayer    = "application/vnd.oci.image.layer.v1.tar"

	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
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
	Signatures    json.RawMessage   `json:"signatures,omitempty"` // docker schema 1
	FSLayers      json.RawMessage   `json:"fsLayers,omitempty"`   // docker schema 1
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
	var m Manifest
	if err := decode(b, &m); err != nil {
		return nil, corrupt("the manifest cannot be read: %w", err)
	}
	if m.FSLayers != nil || m.SchemaVersion == 1 {
		return nil, corrupt("the image is in docker's old format (schema 1), which is no longer supported").
			WithHint("Ask its publisher to push it again with a current tool.")
	}
	if m.SchemaVersion != 2 {
		return nil, corrupt("the manifest is not an image manifest (schema version %d)", m.SchemaVersion)
	}
	if err := m.checkKind(mediaType); err != nil {
		return nil, err
	}
	if m.Index() {
		return &m, m.checkIndex()
	}
	return &m, m.checkImage()
}

// checkKind refuses documents that two readers could read as two things
// (CVE-2021-41190).
func (m *Manifest) checkKind(pointer string) error {
	image, index := m.Config != nil || m.Layers != nil, m.Manifests != nil
	switch {
	case image && index:
		return corrupt("the manifest is ambiguous: it has both layers and manifests")
	case !image && !index:
		return corrupt("the manifest has neither layers nor manifests")
	}
	for _, t := range []string{pointer, m.MediaType} {
		if isIndex(t) && image || isManifest(t) && index {
			return corrupt("the manifest is not what its media type %q says", t)
		}
	}
	if m.MediaType != "" && !isIndex(m.MediaType) && !isManifest(m.MediaType) {
		return corrupt("the manifest's media type is %q, which is no image", m.MediaType)
	}
	return nil
}

func isIndex(t string) bool    { return t == TypeIndex || t == dockerList }
func isManifest(t string) bool { return t == TypeManifest || t == dockerManifest }

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
	if t := m.Config.MediaType; t != TypeConfig && t != dockerConfig && t != "" {
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

func corrupt(format string, args ...any) *api.Error {
	return api.Errorf(api.KindCorrupt, format, args...)
}
