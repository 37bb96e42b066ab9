package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"davit/backend/api"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
	"davit/backend/image/unpack"
)

// Image is an image in an archive.
type Image struct {
	Names    []string // complete
	Raw      []byte   // the manifest
	Manifest *manifest.Manifest
	Config   []byte
	Parsed   *manifest.Config
	files    map[string]string // by digest of the blob: its name in the archive
}

// Open opens the blob of one of the image's layers.
func (i Image) Open(f Files, d manifest.Descriptor) (io.ReadCloser, error) {
	n := i.files[d.Digest]
	if n == "" {
		n = blobName(d.Digest)
	}
	r, size, err := f.Open(n)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corrupt("the archive does not have %s", d.Digest)
	}
	if err != nil {
		return nil, err
	}
	if size != d.Size {
		r.Close()
		return nil, corrupt("%s has %d bytes in the archive, not the %d that it should have", d.Digest, size, d.Size)
	}
	return r, nil
}

func blobName(digest string) string { return "blobs/sha256/" + manifest.Hex(digest) }

// Options are how to read an archive.
type Options struct {
	Platform manifest.Platform // to choose where there are several
	Path     string            // of the archive, to name images by; may be ""
}

// Images gives the images of an archive. Where it is both a docker and an OCI
// archive, as docker writes since version 25, the OCI part is read.
func Images(f Files, o Options) ([]Image, error) {
	_, err := read(f, "oci-layout", 1<<20)
	if err == nil {
		return ociImages(f, o)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	b, err := read(f, "manifest.json", manifest.MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corrupt("this is no image: there is neither manifest.json (docker) nor oci-layout (OCI) in it").
			WithHint("An archive of a file system alone is not an image.")
	}
	if err != nil {
		return nil, err
	}
	return dockerImages(f, b)
}

// ociImages reads an OCI layout.
func ociImages(f Files, o Options) ([]Image, error) {
	var mark struct {
		Version string `json:"imageLayoutVersion"`
	}
	b, err := read(f, "oci-layout", 1<<20)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &mark); err != nil || !strings.HasPrefix(mark.Version, "1.") {
		return nil, corrupt("the OCI layout has version %s, which is not known", quote(mark.Version))
	}
	b, err = read(f, "index.json", manifest.MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corrupt("the OCI layout has no index.json")
	}
	if err != nil {
		return nil, err
	}
	x, err := manifest.Parse(b, "")
	if err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	if !x.Index() {
		return nil, corrupt("index.json is not an index")
	}
	return choose(f, x, o)
}

// choose takes, for each name, the image for our platform.
func choose(f Files, x *manifest.Manifest, o Options) ([]Image, error) {
	var out []Image
	var order []string
	groups := map[string]*manifest.Manifest{}
	for _, d := range x.Manifests {
		n := ociName(d, o.Path)
		g := groups[n]
		if g == nil {
			g = &manifest.Manifest{}
			groups[n] = g
			order = append(order, n)
		}
		g.Manifests = append(g.Manifests, d)
	}
	if len(order) == 0 {
		return nil, corrupt("there is no image in it")
	}
	for _, n := range order {
		i, err := descend(f, groups[n], o.Platform)
		if err != nil {
			return nil, err
		}
		if n != "" {
			i.Names = []string{n}
		}
		out = append(out, i)
	}
	return out, nil
}

// maxNesting bounds indexes in indexes.
const maxNesting = 4

func descend(f Files, x *manifest.Manifest, p manifest.Platform) (Image, error) {
	for range maxNesting {
		d, err := manifest.Choose(x, p)
		if err != nil {
			return Image{}, err
		}
		b, err := blob(f, d, manifest.MaxManifest)
		if err != nil {
			return Image{}, err
		}
		m, err := manifest.Parse(b, d.MediaType)
		if err != nil {
			return Image{}, fmt.Errorf("manifest %s: %w", d.Digest, err)
		}
		if m.Index() {
			x = m
			continue
		}
		return ociImage(f, b, m)
	}
	return Image{}, corrupt("its indexes are nested deeper than %d levels", maxNesting)
}

func ociImage(f Files, raw []byte, m *manifest.Manifest) (Image, error) {
	b, err := blob(f, *m.Config, manifest.MaxConfig)
	if err != nil {
		return Image{}, err
	}
	c, err := manifest.ParseConfig(b, m)
	if err != nil {
		return Image{}, err
	}
	return Image{Raw: raw, Manifest: m, Config: b, Parsed: c}, nil
}

// blob reads and verifies a small blob.
func blob(f Files, d manifest.Descriptor, limit int64) ([]byte, error) {
	b, err := read(f, blobName(d.Digest), limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corrupt("the archive does not have %s", d.Digest)
	}
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != d.Size || manifest.Digest(b) != d.Digest {
		return nil, corrupt("the blob %s is not what its name says", d.Digest)
	}
	return b, nil
}

// ociName gives the complete name of an entry of index.json, "" where it has
// none that can be one. containerd writes the whole name; the OCI's own
// annotation is often the tag alone.
func ociName(d manifest.Descriptor, archive string) string {
	if n, err := name.ParseDocker(d.Annotations["io.containerd.image.name"]); err == nil && n.Digest == "" {
		return n.String()
	}
	ref := d.Annotations["org.opencontainers.image.ref.name"]
	if ref == "" {
		return ""
	}
	if name.IsTag(ref) {
		if archive == "" {
			return ""
		}
		ref = "localhost/" + strings.ToLower(base(archive)) + ":" + ref
	}
	n, err := name.ParseDocker(ref)
	if err != nil || n.Digest != "" {
		return ""
	}
	return n.String()
}

// dockerEntry is an image in manifest.json.
type dockerEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func dockerImages(f Files, b []byte) ([]Image, error) {
	var list []dockerEntry
	if m, err := manifest.Parse(b, ""); err == nil && !m.Index() {
		return nil, api.Errorf(api.KindInvalid, "it is a directory of loose blobs, as skopeo's dir: and podman's docker-dir are, which only they read").
			WithHint("Make an OCI layout of it: skopeo copy dir:THERE oci:ANOTHER:latest")
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, corrupt("manifest.json cannot be read: %w", err)
	}
	if len(list) == 0 {
		return nil, corrupt("there is no image in it: manifest.json is empty")
	}
	if len(list) > 1000 {
		return nil, corrupt("it has %d images, more than the 1000 that are allowed", len(list))
	}
	var out []Image
	for _, e := range list {
		i, err := dockerImage(f, e)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// dockerImage makes an OCI manifest for an image of a docker archive. Its
// config, and with it the image's id, stays as it is.
func dockerImage(f Files, e dockerEntry) (Image, error) {
	config, err := read(f, e.Config, manifest.MaxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return Image{}, corrupt("the archive does not have the config %s", quote(e.Config))
	}
	if err != nil {
		return Image{}, err
	}
	c, err := manifest.ReadConfig(config)
	if err != nil {
		return Image{}, err
	}
	if len(c.RootFS.DiffIDs) != len(e.Layers) {
		return Image{}, corrupt("the config names %d layers, manifest.json %d", len(c.RootFS.DiffIDs), len(e.Layers))
	}
	i := Image{Config: config, Parsed: c, files: map[string]string{}}
	m := &manifest.Manifest{SchemaVersion: 2, MediaType: manifest.TypeManifest, Layers: []manifest.Descriptor{},
		Config: &manifest.Descriptor{MediaType: manifest.TypeConfig, Digest: manifest.Digest(config), Size: int64(len(config))}}
	for n, l := range e.Layers {
		d, err := dockerLayer(f, l, c.RootFS.DiffIDs[n])
		if err != nil {
			return Image{}, err
		}
		i.files[d.Digest] = l
		m.Layers = append(m.Layers, d)
	}
	i.Manifest = m
	if i.Raw, err = manifest.Encode(m); err != nil {
		return Image{}, err
	}
	for _, t := range e.RepoTags {
		if n, err := name.ParseDocker(t); err == nil && n.Digest == "" {
			i.Names = append(i.Names, n.String())
		}
	}
	return i, nil
}

// dockerLayer finds a layer's digest: that of the tar, which the config
// tells, or, where the layer is packed, that of its bytes.
func dockerLayer(f Files, file, diff string) (manifest.Descriptor, error) {
	r, size, err := f.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return manifest.Descriptor{}, corrupt("the archive does not have the layer %s", quote(file))
	}
	if err != nil {
		return manifest.Descriptor{}, err
	}
	defer r.Close()
	head := make([]byte, 6)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return manifest.Descriptor{}, err
	}
	kind, err := unpack.Sniff(head[:n])
	if err != nil {
		return manifest.Descriptor{}, api.Errorf(api.KindCorrupt, "layer %s: %w", quote(file), err)
	}
	d := manifest.Descriptor{MediaType: manifest.TypeLayer, Digest: diff, Size: size}
	if kind == unpack.Plain {
		return d, nil
	}
	d.MediaType += "+" + string(kind)
	h := sha256.New()
	h.Write(head[:n])
	if _, err := io.Copy(h, r); err != nil {
		return d, fmt.Errorf("read layer %s: %w", quote(file), err)
	}
	d.Digest = "sha256:" + hex.EncodeToString(h.Sum(nil))
	return d, nil
}
