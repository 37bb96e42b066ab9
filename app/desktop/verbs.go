package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"davit/backend/api"
)

// Verbs are the short verbs of the API as bound methods. The page has them
// over the wire as well; here Wails learns the nouns, whose TypeScript it
// writes to frontend/wailsjs.
type Verbs struct {
	service api.Service
	desktop *desktop
}

// Containers lists containers.
func (v *Verbs) Containers(filter api.ContainerFilter) ([]api.Container, error) {
	return v.service.Containers(context.Background(), filter)
}

// Container tells everything about one container.
func (v *Verbs) Container(ref string) (api.ContainerDetail, error) {
	return v.service.Container(context.Background(), ref)
}

// Create makes a container.
func (v *Verbs) Create(spec api.RunSpec) (api.Created, error) {
	return v.service.Create(context.Background(), spec)
}

// Start starts a container.
func (v *Verbs) Start(ref string) error {
	return v.service.Start(context.Background(), ref)
}

// Stop stops a container.
func (v *Verbs) Stop(ref string, o api.StopOptions) error {
	return v.service.Stop(context.Background(), ref, o)
}

// Restart stops and starts a container.
func (v *Verbs) Restart(ref string, o api.StopOptions) error {
	return v.service.Restart(context.Background(), ref, o)
}

// Remove removes a container.
func (v *Verbs) Remove(ref string, o api.RemoveOptions) error {
	return v.service.Remove(context.Background(), ref, o)
}

// Images lists images.
func (v *Verbs) Images(filter api.ImageFilter) ([]api.Image, error) {
	return v.service.Images(context.Background(), filter)
}

// Image tells everything about one image.
func (v *Verbs) Image(ref string) (api.ImageDetail, error) {
	return v.service.Image(context.Background(), ref)
}

// ResolveImage tells which image a ref stands for.
func (v *Verbs) ResolveImage(ref string) (api.ResolvedRef, error) {
	return v.service.ResolveImage(context.Background(), ref)
}

// Pull starts fetching an image.
func (v *Verbs) Pull(spec api.PullSpec) (api.Operation, error) {
	return v.service.Pull(context.Background(), spec)
}

// LoadPath loads images from a file or directory.
func (v *Verbs) LoadPath(path string) (api.LoadResult, error) {
	return v.service.LoadPath(context.Background(), path)
}

// RemoveImage removes a name of an image, or the image.
func (v *Verbs) RemoveImage(ref string, o api.RemoveImageOptions) (api.RemovedImage, error) {
	return v.service.RemoveImage(context.Background(), ref, o)
}

// Registries lists registries.
func (v *Verbs) Registries() ([]api.Registry, error) {
	return v.service.Registries(context.Background())
}

// Tags lists a repository's tags.
func (v *Verbs) Tags(repository string) (api.TagList, error) {
	return v.service.Tags(context.Background(), repository, api.RegistryAccess{})
}

// Login keeps credentials for a registry.
func (v *Verbs) Login(l api.Login) error {
	return v.service.Login(context.Background(), l)
}

// Operations lists long work.
func (v *Verbs) Operations() ([]api.Operation, error) {
	return v.service.Operations(context.Background())
}

// Info tells about host, store and versions.
func (v *Verbs) Info() (api.Info, error) {
	return v.service.Info(context.Background())
}

// Doctor checks the host.
func (v *Verbs) Doctor() ([]api.Check, error) {
	return v.service.Doctor(context.Background())
}

// SaveImages writes images as one archive to path, as PickSave returned it.
func (v *Verbs) SaveImages(refs []string, format api.SaveFormat, path string) error {
	return saveTo(path, func(w io.Writer) error { return v.service.Save(context.Background(), refs, format, w) })
}

// SaveLog writes the lines of a log that q asks for, each with its time, to
// path, as PickSave returned it.
func (v *Verbs) SaveLog(ref string, q api.LogQuery, path string) error {
	return saveTo(path, func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 64<<10)
		err := v.service.Logs(context.Background(), ref, q, func(l api.LogLine) error {
			if l.Container != "" {
				l.Text = l.Container + " | " + l.Text
			}
			if !l.Partial {
				l.Text += "\n"
			}
			_, err := fmt.Fprintf(out, "%s %s", l.Time.Format(time.RFC3339Nano), l.Text)
			return err
		})
		return errors.Join(err, out.Flush())
	})
}

// SaveFile writes a file of a container or volume, a directory as an archive,
// to path, as PickSave returned it.
func (v *Verbs) SaveFile(at api.FilePath, dir bool, path string) error {
	return saveTo(path, func(w io.Writer) error {
		if dir {
			return v.service.GetArchive(context.Background(), api.ArchiveQuery{At: at}, w)
		}
		return v.service.ReadFile(context.Background(), api.ReadQuery{At: at}, w)
	})
}

// SaveFiles writes some of the files in a directory as one archive to path, as
// PickSave returned it.
func (v *Verbs) SaveFiles(at api.FilePath, only []api.RawPath, path string) error {
	q := api.ArchiveQuery{At: at, Only: plain(only)}
	return saveTo(path, func(w io.Writer) error { return v.service.GetArchive(context.Background(), q, w) })
}

// saveTo makes a file that is whole or not there.
func saveTo(path string, write func(io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(path)
		}
	}()
	return write(f)
}
