package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"text/template"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// InspectOptions are inspect's.
type InspectOptions struct {
	Format string
	Type   string
	JSON   bool
	Size   bool
}

func newInspectCommand() *command { return newInspectOf("") }

// newInspectOf is inspect, bound to one type of thing or free.
func newInspectOf(kind string) *command {
	o := InspectOptions{Type: kind}
	c := &command{
		name: "inspect", args: "[OPTIONS] NAME|ID [NAME|ID...]", group: "Containers",
		short: "Print everything about containers, images, networks and volumes, shaped as docker does", least: 1, most: anyNumber,
	}
	f := c.set()
	o.addFlags(f)
	f.BoolVarP(&o.Size, "size", "s", false, "Tell the sizes of a container's file system, too")
	if kind == "" {
		f.StringVar(&o.Type, "type", "", "container, image, network, volume or secret; else it is the first of these that has the name")
	}
	c.run = func(ctx context.Context, e *env, args []string) error { return runInspect(ctx, e, o, args) }
	return c
}

// addFlags adds the flags that every inspect has.
func (o *InspectOptions) addFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.Format, "format", "f", "", "Print by a Go template")
	f.BoolVar(&o.JSON, "json", false, "Print it in Davit's own shape")
}

// inspecting makes c the inspect of one type of thing.
func inspecting[T any](c *command, get func(s api.Service, ctx context.Context, ref string) (T, error), docker func(T) any) *command {
	var o InspectOptions
	o.addFlags(c.set())
	c.run = func(ctx context.Context, e *env, refs []string) error {
		one := inspectorOf(get, docker)
		return inspectEach(ctx, e, o, refs, func(s api.Service, ref string) (any, error) { return one(ctx, s, o, ref) })
	}
	return c
}

func runInspect(ctx context.Context, e *env, o InspectOptions, refs []string) error {
	if o.Type != "" && !slices.ContainsFunc(inspectors, func(i inspector) bool { return i.kind == o.Type }) {
		return invalid("--type %q: want container, image, network, volume or secret", o.Type)
	}
	return inspectEach(ctx, e, o, refs, func(s api.Service, ref string) (any, error) { return inspectOne(ctx, s, o, ref) })
}

// inspectEach prints what get tells of each ref, and says every error.
func inspectEach(ctx context.Context, e *env, o InspectOptions, refs []string, get func(s api.Service, ref string) (any, error)) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	var found []any
	failed := false
	for _, ref := range refs {
		v, err := get(s, ref)
		if err != nil {
			say(e, err)
			failed = true
			continue
		}
		found = append(found, v)
	}
	if err := printInspected(e, o, found); err != nil {
		return err
	}
	if failed {
		return exit(exitFailure)
	}
	return nil
}

// inspector is how one type of thing is found, in docker's shape or with
// --json in ours.
type inspector struct {
	kind string
	get  func(ctx context.Context, s api.Service, o InspectOptions, ref string) (any, error)
}

// inspectors are the types in the order in which docker asks for a name.
var inspectors = []inspector{
	{"container", func(ctx context.Context, s api.Service, o InspectOptions, ref string) (any, error) {
		d, err := s.Container(ctx, ref)
		switch {
		case err != nil || o.JSON:
			return d, err
		case o.Size:
			return sized(ctx, s, dockerContainer(d))
		}
		return dockerContainer(d), nil
	}},
	{"image", inspectorOf(api.Service.Image, func(d api.ImageDetail) any { return dockerImage(d) })},
	{"network", inspectorOf(api.Service.Network, func(d api.NetworkDetail) any { return dockerNetworkOf(d) })},
	{"volume", inspectorOf(api.Service.Volume, dockerVolume)},
	{"secret", inspectorOf(api.Service.Secret, dockerSecret)},
}

func inspectorOf[T any](get func(api.Service, context.Context, string) (T, error), docker func(T) any) func(context.Context, api.Service, InspectOptions, string) (any, error) {
	return func(ctx context.Context, s api.Service, o InspectOptions, ref string) (any, error) {
		v, err := get(s, ctx, ref)
		if err != nil || o.JSON {
			return v, err
		}
		return docker(v), nil
	}
}

// inspectOne finds what has the name. What cannot be the name of an image may
// be another thing's all the same.
func inspectOne(ctx context.Context, s api.Service, o InspectOptions, ref string) (any, error) {
	for _, i := range inspectors {
		if o.Type != "" && o.Type != i.kind {
			continue
		}
		v, err := i.get(ctx, s, o, ref)
		kind := api.KindOf(err)
		if err == nil || o.Type != "" || kind != api.KindNotFound && (kind != api.KindInvalid || i.kind == "container") {
			return v, err
		}
	}
	return nil, api.Errorf(api.KindNotFound, "no container, image, network, volume or secret is called %q", ref).
		WithHint("davit ps -a and davit images list what there is")
}

// sized adds what docker tells with --size.
func sized(ctx context.Context, s api.Service, c containerJSON) (containerJSON, error) {
	use, err := s.DiskUsage(ctx)
	if err != nil {
		return c, err
	}
	for _, u := range use.Containers {
		if u.ID == c.ID {
			c.SizeRw = &u.Size
		}
	}
	im, err := s.Image(ctx, c.Image)
	if err == nil && c.SizeRw != nil {
		all := im.Size + *c.SizeRw
		c.SizeRootFs = &all
	}
	return c, nil
}

func printInspected(e *env, o InspectOptions, found []any) error {
	if o.Format == "" || o.Format == "json" {
		return writeJSON(e.out, listOf(found))
	}
	t, err := template.New("").Funcs(templateFuncs).Parse(o.Format)
	if err != nil {
		return invalidTemplate(err)
	}
	if len(found) == 0 {
		fmt.Fprintln(e.out) // docker's line for nothing
	}
	for _, v := range found {
		b, err := applyTemplate(t, v)
		if err != nil {
			return invalidTemplate(err)
		}
		fmt.Fprintf(e.out, "%s\n", b)
	}
	return nil
}

// applyTemplate tries the Go fields ({{.ID}}) first and then the names in the
// JSON ({{.Id}}), as docker does.
func applyTemplate(t *template.Template, v any) ([]byte, error) {
	var b bytes.Buffer
	err := t.Execute(&b, v)
	if err == nil {
		return b.Bytes(), nil
	}
	text, jerr := json.Marshal(v)
	if jerr != nil {
		return nil, jerr
	}
	var raw any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if jerr := dec.Decode(&raw); jerr != nil {
		return nil, jerr
	}
	b.Reset()
	if t.Option("missingkey=error").Execute(&b, raw) != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
