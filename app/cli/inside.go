package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/sync/errgroup"

	"davit/backend/api"
)

func newImageFilesCommand() *command {
	var q api.FileQuery
	var o struct{ JSON, Long bool }
	c := &command{
		name: "files", args: "[OPTIONS] IMAGE [PATH]", group: "Images", least: 1, most: 2,
		short: "List the files in an image, of all layers or of one",
	}
	f := c.set()
	f.IntVar(&q.Layer, "layer", 0, "Of one layer only, counted from 1")
	f.BoolVarP(&q.Deep, "recursive", "r", false, "Also what is in directories")
	f.StringVar(&q.Match, "match", "", "Only paths with this `part`, or that fit a pattern with * and ?")
	f.IntVar(&q.Limit, "limit", 0, "At most that many (default: 10,000)")
	f.BoolVarP(&o.Long, "long", "l", false, "With mode, owner, size, date and layer")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		q.Ref, q.Path = args[0], append(args[1:], "")[0]
		list, err := s.ImageFiles(ctx, q)
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, list)
		}
		if list.More {
			fmt.Fprintf(e.err, "davit: only the first %d are shown\n", len(list.Files))
		}
		return printFiles(e, list.Files, o.Long)
	}
	return c
}

type fileRow struct{ Mode, Owner, Size, Date, Layer, Path string }

var fileTable = table[fileRow]{
	titles: fileRow{"MODE", "OWNER", "SIZE", "DATE", "LAYER", "PATH"},
	layout: `{{.Mode}}\t{{.Owner}}\t{{.Size}}\t{{.Date}}\t{{.Layer}}\t{{.Path}}`,
}

func printFiles(e *env, files []api.File, long bool) error {
	rows := make([]fileRow, 0, len(files))
	for _, f := range files {
		p := cleanLine(f.Path)
		if !long {
			fmt.Fprintln(e.out, p)
			continue
		}
		if f.Link != "" {
			p += " -> " + cleanLine(f.Link)
		}
		rows = append(rows, fileRow{f.Mode, fmt.Sprintf("%d:%d", f.UID, f.GID), strconv.FormatInt(f.Size, 10), f.Modified.Local().Format("2006-01-02 15:04"), strconv.Itoa(f.Layer), p})
	}
	if !long {
		return nil
	}
	return fileTable.write(e.out, ListOptions{}, rows)
}

func newImageCatCommand() *command {
	var f api.FileRef
	var output string
	c := &command{name: "cat", args: "[OPTIONS] IMAGE PATH", group: "Images", least: 2, most: 2, short: "Print a file of an image"}
	c.set().IntVar(&f.Layer, "layer", 0, "As one layer has it, counted from 1")
	c.set().StringVarP(&output, "output", "o", "", "Write it to a file")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		f.Ref, f.Path = args[0], args[1]
		write := func(w io.Writer) error { return s.ImageFile(ctx, f, w) }
		if output != "" {
			return writeWhole(output, write)
		}
		if _, person := terminal(e.out); person {
			return write(&cleaning{e.out})
		}
		return write(e.out)
	}
	return c
}

// cleaning keeps a file's control characters from a terminal.
type cleaning struct{ w io.Writer }

func (c *cleaning) Write(p []byte) (int, error) {
	_, err := io.WriteString(c.w, cleanText(string(p)))
	return len(p), err
}

// dive is all that inspecting the layers of an image brings.
type dive struct {
	Image  string
	Layers []divedLayer
	Waste  api.Waste
}

type divedLayer struct {
	api.Layer
	Changes []api.Change
}

func newImageDiveCommand() *command {
	var o struct{ JSON, Files bool }
	c := &command{
		name: "dive", args: "[OPTIONS] IMAGE", group: "Images", least: 1, most: 1,
		short: "Show what each layer of an image does, and what is wasted",
	}
	c.set().BoolVar(&o.Files, "files", false, "List each layer's files")
	c.set().BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		d, err := diveInto(ctx, s, args[0])
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, d)
		}
		return printDive(e, d, o.Files)
	}
	return c
}

func diveInto(ctx context.Context, s api.Service, ref string) (dive, error) {
	i, err := s.Image(ctx, ref)
	if err != nil {
		return dive{}, err
	}
	d := dive{Image: i.ID, Layers: make([]divedLayer, len(i.Layers))}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(divers)
	g.Go(func() (err error) {
		d.Waste, err = s.Waste(gctx, i.ID)
		return err
	})
	for n, l := range i.Layers {
		g.Go(func() error {
			changes, err := s.LayerChanges(gctx, i.ID, n+1)
			d.Layers[n] = divedLayer{l, listOf(changes)}
			return err
		})
	}
	return d, g.Wait()
}

// divers is how many layers are looked into at once: an image may have 127.
const divers = 4

func printDive(e *env, d dive, files bool) error {
	for n, l := range d.Layers {
		count := map[string]int{}
		for _, c := range l.Changes {
			count[c.Kind]++
		}
		fmt.Fprintf(e.out, "%3d  %s  %8s  +%d ~%d -%d  %s\n", n+1, shortID(l.DiffID), humanSize(l.Unpacked),
			count[api.ChangeAdded], count[api.ChangeModified], count[api.ChangeDeleted], ellipsis(cleanLine(l.CreatedBy), 60))
		if files {
			if err := writeChanges(e.out, l.Changes); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(e.out, "\nefficiency %.1f %%, wasted %s of %s\n", 100*d.Waste.Efficiency, humanSize(d.Waste.Wasted), humanSize(d.Waste.Total))
	for _, f := range d.Waste.Files[:min(10, len(d.Waste.Files))] {
		fmt.Fprintf(e.out, "%8s  %d×  %s\n", humanSize(f.Wasted), f.Times, cleanLine(f.Path))
	}
	return nil
}

func newImageDiffCommand() *command {
	var o struct{ JSON bool }
	c := &command{name: "diff", args: "IMAGE IMAGE", group: "Images", least: 2, most: 2, short: "Show what is different in the second image"}
	c.set().BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		d, err := s.CompareImages(ctx, args[0], args[1])
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, d)
		}
		for _, f := range d.Config {
			fmt.Fprintf(e.out, "%s: %s → %s\n", cleanLine(f.Field), cleanLine(f.A), cleanLine(f.B))
		}
		fmt.Fprintf(e.out, "%d layers in common\n", d.Shared)
		return writeChanges(e.out, d.Changes)
	}
	return c
}
