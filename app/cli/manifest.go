package main

import (
	"context"
	"fmt"
	"strings"

	"davit/backend/api"
)

func newManifestGroup() *command {
	return noun("manifest", "What registries have under a name", newManifestInspectCommand(), newManifestCreateCommand())
}

// newManifestCreateCommand is docker's buildx imagetools create, of images
// that are here: the list goes to the registry at once.
func newManifestCreateCommand() *command {
	var o PushOptions
	c := &command{
		name: "create", args: "[OPTIONS] NAME[:TAG] IMAGE IMAGE...", group: "Registries", least: 3, most: anyNumber,
		short: "Push images for several platforms, and a list of them under one name",
	}
	c.set().BoolVarP(&o.Quiet, "quiet", "q", false, "Only print the list's full name")
	o.Access.addFlags(c.set())
	c.run = func(ctx context.Context, e *env, args []string) error {
		access, err := o.Access.access(e)
		if err != nil {
			return err
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return pushOne(ctx, e, s, o, api.PushSpec{Ref: args[1], To: args[0], With: args[2:], Access: access})
	}
	return c
}

func newManifestInspectCommand() *command {
	var o struct {
		Verbose bool
		Access  AccessOptions
	}
	c := &command{
		name: "inspect", args: "[OPTIONS] NAME[:TAG|@DIGEST]", group: "Registries", least: 1, most: 1,
		short: "Print the manifest, or manifest list, of an image at its registry",
	}
	c.set().BoolVarP(&o.Verbose, "verbose", "v", false, "Print what is known of each image, in Davit's own shape")
	o.Access.addFlags(c.set())
	c.run = func(ctx context.Context, e *env, args []string) error {
		access, err := o.Access.access(e)
		if err != nil {
			return err
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		m, err := s.Manifest(ctx, args[0], access)
		if err != nil {
			return err
		}
		if o.Verbose {
			return writeJSON(e.out, m)
		}
		raw := m.Raw
		if _, person := terminal(e.out); person {
			raw = cleanText(raw)
		}
		fmt.Fprint(e.out, raw)
		if !strings.HasSuffix(raw, "\n") {
			fmt.Fprintln(e.out)
		}
		return nil
	}
	return c
}

func newRegistryGroup() *command {
	return noun("registry", "The registries that are known",
		newRegistryListCommand(), newRegistrySetCommand(), newRegistryRmCommand(), newRegistryShowCommand(), newRegistryQuotaCommand(),
		newLoginCommand(), newLogoutCommand(), newSearchCommand())
}

type registryRow struct{ Host, Kind, User, Flags, Mirrors, Source string }

var registryTable = table[registryRow]{
	titles: registryRow{"REGISTRY", "KIND", "USER", "", "MIRRORS", "NAMED IN"},
	layout: `{{.Host}}\t{{.Kind}}\t{{.User}}\t{{.Flags}}\t{{.Mirrors}}\t{{.Source}}`,
}

func newRegistryListCommand() *command {
	var o ListOptions
	c := &command{name: "ls", aliases: []string{"list"}, args: "[OPTIONS]", group: "Registries", short: "List registries"}
	o.addFormat(c.set())
	c.run = func(ctx context.Context, e *env, _ []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		list, err := s.Registries(ctx)
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, listOf(list))
		}
		rows := make([]registryRow, len(list))
		for i, r := range list {
			rows[i] = newRegistryRow(r)
		}
		return registryTable.write(e.out, o, rows)
	}
	return c
}

func newRegistryRow(r api.Registry) registryRow {
	var flags []string
	for word, is := range map[string]bool{"insecure": r.Insecure, "blocked": r.Blocked} {
		if is {
			flags = append(flags, word)
		}
	}
	return registryRow{cleanLine(r.Host), r.Kind, cleanLine(r.User), strings.Join(flags, ","), cleanLine(strings.Join(r.Mirrors, ",")), cleanLine(r.Source)}
}

func newRegistrySetCommand() *command {
	var spec api.RegistrySpec
	c := &command{
		name: "set", aliases: []string{"add"}, args: "[OPTIONS] HOST[:PORT]", group: "Registries", least: 1, most: 1,
		short: "Add a registry, or change how it is used",
		long:  "It is written to registries.conf.d/90-davit.conf, which podman and skopeo read as well.",
	}
	f := c.set()
	f.BoolVar(&spec.Search, "search", false, "Look for short names in it, too")
	f.BoolVar(&spec.Insecure, "insecure", false, "Plain HTTP and unknown certificates are fine, also for passwords")
	f.BoolVar(&spec.Blocked, "blocked", false, "Never ask it")
	f.StringArrayVar(&spec.Mirrors, "mirror", nil, "Ask this `host` first")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		spec.Host = args[0]
		return s.SetRegistry(ctx, spec)
	}
	return c
}

func newRegistryRmCommand() *command {
	c := &command{name: "rm", aliases: []string{"remove"}, args: "HOST[:PORT]...", group: "Registries", least: 1, most: anyNumber, short: "Forget registries that were added here"}
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return each(e, args, func(host string) error { return s.RemoveRegistry(ctx, host) })
	}
	return c
}

func newRegistryShowCommand() *command {
	var o struct{ JSON bool }
	c := &command{name: "show", args: "[OPTIONS] REPOSITORY", group: "Registries", least: 1, most: 1, short: "Show a repository's page: what it is, and its tags"}
	c.set().BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		r, err := s.Repository(ctx, args[0])
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(e.out, r)
		}
		return printRepository(e, r)
	}
	return c
}

func printRepository(e *env, r api.Repository) error {
	fmt.Fprintln(e.out, cleanLine(r.Name))
	if r.Description != "" {
		fmt.Fprintln(e.out, cleanLine(r.Description))
	}
	if len(r.LatestIs) > 0 {
		fmt.Fprintf(e.out, "latest is %s\n", cleanLine(strings.Join(r.LatestIs, ", ")))
	}
	fmt.Fprintln(e.out)
	rows := make([]tagRow, len(r.Tags))
	for i, t := range r.Tags {
		rows[i] = tagRow{Name: cleanLine(r.Name), Tag: cleanLine(t.Name), Digest: t.Digest, Updated: ago(e.now(), t.Updated)}
		if t.Size > 0 {
			rows[i].Size = humanSize(t.Size)
		}
	}
	t := tagTable
	t.layout = `{{.Tag}}\t{{.Size}}\t{{.Updated}}`
	if err := t.write(e.out, ListOptions{}, rows); err != nil {
		return err
	}
	if r.Readme != "" {
		fmt.Fprintf(e.out, "\n%s\n", strings.TrimSpace(cleanText(r.Readme)))
	}
	return nil
}

func newRegistryQuotaCommand() *command {
	var o struct{ JSON bool }
	c := &command{name: "quota", args: "[OPTIONS]", group: "Registries", short: "Ask Docker Hub how many pulls are left; asking takes none"}
	c.set().BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, _ []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		q, err := s.PullQuota(ctx)
		switch {
		case err != nil:
			return err
		case o.JSON:
			return writeJSON(e.out, q)
		case q.Limit == 0:
			fmt.Fprintln(e.out, "docker.io tells no limit")
		default:
			fmt.Fprintf(e.out, "%d of %d pulls are left in %d hours, counted by %s\n", q.Remaining, q.Limit, max(1, q.Window/3600), cleanLine(q.Source))
		}
		return nil
	}
	return c
}
