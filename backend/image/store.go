// Package image keeps images and gets them: it pulls from registries, loads
// and saves archives, unpacks layers, searches, and gives back the space of
// what no image needs.
//
// It runs in the engine, as root of the user namespace, in the host's network.
// Several engines may use the same store at once, and any of them may be
// killed at any time: index.json changes under a lock by rename, a layer gets
// its name when it is complete and verified, and a lease (which dies with its
// process) keeps what a pull has fetched so far from being collected.
//
// Its parts: name (what an image is called), manifest (documents), layout
// (the OCI layout and its locks), layers and unpack (directories for
// overlayfs), fetch (registries' protocol), registries (registries.conf),
// creds (log-ins), search, archive (load and save), sample (the image that is
// built in).
package image

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"davit/backend/image/creds"
	"davit/backend/image/fetch"
	"davit/backend/image/layers"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
	"davit/backend/image/registries"
	"davit/backend/image/unpack"
)

// ErrShutdown as the cause of a context's end (context.WithCancelCause) tells
// a pull that the program ends: what it has fetched is kept, to go on from.
// Any other end of the context is the person's wish, and takes it away.
var ErrShutdown = errors.New("the engine ends")

// Config is how to open a store. ImagesDir and LayersDir have to be given.
type Config struct {
	ImagesDir string // OCI layout
	LayersDir string // LayersDir/<64 hex>/
	Platform  string // os/arch[/variant]; "": the host's
	Log       *slog.Logger
	Jobs      int // layers at once; 0: 3

	Getenv     func(string) string // nil: os.Getenv; for the files of credentials and certificates
	Registries registries.Conf     // zero: the usual files
	Limits     unpack.Limits       // zero: the defaults
	Fetch      fetch.Config        // zero: the defaults; Credentials and CertDirs are set by Open
	// APIs maps "hub.docker.com", "index.docker.io" and "quay.io" to other
	// addresses, for tests.
	APIs map[string]string
}

// Store is an image store.
type Store struct {
	c        Config
	log      *slog.Logger
	layout   *layout.Dir
	layers   *layers.Dir
	platform manifest.Platform
	ids      unpack.IDs
	client   *fetch.Client
	creds    creds.Files

	mu    sync.Mutex
	known map[string]*document // by digest of the manifest; they never change
	kinds map[string]found     // how a host is searched, once found out; nil: not read yet
}

// Open opens the store and makes it where it is missing.
func Open(c Config) (*Store, error) {
	if c.Getenv == nil {
		c.Getenv = os.Getenv
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Jobs == 0 {
		c.Jobs = 3
	}
	s := &Store{c: c, log: c.Log, creds: creds.Find(c.Getenv), known: map[string]*document{}}
	var err error
	if s.platform, err = manifest.ParsePlatform(c.Platform); err != nil {
		return nil, err
	}
	if s.ids, err = unpack.ReadIDs(); err != nil {
		return nil, err
	}
	if s.layout, err = layout.Open(c.ImagesDir); err != nil {
		return nil, err
	}
	if s.layers, err = layers.Open(c.LayersDir); err != nil {
		return nil, err
	}
	c.Fetch.Log, c.Fetch.Credentials = c.Log, s.credential
	c.Fetch.CertDirs = append(c.Fetch.CertDirs, certDirs(c.Getenv)...)
	s.client = fetch.New(c.Fetch)
	return s, nil
}

// certDirs are podman's and docker's directories for certificates.
func certDirs(getenv func(string) string) []string {
	config := getenv("XDG_CONFIG_HOME")
	if config == "" {
		config = filepath.Join(getenv("HOME"), ".config")
	}
	return []string{filepath.Join(config, "containers/certs.d"), "/etc/containers/certs.d", "/etc/docker/certs.d"}
}

// Close ends connections. Work in progress is ended by its contexts.
func (s *Store) Close() error {
	s.client.Close()
	return nil
}

// cancelled tells whether the person ended ctx, as opposed to the program.
func cancelled(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), ErrShutdown)
}
