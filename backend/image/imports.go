package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"davit/backend/api"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
	"davit/backend/image/unpack"
)

// made is a layer that was made here and lies in a file without a name.
type made struct {
	f       *os.File
	d       manifest.Descriptor
	diff    v1.Hash
	emptied bool // there is nothing in it
}

func (m *made) Close() error { return m.f.Close() }

// open gives the layer to ingest.
func (m *made) open(_ context.Context, d manifest.Descriptor, at int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(m.f, at, m.d.Size-at)), nil
}

// Import makes an image whose only layer is the tar that r gives, plain or
// compressed; it is kept as it is.
func (s *Store) Import(ctx context.Context, spec api.ImportSpec, r io.Reader) (api.Image, error) {
	names, err := named(spec.Name)
	if err != nil {
		return api.Image{}, err
	}
	want, err := s.wanted(spec.Platform)
	if err != nil {
		return api.Image{}, err
	}
	c := v1.ConfigFile{OS: want.OS, Architecture: want.Architecture, Variant: want.Variant, Created: v1.Time{Time: time.Now().UTC()}}
	if err := change(&c.Config, spec.Changes); err != nil {
		return api.Image{}, err
	}
	l, err := s.keepLayer(ctx, r)
	if err != nil {
		return api.Image{}, fmt.Errorf("import: %w", err)
	}
	defer l.Close()
	origin := spec.Origin
	if origin == "" {
		origin = "an archive"
	}
	c.RootFS = v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{l.diff}}
	c.History = []v1.History{{Created: c.Created, Comment: spec.Message, CreatedBy: "import from " + origin}}
	i, err := s.build(ctx, c, nil, l, names, "imported from "+origin)
	if err != nil {
		return api.Image{}, fmt.Errorf("import: %w", err)
	}
	return i, nil
}

// named reads the name that a new image is to have, as docker reads it.
func named(given string) ([]string, error) {
	if given == "" {
		return nil, nil
	}
	n, err := name.ParseDocker(given)
	if err == nil && n.Digest != "" {
		err = api.Errorf(api.KindInvalid, "%q has a digest, which nobody can give", given).WithRef(given)
	}
	return []string{n.String()}, err
}

// keepLayer keeps a tar as it comes and finds out its digests.
func (s *Store) keepLayer(ctx context.Context, r io.Reader) (*made, error) {
	f, err := s.layout.Temp()
	if err != nil {
		return nil, err
	}
	packed := &digester{w: f, h: sha256.New(), room: s.roomLeft}
	z, kind, err := unpack.Decompress(io.TeeReader(&reader{ctx, r}, packed))
	if err == nil {
		defer z.Close()
		plain := newDigester()
		if _, err = io.Copy(plain, z); err == nil {
			_, err = io.Copy(io.Discard, io.TeeReader(&reader{ctx, r}, packed)) // what is behind the compressed data
		}
		if err == nil && plain.n == 0 {
			err = api.Errorf(api.KindCorrupt, "there is nothing in it")
		}
		if err == nil {
			m := &made{f: f, diff: plain.hash(), d: manifest.Descriptor{MediaType: manifest.TypeLayer, Digest: packed.hash().String(), Size: packed.n}}
			if kind != unpack.Plain {
				m.d.MediaType += "+" + string(kind)
			}
			return m, notLayer(kind)
		}
	}
	f.Close()
	if api.KindOf(err) == api.KindInternal {
		err = api.Errorf(api.KindCorrupt, "it cannot be read: %w", err)
	}
	return nil, err
}

func notLayer(kind unpack.Compression) error {
	if kind == unpack.Bzip2 {
		return api.Errorf(api.KindCorrupt, "it is compressed with bzip2, which layers cannot be").WithHint("Pack it again with gzip or zstd.")
	}
	return nil
}

// digester writes, hashes and counts.
type digester struct {
	w        io.Writer
	h        hash.Hash
	n, since int64
	room     func() error
}

// newDigester hashes and keeps nothing.
func newDigester() *digester {
	return &digester{w: io.Discard, h: sha256.New(), room: func() error { return nil }}
}

func (d *digester) Write(p []byte) (int, error) {
	if d.since += int64(len(p)); d.since > 64<<20 {
		d.since = 0
		if err := d.room(); err != nil {
			return 0, err
		}
	}
	d.h.Write(p)
	d.n += int64(len(p))
	return d.w.Write(p)
}

func (d *digester) hash() v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(d.h.Sum(nil))}
}

// packLayer keeps the tar that write makes, compressed with gzip, which every
// registry and every engine takes.
func (s *Store) packLayer(write func(io.Writer) error) (*made, error) {
	f, err := s.layout.Temp()
	if err != nil {
		return nil, err
	}
	packed := &digester{w: f, h: sha256.New(), room: s.roomLeft}
	z, err := gzip.NewWriterLevel(packed, gzip.BestSpeed)
	if err != nil {
		f.Close()
		return nil, err
	}
	plain := &digester{w: z, h: sha256.New(), room: func() error { return nil }}
	if err = write(plain); err == nil {
		err = z.Close()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &made{f: f, diff: plain.hash(), emptied: plain.n <= 1024, d: manifest.Descriptor{
		MediaType: string(types.OCILayer), Digest: packed.hash().String(), Size: packed.n}}, nil
}

// build makes an image of a config, the layers below, which are there, and one
// that was made.
func (s *Store) build(ctx context.Context, c v1.ConfigFile, below []manifest.Descriptor, top *made, names []string, origin string) (api.Image, error) {
	config, err := manifest.Encode(c)
	if err != nil {
		return api.Image{}, err
	}
	m := &manifest.Manifest{SchemaVersion: 2, MediaType: manifest.TypeManifest, Layers: append([]manifest.Descriptor{}, below...),
		Config: &manifest.Descriptor{MediaType: manifest.TypeConfig, Digest: manifest.Digest(config), Size: int64(len(config))}}
	if top != nil {
		m.Layers = append(m.Layers, top.d)
	}
	for i := range m.Layers { // docker's types do not mix with the OCI's
		m.Layers[i].MediaType, m.Layers[i].URLs = manifest.OCILayer(m.Layers[i].MediaType), nil
	}
	raw, err := manifest.Encode(m)
	if err != nil {
		return api.Image{}, err
	}
	if m, err = manifest.Parse(raw, manifest.TypeManifest); err != nil {
		return api.Image{}, err
	}
	parsed, err := manifest.ParseConfig(config, m)
	if err != nil {
		return api.Image{}, err
	}
	in := incoming{raw: raw, config: config, doc: &document{m, parsed, m.Config.Digest}}
	in.open = func(ctx context.Context, d manifest.Descriptor, at int64) (io.ReadCloser, error) {
		if top != nil && d.Digest == top.d.Digest {
			return top.open(ctx, d, at)
		}
		return nil, api.Errorf(api.KindCorrupt, "layer %s is missing", d.Digest).WithHint("davit image check --repair")
	}
	return s.add(ctx, in, names, origin)
}
