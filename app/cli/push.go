package main

import (
	"context"
	"fmt"
	"strings"

	"davit/backend/api"
)

// PushOptions are push's.
type PushOptions struct {
	Quiet   bool
	AllTags bool
	Access  AccessOptions
}

func newPushCommand() *command {
	var o PushOptions
	c := &command{
		name: "push", args: "[OPTIONS] NAME[:TAG] [DESTINATION]", group: "Images",
		short: "Send an image to a registry",
		long:  "The image goes to the registry in its name, or under DESTINATION.", least: 1, most: 2,
	}
	f := c.set()
	f.BoolVarP(&o.Quiet, "quiet", "q", false, "Only print the image's full name")
	f.BoolVarP(&o.AllTags, "all-tags", "a", false, "Push all tags of the repository NAME")
	o.Access.addFlags(f)
	c.run = func(ctx context.Context, e *env, args []string) error { return runPush(ctx, e, o, args) }
	return c
}

func runPush(ctx context.Context, e *env, o PushOptions, args []string) error {
	access, err := o.Access.access(e)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	specs := []api.PushSpec{{Ref: args[0]}}
	if len(args) == 2 {
		specs[0].To = args[1]
	}
	if o.AllTags {
		if len(args) == 2 {
			return invalid("--all-tags: the destination is the repository that the tags are of")
		}
		if specs, err = allTags(ctx, s, args[0]); err != nil {
			return err
		}
	}
	for _, spec := range specs {
		spec.Access = access
		if err := pushOne(ctx, e, s, o, spec); err != nil {
			return err
		}
	}
	return nil
}

// allTags are the local names in a repository.
func allTags(ctx context.Context, s api.Service, repository string) ([]api.PushSpec, error) {
	r, err := s.ResolveImage(ctx, repository)
	if err != nil {
		return nil, err
	}
	want, tag := splitName(r.Name)
	if tag != "latest" || strings.Contains(repository, "@") || strings.HasSuffix(repository, ":latest") {
		return nil, invalid("--all-tags wants a repository without a tag")
	}
	images, err := s.Images(ctx, api.ImageFilter{})
	if err != nil {
		return nil, err
	}
	var specs []api.PushSpec
	for _, i := range images {
		for _, n := range i.Names {
			if repo, _ := splitName(n); repo == want {
				specs = append(specs, api.PushSpec{Ref: n})
			}
		}
	}
	if len(specs) == 0 {
		return nil, api.Errorf(api.KindNotFound, "no image here is in the repository %s", want).WithRef(want)
	}
	return specs, nil
}

func pushOne(ctx context.Context, e *env, s api.Service, o PushOptions, spec api.PushSpec) error {
	op, err := s.Push(ctx, spec)
	if err != nil {
		return err
	}
	repo, tag := splitName(op.Subject)
	if !o.Quiet {
		fmt.Fprintf(e.out, "The push refers to repository [%s]\n", cleanLine(repo))
	}
	op, err = follow(ctx, e, s, op, progressTo(e.out, o.Quiet))
	if err != nil {
		return err
	}
	if o.Quiet {
		fmt.Fprintln(e.out, cleanLine(op.Subject))
		return nil
	}
	fmt.Fprintf(e.out, "%s: %s\n", cleanLine(tag), cleanLine(op.Result))
	return nil
}
