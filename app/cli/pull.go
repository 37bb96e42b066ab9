package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
)

// PullOptions are pull's.
type PullOptions struct {
	Quiet    bool
	Platform string
	AllTags  bool
	Access   AccessOptions
}

func newPullCommand() *command {
	var o PullOptions
	c := &command{
		name: "pull", args: "[OPTIONS] NAME[:TAG|@DIGEST]", group: "Images",
		short: "Fetch an image from a registry", least: 1, most: 1,
	}
	f := c.set()
	f.BoolVarP(&o.Quiet, "quiet", "q", false, "Only print the image's full name")
	f.BoolVarP(&o.AllTags, "all-tags", "a", false, "All tags of the repository NAME")
	f.StringVar(&o.Platform, "platform", "", "os/arch[/variant], or all: for every platform there is")
	o.Access.addFlags(f)
	c.run = func(ctx context.Context, e *env, args []string) error { return runPull(ctx, e, o, args[0]) }
	return c
}

func runPull(ctx context.Context, e *env, o PullOptions, ref string) error {
	access, err := o.Access.access(e)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	if !o.AllTags {
		return pullOne(ctx, e, s, o, api.PullSpec{Ref: ref, Access: access})
	}
	refs, err := tagsThere(ctx, s, ref, access)
	for _, one := range refs {
		if err == nil {
			err = pullOne(ctx, e, s, o, api.PullSpec{Ref: one, Access: access})
		}
	}
	return err
}

// tagsThere are the names of all tags that a repository has at its registry.
func tagsThere(ctx context.Context, s api.Service, repository string, access api.RegistryAccess) ([]string, error) {
	r, err := s.ResolveImage(ctx, repository)
	if err != nil {
		return nil, err
	}
	if _, tag := splitName(r.Name); tag != "latest" || strings.Contains(repository, "@") || strings.HasSuffix(repository, ":latest") {
		return nil, invalid("--all-tags wants a repository without a tag")
	}
	list, err := s.Tags(ctx, repository, access)
	if err != nil {
		return nil, err
	}
	var refs []string
	for _, t := range list.Tags {
		refs = append(refs, list.Repository+":"+t.Name)
	}
	if list.More {
		return nil, api.Errorf(api.KindInvalid, "%s has more than %d tags: name those that are wanted", list.Repository, len(refs)).WithRef(list.Repository)
	}
	if len(refs) == 0 {
		return nil, api.Errorf(api.KindNotFound, "%s has no tags", list.Repository).WithRef(list.Repository)
	}
	return refs, nil
}

func pullOne(ctx context.Context, e *env, s api.Service, o PullOptions, spec api.PullSpec) error {
	spec.Platform, spec.Force = o.Platform, true
	op, err := fetch(ctx, e, s, spec, progressTo(e.out, o.Quiet))
	if err != nil {
		return err
	}
	if !o.Quiet {
		if im, err := s.Image(ctx, op.Image); err == nil {
			fmt.Fprintf(e.out, "Digest: %s\n", im.Digest)
		}
		status := "Downloaded newer image for"
		if op.UpToDate {
			status = "Image is up to date for"
		}
		fmt.Fprintf(e.out, "Status: %s %s\n", status, cleanLine(op.Image))
	}
	fmt.Fprintln(e.out, cleanLine(op.Image))
	return nil
}

// fetch pulls and shows how it goes. The full name is told before the first
// byte is asked for; an interrupt takes the pull back.
func fetch(ctx context.Context, e *env, s api.Service, spec api.PullSpec, p progress) (api.Operation, error) {
	full, err := s.ResolveImage(ctx, spec.Ref)
	if err != nil {
		return api.Operation{}, err
	}
	if full.Ask {
		if spec.Ref, err = chooseName(e, full); err != nil {
			return api.Operation{}, err
		}
		full.Candidates = []string{spec.Ref}
	}
	p.begin(fullNames(full))
	op, err := s.Pull(ctx, spec)
	if err != nil {
		return op, err
	}
	return follow(ctx, e, s, op, p)
}

// chooseName asks a person which registry a short name means, where
// registries.conf wants that; where there is nobody to ask, the pull says so.
func chooseName(e *env, r api.ResolvedRef) (string, error) {
	_, shown := terminal(e.out)
	if _, asked := terminal(e.in); !shown || !asked {
		return r.Ref, nil
	}
	fmt.Fprintf(e.out, "Which %s is meant?\n", cleanLine(r.Ref))
	for i, c := range r.Candidates {
		fmt.Fprintf(e.out, "%3d  %s\n", i+1, cleanLine(c))
	}
	fmt.Fprintf(e.out, "1 to %d: ", len(r.Candidates))
	line, err := bufio.NewReader(e.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || n < 1 || n > len(r.Candidates) {
		return "", api.Errorf(api.KindCancelled, "none of them was chosen")
	}
	return r.Candidates[n-1], nil
}

// follow shows an operation until it ends; an interrupt takes it back.
func follow(ctx context.Context, e *env, s api.Service, op api.Operation, p progress) (api.Operation, error) {
	id := op.ID
	err := s.WatchOperation(ctx, id, func(o api.Operation) error {
		op = o
		p.show(o)
		return nil
	})
	p.end()
	switch {
	case err != nil:
		cancelOperation(ctx, e, s, id)
		return op, err
	case op.State == api.OperationDone:
		return op, nil
	case op.Error != nil:
		return op, op.Error
	}
	return op, api.Errorf(api.KindCancelled, "the %s of %s was cancelled", op.Kind, op.Subject)
}

// fullNames are the names that a pull tries, in order.
func fullNames(r api.ResolvedRef) string {
	if len(r.Candidates) == 0 {
		return r.Name
	}
	return strings.Join(r.Candidates, ", else ")
}

func cancelOperation(ctx context.Context, e *env, s api.Service, id string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if err := s.CancelOperation(ctx, id); err != nil {
		e.log.Debug("cancel", "operation", id, "err", err)
	}
}
