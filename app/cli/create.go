package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"davit/backend/api"
)

// CreateOptions are create's.
type CreateOptions struct {
	SpecOptions
	Quiet bool
}

func newCreateCommand() *command {
	var o CreateOptions
	c := &command{
		name: "create", args: "[OPTIONS] IMAGE [COMMAND] [ARG...]", group: "Containers",
		short: "Make a container without starting it", least: 1, most: anyNumber,
	}
	f := c.set()
	f.SetInterspersed(false)
	o.addFlags(f)
	f.BoolVarP(&o.Quiet, "quiet", "q", false, "Do not show the progress of a pull")
	c.before = o.heed
	c.run = func(ctx context.Context, e *env, args []string) error {
		spec, err := o.build(args)
		if err != nil {
			return err
		}
		return runCreate(ctx, e, o, spec)
	}
	return c
}

func runCreate(ctx context.Context, e *env, o CreateOptions, spec api.RunSpec) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	made, err := o.create(ctx, e, s, spec, o.Quiet)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, made.ID)
	return nil
}

// create makes the container, pulls its image where that is wanted, and
// writes the file of --cidfile.
func (o *SpecOptions) create(ctx context.Context, e *env, s api.Service, spec api.RunSpec, quiet bool) (api.Created, error) {
	var err error
	if o.reach, err = o.Access.access(e); err != nil {
		return api.Created{}, err
	}
	cid, err := newCIDFile(o.cidFile)
	if err != nil {
		return api.Created{}, err
	}
	defer cid.close()
	if spec.Pull == api.PullAlways || spec.Pull == api.PullNewer {
		err := o.provide(ctx, e, s, spec, quiet)
		if err != nil && (spec.Pull == api.PullAlways || api.KindOf(err) != api.KindUnavailable) {
			return api.Created{}, err
		}
	}
	if err := o.borrow(ctx, s, &spec); err != nil {
		return api.Created{}, err
	}
	made, err := o.make(ctx, s, spec)
	if spec.Pull != api.PullNever && missingImage(err) {
		if !quiet {
			fmt.Fprintf(e.err, "Image %s is not here yet.\n", cleanLine(spec.Image))
		}
		if err := o.provide(ctx, e, s, spec, quiet); err != nil {
			return api.Created{}, err
		}
		made, err = o.make(ctx, s, spec)
	}
	if err != nil {
		return api.Created{}, err
	}
	for _, w := range made.Warnings {
		fmt.Fprintf(e.err, "davit: warning: %s\n", cleanLine(w))
	}
	return made, cid.write(made.ID)
}

// make makes the container. With --replace, one that has its name goes, but
// not before all else that is wanted is there.
func (o *SpecOptions) make(ctx context.Context, s api.Service, spec api.RunSpec) (api.Created, error) {
	made, err := s.Create(ctx, spec)
	if !o.replace || api.KindOf(err) != api.KindConflict {
		return made, err
	}
	old, ferr := s.Container(ctx, spec.Name)
	if ferr != nil || old.Name != spec.Name {
		return made, err
	}
	gone, err := stopFirst(ctx, s, old.ID, api.StopOptions{})
	if err == nil && !gone {
		err = s.Remove(ctx, old.ID, api.RemoveOptions{Force: true})
	}
	if err != nil && api.KindOf(err) != api.KindNotFound {
		return made, err
	}
	return s.Create(ctx, spec)
}

// builtIn is the registry that there is not: its images are inside Davit.
const builtIn = "davit.local/"

// provide gets the image of spec from its registry, or out of Davit itself.
func (o *SpecOptions) provide(ctx context.Context, e *env, s api.Service, spec api.RunSpec, quiet bool) error {
	if strings.HasPrefix(spec.Image, builtIn) {
		_, err := s.LoadSample(ctx)
		return err
	}
	pull := api.PullSpec{Ref: spec.Image, Platform: spec.Platform, Access: o.reach, Force: spec.Pull == api.PullAlways || spec.Pull == api.PullNewer}
	_, err := fetch(ctx, e, s, pull, progressTo(e.err, quiet))
	return err
}

// missingImage tells whether Create wants an image that is not here.
func missingImage(err error) bool {
	var a *api.Error
	return errors.As(err, &a) && a.Kind == api.KindNotFound && strings.Contains(a.Ref, "/") && a.Field == "image"
}

// cidFile is made before the container, so that two runs cannot share it, and
// goes away again where there is no container to name.
type cidFile struct {
	f       *os.File
	written bool
}

func newCIDFile(name string) (*cidFile, error) {
	if name == "" {
		return &cidFile{}, nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if os.IsExist(err) {
		return nil, api.Errorf(api.KindConflict, "the file %s is already there", name).
			WithHint("make sure that its container does not run, then delete the file")
	}
	if err != nil {
		return nil, api.Errorf(api.KindInvalid, "make cidfile: %w", err)
	}
	return &cidFile{f: f}, nil
}

func (c *cidFile) write(id string) error {
	if c.f == nil {
		return nil
	}
	if _, err := c.f.WriteString(id); err != nil {
		return fmt.Errorf("write cidfile: %w", err)
	}
	c.written = true
	return nil
}

func (c *cidFile) close() {
	if c.f == nil {
		return
	}
	c.f.Close()
	if !c.written {
		os.Remove(c.f.Name())
	}
}
