package main

import (
	"context"
	"fmt"
	"strings"

	"davit/backend/api"
)

func newImageImportFromCommand() *command {
	var o struct{ All, JSON bool }
	c := &command{
		name: "import-from", args: "[OPTIONS] [podman|docker [IMAGE...]]", group: "Images", most: anyNumber,
		short: "Copy images out of podman's or docker's store on this machine",
		long:  "Nothing is downloaded, and nothing of that store is changed. Without an image the store's are listed;\nwithout a store, the stores.",
	}
	c.set().BoolVarP(&o.All, "all", "a", false, "Copy all images of the store")
	c.set().BoolVar(&o.JSON, "json", false, "Print JSON")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		if len(args) == 0 || len(args) == 1 && !o.All {
			return listOtherStores(ctx, e, s, append(args, "")[0], o.JSON)
		}
		op, err := s.ImportFrom(ctx, api.ImportFromSpec{Store: args[0], Refs: args[1:]})
		if err != nil {
			return err
		}
		if op, err = follow(ctx, e, s, op, noProgress{}); err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, op)
		}
		for _, step := range op.Steps {
			fmt.Fprintf(e.out, "Imported: %s\n", cleanLine(step.Title))
		}
		return nil
	}
	return c
}

type otherRow struct{ Store, Image, ID, Size, Created, Here string }

var otherTable = table[otherRow]{
	titles: otherRow{"STORE", "IMAGE", "IMAGE ID", "SIZE", "CREATED", "HERE"},
	layout: `{{.Store}}\t{{.Image}}\t{{.ID}}\t{{.Size}}\t{{.Created}}\t{{.Here}}`,
}

func listOtherStores(ctx context.Context, e *env, s api.Service, only string, asJSON bool) error {
	all, err := s.OtherStores(ctx)
	if err != nil {
		return err
	}
	chosen := []api.OtherStore{}
	for _, o := range all {
		if only == "" || o.Kind == only {
			chosen = append(chosen, o)
		}
	}
	if asJSON {
		return writeJSON(e.out, chosen)
	}
	if only != "" && len(chosen) == 0 {
		return api.Errorf(api.KindNotFound, "there is no store of %q on this machine", only).WithRef(only)
	}
	var rows []otherRow
	for _, o := range chosen {
		if !o.Readable {
			say(e, api.Errorf(api.KindDenied, "%s's images in %s cannot be read: %s", o.Kind, o.Where, o.Why).WithHint("%s", o.Hint))
		}
		for _, i := range o.Images {
			r := otherRow{o.Kind, cleanLine(strings.Join(i.Names, ", ")), shortID(i.ID), humanSize(i.Size), ago(e.now(), i.Created), ""}
			if i.Here {
				r.Here = "yes"
			}
			rows = append(rows, r)
		}
	}
	return otherTable.write(e.out, ListOptions{}, rows)
}
