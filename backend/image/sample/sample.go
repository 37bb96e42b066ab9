// Package sample holds the image that is built into Davit: one static web
// server of ours (app/sample), so that a first container needs no registry
// and no network. The image's documents are made here, always the same ones
// for the same server.
//
// The server is compiled before davit is, from the project's root, by
//
//	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o backend/image/sample/built/server ./app/sample
//	gzip -9nf backend/image/sample/built/server
//
// A davit that was built without this says so when the image is asked for.
//
// It is pure: the engine writes what it gives into the store.
package sample

import (
	"archive/tar"
	"bytes"
	"embed"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"davit/backend/api"
	"davit/backend/image/manifest"
)

//go:embed all:built
var built embed.FS

// Name is the image's complete name.
const Name = "davit.local/sample:latest"

// Origin is where it comes from, as people are told.
const Origin = "built into Davit"

// Image is the image in the form in which the store takes it.
type Image struct {
	Manifest, Config, Layer []byte // the layer is a plain tar
}

// epoch is the time of all files: the image does not depend on when it was built.
var epoch = time.Unix(0, 0).UTC()

// Make makes the image.
func Make() (Image, error) {
	server, err := unpacked()
	if err != nil {
		return Image{}, err
	}
	layer, err := layerOf(server)
	if err != nil {
		return Image{}, err
	}
	config, err := manifest.Encode(document{
		Created: epoch.Format(time.RFC3339), OS: "linux", Architecture: runtime.GOARCH,
		Config: run{
			Entrypoint: []string{"/server"}, Env: []string{"PATH=/", "PORT=8080"}, WorkingDir: "/",
			ExposedPorts: map[string]struct{}{"8080/tcp": {}},
			Labels:       map[string]string{"org.opencontainers.image.title": "sample", "org.opencontainers.image.description": "A small web server that shows where it runs"},
		},
		RootFS:  manifest.RootFS{Type: "layers", DiffIDs: []string{manifest.Digest(layer)}},
		History: []step{{Created: epoch.Format(time.RFC3339), CreatedBy: "go build ./app/sample"}},
	})
	if err != nil {
		return Image{}, err
	}
	m, err := manifest.Encode(manifest.Manifest{
		SchemaVersion: 2, MediaType: manifest.TypeManifest,
		Config: &manifest.Descriptor{MediaType: manifest.TypeConfig, Digest: manifest.Digest(config), Size: int64(len(config))},
		Layers: []manifest.Descriptor{{MediaType: manifest.TypeLayer, Digest: manifest.Digest(layer), Size: int64(len(layer))}},
	})
	return Image{m, config, layer}, err
}

// document is the config as image-spec writes it; empty things are left out.
type document struct {
	Created      string          `json:"created"`
	Architecture string          `json:"architecture"`
	OS           string          `json:"os"`
	Config       run             `json:"config"`
	RootFS       manifest.RootFS `json:"rootfs"`
	History      []step          `json:"history"`
}

type run struct {
	ExposedPorts map[string]struct{}
	Env          []string
	Entrypoint   []string
	WorkingDir   string
	Labels       map[string]string
}

type step struct {
	Created   string `json:"created"`
	CreatedBy string `json:"created_by"`
}

func unpacked() ([]byte, error) {
	f, err := built.Open("built/server.gz")
	if err != nil {
		return nil, api.Errorf(api.KindNotFound, "this davit was built without its sample image").
			WithHint("Build it with build/compile.")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func layerOf(server []byte) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(len(server) + 16<<10)
	w := tar.NewWriter(&b)
	for _, f := range []struct {
		name string
		mode int64
		body []byte
	}{
		{"etc/", 0o755, nil},
		{"etc/passwd", 0o644, []byte("root:x:0:0:root:/:/server\n")},
		{"etc/group", 0o644, []byte("root:x:0:\n")},
		{"tmp/", 0o1777, nil},
		{"server", 0o755, server},
	} {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.body)), ModTime: epoch, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.body); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// Open gives the layer as a stream.
func (i Image) Open() io.ReadCloser { return io.NopCloser(bytes.NewReader(i.Layer)) }
