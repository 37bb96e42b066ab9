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
		err = archive.WriteOCI(out, images, saved{s})
	case api.SaveDocker, "":
		err = archive.WriteDocker(out, images, saved{s})
	default:
		return api.Errorf(api.KindInvalid, "%q is not an archive format; there are %s and %s", format, api.SaveDocker, api.SaveOCI)
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
	if idRef.MatchString(ref) {
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
type saved struct{ s *Store }

func (a saved) Packed(d manifest.Descriptor) (io.ReadCloser, error) {
	return a.s.stored(context.Background(), d, 0)
}

func (a saved) Plain(d manifest.Descriptor, diff string) (io.ReadCloser, int64, error) {
	size, err := a.tarSize(d, diff)
	if err != nil {
		return nil, 0, err
	}
	f, err := a.Packed(d)
	if err != nil {
		return nil, 0, err
	}
	z, _, err := unpack.Decompress(f)
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return both{z, f}, size, nil
}

// tarSize is known from when the layer was unpacked; else it is counted.
func (a saved) tarSize(d manifest.Descriptor, diff string) (int64, error) {
	if n := a.s.layers.Info(manifest.Hex(diff)).Tar; n > 0 {
		return n, nil
	}
	f, err := a.Packed(d)
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
