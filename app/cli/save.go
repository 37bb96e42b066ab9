package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"davit/backend/api"
)

// SaveOptions are save's.
type SaveOptions struct {
	Output string
	Format string
}

func newSaveCommand() *command {
	var o SaveOptions
	c := &command{
		name: "save", args: "[OPTIONS] IMAGE [IMAGE...]", group: "Images",
		short: "Write images into an archive", least: 1, most: anyNumber,
	}
	f := c.set()
	f.StringVarP(&o.Output, "output", "o", "", "The file to write (default: the standard output)")
	f.StringVar(&o.Format, "format", string(api.SaveDocker), "docker-archive, oci-archive or, with --output, oci-dir")
	c.run = func(ctx context.Context, e *env, args []string) error { return runSave(ctx, e, o, args) }
	return c
}

func runSave(ctx context.Context, e *env, o SaveOptions, refs []string) error {
	format := api.SaveFormat(o.Format)
	switch {
	case format == api.SaveOCIDir && o.Output != "":
		return saveDir(ctx, e, o.Output, refs)
	case format == api.SaveOCIDir:
		return invalid("--format %s wants --output, a directory", format)
	case format != api.SaveDocker && format != api.SaveOCI:
		return invalid("--format %q: want %s, %s or %s", o.Format, api.SaveDocker, api.SaveOCI, api.SaveOCIDir)
	}
	if _, ok := terminal(e.out); ok && o.Output == "" {
		return api.Errorf(api.KindInvalid, "an archive is not written to a terminal").
			WithHint("name a file: davit save -o app.tar %s", refs[0])
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error { return s.Save(ctx, refs, format, w) }
	if o.Output == "" {
		return write(e.out)
	}
	return writeWhole(o.Output, write)
}

// saveDir writes an OCI layout as a directory, which only the engine can do.
func saveDir(ctx context.Context, e *env, output string, refs []string) error {
	path, err := filepath.Abs(output)
	if err != nil {
		return api.Errorf(api.KindInvalid, "write: %w", err)
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	op, err := s.SaveTo(ctx, api.SaveSpec{Refs: refs, Format: api.SaveOCIDir, Path: path})
	if err != nil {
		return err
	}
	_, err = follow(ctx, e, s, op, noProgress{})
	return err
}

// writeWhole writes a file that is there completely or not at all. What is no
// regular file (/dev/null, a pipe) is written in place.
func writeWhole(name string, write func(io.Writer) error) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return api.Errorf(api.KindInvalid, "write: %w", err)
		}
		defer f.Close()
		return write(f)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if os.IsNotExist(err) {
		return api.Errorf(api.KindInvalid, "write %s: there is no directory %s", name, filepath.Dir(name)).WithHint("Make it first (mkdir -p).")
	}
	if err != nil {
		return api.Errorf(api.KindInvalid, "write %s: %w", name, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
