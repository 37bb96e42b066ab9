package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"davit/backend/api"
)

// ImportOptions are import's.
type ImportOptions struct {
	Changes  []string
	Message  string
	Platform string
}

func newImportCommand() *command {
	var o ImportOptions
	c := &command{
		name: "import", args: "[OPTIONS] FILE|- [NAME[:TAG]]", group: "Images",
		short: "Make an image of a root file system's tar", least: 1, most: 2,
	}
	f := c.set()
	f.StringArrayVarP(&o.Changes, "change", "c", nil, "Apply a Dockerfile's `instruction` to the image")
	f.StringVarP(&o.Message, "message", "m", "", "A note for the image's history")
	f.StringVar(&o.Platform, "platform", "", "os/arch[/variant] that the files are for (default: the host's)")
	c.run = func(ctx context.Context, e *env, args []string) error {
		return runImport(ctx, e, o, args[0], append(args[1:], "")[0])
	}
	return c
}

func runImport(ctx context.Context, e *env, o ImportOptions, file, name string) error {
	spec := api.ImportSpec{Name: name, Changes: o.Changes, Message: o.Message, Platform: o.Platform, Origin: "the standard input"}
	from := e.in
	switch _, person := terminal(e.in); {
	case file == "-" && person:
		return api.Errorf(api.KindInvalid, "there is no tar on the standard input")
	case strings.HasPrefix(file, "http://"), strings.HasPrefix(file, "https://"):
		return api.Errorf(api.KindInvalid, "Davit does not fetch %s by itself", file).
			WithHint("curl -L %s | davit import - %s", file, name)
	case file != "-":
		f, err := os.Open(file)
		if err != nil {
			return api.Errorf(api.KindNotFound, "import: %w", err)
		}
		defer f.Close()
		from, spec.Origin = io.Reader(f), filepath.Base(file)
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	i, err := s.Import(ctx, spec, from)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, i.ID)
	return nil
}
