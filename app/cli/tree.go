package main

import (
	"context"
	"fmt"
	"strings"

	"davit/backend/api"
)

func newImageTreeCommand() *command {
	var o struct{ NoTrunc bool }
	c := &command{
		name: "tree", args: "[OPTIONS] [IMAGE]", group: "Images", most: 1,
		short: "Show which images stand on which, and the layers they share",
	}
	c.set().BoolVar(&o.NoTrunc, "no-trunc", false, "Do not shorten anything")
	c.run = func(ctx context.Context, e *env, args []string) error {
		return runImageTree(ctx, e, o.NoTrunc, append(args, "")[0])
	}
	return c
}

// branch is a layer with what stands on it.
type branch struct {
	layer  api.Layer
	images []api.ImageDetail // that end here
	next   []*branch
}

func runImageTree(ctx context.Context, e *env, whole bool, only string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	list, err := s.Images(ctx, api.ImageFilter{All: true})
	if err != nil {
		return err
	}
	wanted := ""
	if only != "" {
		d, err := s.Image(ctx, only)
		if err != nil {
			return err
		}
		if len(d.Layers) > 0 {
			wanted = d.Layers[0].DiffID // its kin: all that begins with the same layer
		}
	}
	root := &branch{}
	for _, i := range list {
		d, err := s.Image(ctx, i.ID)
		if api.KindOf(err) == api.KindNotFound {
			continue // it went away meanwhile
		}
		if err != nil {
			return err
		}
		if only == "" || len(d.Layers) > 0 && d.Layers[0].DiffID == wanted {
			root.add(d, d.Layers)
		}
	}
	root.print(e, whole, "")
	return nil
}

func (b *branch) add(d api.ImageDetail, rest []api.Layer) {
	if len(rest) == 0 {
		b.images = append(b.images, d)
		return
	}
	for _, n := range b.next {
		if n.layer.DiffID == rest[0].DiffID {
			n.add(d, rest[1:])
			return
		}
	}
	n := &branch{layer: rest[0]}
	b.next = append(b.next, n)
	n.add(d, rest[1:])
}

func (b *branch) print(e *env, whole bool, indent string) {
	for i, n := range b.next {
		mark, below := "├─ ", "│  "
		if i == len(b.next)-1 {
			mark, below = "└─ ", "   "
		}
		id := n.layer.DiffID
		if !whole {
			id = shortID(id)
		}
		line := fmt.Sprintf("%s%s%s %s", indent, mark, id, humanSize(n.layer.Unpacked))
		for _, d := range n.images {
			name := shortID(d.ID)
			if len(d.Names) > 0 {
				name = strings.Join(d.Names, " ")
			}
			line += "  [" + cleanLine(name) + "]"
		}
		fmt.Fprintln(e.out, line)
		n.print(e, whole, indent+below)
	}
}
