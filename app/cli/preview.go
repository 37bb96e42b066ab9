package main

import (
	"context"
	"fmt"

	"davit/backend/api"
)

func newImagePreviewCommand() *command {
	var o struct {
		JSON     bool
		Platform string
		Layer    int
	}
	c := &command{
		name: "preview", args: "[OPTIONS] NAME[:TAG|@DIGEST]", group: "Images", least: 1, most: 1,
		short: "Look at an image at its registry without pulling it",
		long:  "With --layer that one layer is fetched, and what it does is listed; a later pull does not fetch it again.",
	}
	f := c.set()
	f.StringVar(&o.Platform, "platform", "", "os/arch[/variant]")
	f.IntVar(&o.Layer, "layer", 0, "Fetch this layer, counted from 1, and list its files")
	f.BoolVar(&o.JSON, "json", false, "Print JSON")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		d, err := s.PreviewImage(ctx, api.PreviewSpec{Ref: args[0], Platform: o.Platform})
		if err != nil {
			return err
		}
		if o.Layer > 0 {
			return previewLayer(ctx, e, s, d, o.Layer, o.JSON)
		}
		if o.JSON {
			return writeJSON(e.out, d)
		}
		return printPreview(e, d)
	}
	return c
}

func previewLayer(ctx context.Context, e *env, s api.Service, d api.ImageDetail, layer int, asJSON bool) error {
	op, err := s.FetchLayer(ctx, d.RepoDigests[0], layer)
	if err != nil {
		return err
	}
	if _, err = follow(ctx, e, s, op, noProgress{}); err != nil {
		return err
	}
	changes, err := s.LayerChanges(ctx, d.RepoDigests[0], layer)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(e.out, listOf(changes))
	}
	return writeChanges(e.out, changes)
}

func printPreview(e *env, d api.ImageDetail) error {
	fmt.Fprintf(e.out, "%s\n%s  %s  %s to download\n", cleanLine(d.Names[0]), d.Digest, d.Platform, humanSize(d.DownloadSize))
	for n, l := range d.Layers {
		here := ""
		if l.Here {
			here = "  (here)"
		}
		fmt.Fprintf(e.out, "%3d  %s  %8s  %s%s\n", n+1, shortID(l.Digest), humanSize(l.Size), ellipsis(cleanLine(l.CreatedBy), 70), here)
	}
	return nil
}
