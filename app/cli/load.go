package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"davit/backend/api"
)

// LoadOptions are load's.
type LoadOptions struct {
	Input  string
	Quiet  bool
	Sample bool
	JSON   bool
}

func newLoadCommand() *command {
	var o LoadOptions
	c := &command{
		name: "load", args: "[OPTIONS]", group: "Images",
		short: "Add images from an archive",
		long:  "Reads what docker save, podman save and skopeo write: docker archives, OCI archives (both also\ncompressed) and OCI directories.",
	}
	f := c.set()
	f.StringVarP(&o.Input, "input", "i", "", "The file or directory (default: the standard input)")
	f.BoolVarP(&o.Quiet, "quiet", "q", false, "Print nothing on the way")
	f.BoolVar(&o.Sample, "sample", false, "Add the image that is built into Davit")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON array of the images")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runLoad(ctx, e, o) }
	return c
}

func runLoad(ctx context.Context, e *env, o LoadOptions) error {
	if _, ok := terminal(e.in); ok && o.Input == "" && !o.Sample {
		return api.Errorf(api.KindInvalid, "there is no archive on the standard input").
			WithHint("name a file: davit load -i app.tar")
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	images, err := load(ctx, e, s, o)
	if err != nil {
		return err
	}
	if o.JSON {
		return writeJSON(e.out, listOf(images))
	}
	for _, im := range images {
		for _, name := range im.Names {
			fmt.Fprintf(e.out, "Loaded image: %s\n", cleanLine(name))
		}
		if len(im.Names) == 0 {
			fmt.Fprintf(e.out, "Loaded image ID: %s\n", im.ID)
		}
	}
	return nil
}

func load(ctx context.Context, e *env, s api.Service, o LoadOptions) ([]api.Image, error) {
	if o.Sample {
		im, err := s.LoadSample(ctx)
		return []api.Image{im}, err
	}
	if o.Input == "" {
		r, err := s.Load(ctx, e.in)
		return r.Images, err
	}
	path, err := filepath.Abs(o.Input)
	if err != nil {
		return nil, fmt.Errorf("path %s: %w", o.Input, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, api.Errorf(api.KindNotFound, "load: %w", err)
	}
	if info.Mode().IsRegular() || info.IsDir() {
		r, err := s.LoadPath(ctx, path)
		return r.Images, err
	}
	// A pipe, such as <(…) in a shell, exists for this process only.
	f, err := os.Open(path)
	if err != nil {
		return nil, api.Errorf(api.KindInvalid, "load: %w", err)
	}
	defer f.Close()
	r, err := s.Load(ctx, f)
	return r.Images, err
}
