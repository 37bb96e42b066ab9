package image

import (
	"context"
	"fmt"
	"io"

	"davit/backend/api"
	"davit/backend/image/archive"
	"davit/backend/image/manifest"
	"davit/backend/image/unpack"
)

// Save writes the images at refs as one archive. An image that is asked for
// by name has that name in it, one by id all that it has. Nothing is written
// before all of them are found.
func (s *Store) Save(ctx context.Context, refs []string, format api.SaveFormat, w io.Writer) error {
	if len(refs) == 0 {
		return api.Errorf(api.KindInvalid, "no image is named")
	}
	images, err := s.chosen(refs)
	if err != nil {
		return err
	}
	out := &writer{ctx, w}
	switch format {
	case api.SaveOCI:
		if images, err = s.portable(images); err == nil {
			err = archive.WriteOCI(out, images, saved{s, ctx})
		}
	case api.SaveDocker, "":
		err = archive.WriteDocker(out, images, saved{s, ctx})
	default:
		return noFormat(format)
	}
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	return nil
}

// chosen gives each image once, with all the names that it was asked for by.
func (s *Store) chosen(refs []string) ([]archive.Out, error) {
	var out []archive.Out
	at := map[string]int{}
	for _, ref := range refs {
		g, found, err := s.find(ref)
		if err != nil {
			return nil, err
		}
		if !s.whole(g.doc) {
			return nil, api.Errorf(api.KindCorrupt, "parts of the image %s are missing", ref).WithRef(ref).WithHint("Pull it again.")
		}
		i, ok := at[g.doc.id]
		if !ok {
			o, err := s.out(g)
			if err != nil {
				return nil, err
			}
			i = len(out)
			at[g.doc.id] = i
			out = append(out, o)
		}
		out[i].Names = g.addNames(out[i].Names, ref, found)
	}
	return out, nil
}

func (g *group) addNames(have []string, ref, found string) []string {
	add := []string{found}
	if idRef().MatchString(ref) {
		add = nil
		for _, e := range g.entries {
			add = append(add, e.Name)
		}
	}
	seen := map[string]bool{"": true}
	for _, n := range have {
		seen[n] = true
	}
	for _, e := range g.entries {
		for _, n := range add {
			if n == e.Name && !seen[n] {
				have, seen[n] = append(have, n), true
			}
		}
	}
	return have
}

func (s *Store) out(g *group) (archive.Out, error) {
	raw, err := s.layout.Read(g.entries[0].Descriptor.Digest, manifest.MaxManifest)
	if err != nil {
		return archive.Out{}, err
	}
	config, err := s.layout.Read(g.doc.id, manifest.MaxConfig)
	return archive.Out{Raw: raw, Manifest: g.doc.manifest, Config: config, Parsed: g.doc.config}, err
}

// saved gives layers of the store to an archive.
type saved struct {
	s   *Store
	ctx context.Context
}

// Packed implements archive.Blobs. A blob that is not here is the tar of its
// layer: portable has seen to that.
func (a saved) Packed(d manifest.Descriptor) (io.ReadCloser, error) {
	return a.s.openBlob(a.ctx, kept{d, d.Digest, manifest.Hex(d.Digest)})
}

// Plain implements archive.Blobs.
func (a saved) Plain(d manifest.Descriptor, diff string) (io.ReadCloser, int64, error) {
	k := kept{d, diff, manifest.Hex(diff)}
	size, err := a.tarSize(k)
	if err != nil {
		return nil, 0, err
	}
	r, err := a.s.tar(a.ctx, k)
	return r, size, err
}

// plainOf decompresses a blob; closing it closes both.
func plainOf(f io.ReadCloser) (io.ReadCloser, error) {
	z, _, err := unpack.Decompress(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return both{z, f}, nil
}

// tarSize is known from when the layer was unpacked; else it is counted.
func (a saved) tarSize(k kept) (int64, error) {
	if n := a.s.layers.Info(k.key).Tar; n > 0 {
		return n, nil
	}
	f, err := a.Packed(k.d)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	z, _, err := unpack.Decompress(f)
	if err != nil {
		return 0, err
	}
	defer z.Close()
	return io.Copy(io.Discard, z)
}

type both struct {
	io.ReadCloser
	under io.Closer
}

func (b both) Close() error {
	b.ReadCloser.Close()
	return b.under.Close()
}

// writer ends with its context.
type writer struct {
	ctx context.Context
	w   io.Writer
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}
