package archive

import (
	"archive/tar"
	"fmt"
	"io"
	"time"

	"davit/backend/image/manifest"
)

// Out is an image to be written.
type Out struct {
	Names    []string
	Raw      []byte // the manifest
	Manifest *manifest.Manifest
	Config   []byte
	Parsed   *manifest.Config
}

// Blobs gives the content of layers.
type Blobs interface {
	// Packed opens a layer's blob as it is.
	Packed(d manifest.Descriptor) (io.ReadCloser, error)
	// Plain opens a layer's tar, with its size.
	Plain(d manifest.Descriptor, diff string) (io.ReadCloser, int64, error)
}

// writer writes files once each.
type writer struct {
	t    *tar.Writer
	have map[string]bool
}

func newWriter(w io.Writer) *writer { return &writer{tar.NewWriter(w), map[string]bool{}} }

func (w *writer) file(name string, size int64, r io.Reader) error {
	w.have[name] = true
	err := w.t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	n, err := io.Copy(w.t, r)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if n != size {
		return corrupt("%s has %d bytes, not the %d that it should have", name, n, size)
	}
	return nil
}

func (w *writer) document(name string, v any) error {
	b, err := manifest.Encode(v)
	if err != nil {
		return err
	}
	return w.bytes(name, b)
}

func (w *writer) bytes(name string, b []byte) error {
	if w.have[name] {
		return nil
	}
	w.have[name] = true
	err := w.t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(b)), Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
	if err == nil {
		_, err = w.t.Write(b)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// WriteOCI writes an OCI archive: layers as they are, so that digests stay.
func WriteOCI(to io.Writer, images []Out, blobs Blobs) error {
	w := newWriter(to)
	if err := w.document("oci-layout", map[string]string{"imageLayoutVersion": "1.0.0"}); err != nil {
		return err
	}
	index := manifest.Manifest{SchemaVersion: 2, MediaType: manifest.TypeIndex, Manifests: []manifest.Descriptor{}}
	for _, i := range images {
		if err := w.ociImage(i, blobs); err != nil {
			return err
		}
		index.Manifests = append(index.Manifests, i.descriptors()...)
	}
	if err := w.document("index.json", index); err != nil {
		return err
	}
	return w.t.Close()
}

// descriptors gives one entry of index.json for each name.
func (i Out) descriptors() []manifest.Descriptor {
	p := i.Parsed.Platform()
	d := manifest.Descriptor{MediaType: i.Manifest.MediaType, Digest: manifest.Digest(i.Raw), Size: int64(len(i.Raw)), Platform: &p}
	if d.MediaType == "" {
		d.MediaType = manifest.TypeManifest
	}
	var out []manifest.Descriptor
	for _, n := range i.Names {
		d.Annotations = map[string]string{"org.opencontainers.image.ref.name": n, "io.containerd.image.name": n}
		out = append(out, d)
	}
	if len(out) == 0 {
		out = append(out, d)
	}
	return out
}

func (w *writer) ociImage(i Out, blobs Blobs) error {
	for _, l := range i.Manifest.Layers {
		if w.have[blobName(l.Digest)] {
			continue
		}
		r, err := blobs.Packed(l)
		if err != nil {
			return err
		}
		err = w.file(blobName(l.Digest), l.Size, r)
		r.Close()
		if err != nil {
			return err
		}
	}
	if err := w.bytes(blobName(i.Manifest.Config.Digest), i.Config); err != nil {
		return err
	}
	return w.bytes(blobName(manifest.Digest(i.Raw)), i.Raw)
}

// WriteDocker writes a docker archive: plain layer tars, which every docker
// and podman reads.
func WriteDocker(to io.Writer, images []Out, blobs Blobs) error {
	w := newWriter(to)
	var list []dockerEntry
	for _, i := range images {
		e := dockerEntry{Config: manifest.Hex(i.Manifest.Config.Digest) + ".json", RepoTags: i.Names, Layers: []string{}}
		for n, l := range i.Manifest.Layers {
			diff := i.Parsed.RootFS.DiffIDs[n]
			file := manifest.Hex(diff) + "/layer.tar"
			if err := w.dockerLayer(file, l, diff, blobs); err != nil {
				return err
			}
			e.Layers = append(e.Layers, file)
		}
		if err := w.bytes(e.Config, i.Config); err != nil {
			return err
		}
		list = append(list, e)
	}
	if err := w.document("manifest.json", list); err != nil {
		return err
	}
	return w.t.Close()
}

func (w *writer) dockerLayer(file string, l manifest.Descriptor, diff string, blobs Blobs) error {
	if w.have[file] {
		return nil
	}
	r, size, err := blobs.Plain(l, diff)
	if err != nil {
		return err
	}
	defer r.Close()
	return w.file(file, size, r)
}
