package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
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

// With gives the image with another manifest of the same config, in the OCI's
// types: docker's do not mix with them.
func (i Out) With(m manifest.Manifest) (Out, error) {
	config := *m.Config
	config.MediaType = manifest.TypeConfig
	m.MediaType, m.Config = manifest.TypeManifest, &config
	for n := range m.Layers {
		m.Layers[n].MediaType, m.Layers[n].URLs = manifest.OCILayer(m.Layers[n].MediaType), nil
	}
	raw, err := manifest.Encode(m)
	i.Raw, i.Manifest = raw, &m
	return i, err
}

// Blobs gives the content of layers.
type Blobs interface {
	// Packed opens a layer's blob as it is.
	Packed(d manifest.Descriptor) (io.ReadCloser, error)
	// Plain opens a layer's tar, with its size.
	Plain(d manifest.Descriptor, diff string) (io.ReadCloser, int64, error)
}

// place is where files go: into a tar, or a directory.
type place interface {
	put(name string, size int64, r io.Reader) error
	end() error
}

// writer writes files once each.
type writer struct {
	to   place
	have map[string]bool
}

func newWriter(w io.Writer) *writer {
	return &writer{inTar{tar.NewWriter(w), map[string]bool{".": true}}, map[string]bool{}}
}

func (w *writer) file(name string, size int64, r io.Reader) error {
	w.have[name] = true
	if err := w.to.put(name, size, r); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// inTar writes into a tar. Directories come before what is in them: where
// skopeo has to make one by itself, it gives it to root, and only root may.
type inTar struct {
	t    *tar.Writer
	dirs map[string]bool // that are in it
}

func (p inTar) end() error { return p.t.Close() }

func (p inTar) dir(name string) error {
	if p.dirs[name] {
		return nil
	}
	if err := p.dir(path.Dir(name)); err != nil {
		return err
	}
	p.dirs[name] = true
	return p.t.WriteHeader(&tar.Header{Name: name + "/", Mode: 0o755, Typeflag: tar.TypeDir, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
}

func (p inTar) put(name string, size int64, r io.Reader) error {
	if err := p.dir(path.Dir(name)); err != nil {
		return err
	}
	err := p.t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
	if err != nil {
		return err
	}
	return copied(p.t, size, r)
}

func copied(w io.Writer, size int64, r io.Reader) error {
	n, err := io.Copy(w, r)
	if err == nil && n != size {
		err = corrupt("it has %d bytes, not the %d that it should have", n, size)
	}
	return err
}

// inDir writes into a directory, which is given its name when all is in it.
type inDir struct{ path string }

func (p inDir) end() error { return nil }

func (p inDir) put(name string, size int64, r io.Reader) error {
	at := filepath.Join(p.path, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	err = copied(f, size, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
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
	return w.file(name, int64(len(b)), bytes.NewReader(b))
}

// WriteOCI writes an OCI archive: layers as they are, so that digests stay.
func WriteOCI(to io.Writer, images []Out, blobs Blobs) error {
	return newWriter(to).oci(images, blobs)
}

// WriteOCIDir writes an OCI layout into an empty directory.
func WriteOCIDir(dir string, images []Out, blobs Blobs) error {
	return (&writer{inDir{dir}, map[string]bool{}}).oci(images, blobs)
}

func (w *writer) oci(images []Out, blobs Blobs) error {
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
	return w.to.end()
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
	return w.to.end()
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
