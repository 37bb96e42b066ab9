package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// synthetic makes an image with that many layers and entries in all, which
// pack to about so many bytes: text and noise that gzip makes a third of, as
// it does of a distribution's files.
func synthetic(layers, entries int, packed int64) (v1.Image, error) {
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}, Config: v1.Config{Cmd: []string{"/bin/sh"}}})
	if err != nil {
		return nil, err
	}
	for n := range layers {
		path := filepath.Join(os.TempDir(), fmt.Sprintf("bench-layer-%d-%d.tar", os.Getpid(), n))
		if err := writeLayer(path, n, entries/layers, 3*packed/int64(layers)); err != nil {
			return nil, err
		}
		defer os.Remove(path)
		l, err := tarball.LayerFromFile(path, tarball.WithCompressedCaching, tarball.WithCompressionLevel(6))
		if err != nil {
			return nil, err
		}
		if _, err := l.Digest(); err != nil { // packs it, before the file goes
			return nil, err
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			return nil, err
		}
	}
	return img, nil
}

// writeLayer writes the tar of one layer: directories of a hundred files, of
// sizes as a distribution has them.
func writeLayer(path string, n, entries int, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := tar.NewWriter(f)
	random := rand.New(rand.NewPCG(uint64(n), 7))
	for i := range entries {
		dir := fmt.Sprintf("usr/share/layer%d/%03d", n, i/100)
		h := &tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: time.Unix(1700000000, 0)}
		var body []byte
		if i%100 > 0 {
			body = content(random, min(64<<20, size/int64(entries)*int64(1+random.ExpFloat64()*2)/2))
			h = &tar.Header{Name: fmt.Sprintf("%s/file%05d", dir, i), Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body)), ModTime: time.Unix(1700000000, 0)}
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(w, bytes.NewReader(body)); err != nil {
			return err
		}
	}
	return w.Close()
}

// content is a third noise and two thirds of words.
func content(random *rand.Rand, size int64) []byte {
	b := make([]byte, 0, size+64)
	for int64(len(b)) < size {
		if random.IntN(3) == 0 {
			for range 8 {
				v := random.Uint64()
				b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
			}
			continue
		}
		for range 16 {
			b = append(b, vocabulary[random.IntN(len(vocabulary))]...)
		}
	}
	return b[:size]
}

var vocabulary = []string{"the ", "library ", "of ", "a ", "function ", "return ", "install ", "version ", "0x00 ", "license "}

// thousand loads an archive with a thousand images and times their list.
func (b *bench) thousand(ctx context.Context) error {
	archive := filepath.Join(b.home.Dir, "thousand.tar")
	if err := writeThousand(archive); err != nil {
		return err
	}
	if _, err := b.tools[0].run(ctx, "load", "-q", "-i", archive); err != nil {
		return err
	}
	for range b.rounds {
		began := time.Now()
		if _, err := b.tools[0].run(ctx, "images", "-q"); err != nil {
			return err
		}
		b.time(figure{"list 1,000 images", []limit{{Most: 100}}}, ours, time.Since(began))
	}
	return nil
}

// writeThousand writes an archive with images that share their layer and
// differ in their config.
func writeThousand(path string) error {
	layer, err := busyboxLayer()
	if err != nil {
		return err
	}
	all := map[name.Tag]v1.Image{}
	for n := range 1000 {
		c := v1.Config{Cmd: []string{"/bin/sh"}, Labels: map[string]string{"number": strconv.Itoa(n)}}
		img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}, Config: c})
		if err != nil {
			return err
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			return err
		}
		tag, err := name.NewTag(fmt.Sprintf("localhost/thousand/image%d:1", n))
		if err != nil {
			return err
		}
		all[tag] = img
	}
	return tarball.MultiWriteToFile(path, all)
}
