package main

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// ImagesOptions are images's.
type ImagesOptions struct {
	ListOptions
	All     bool
	Digests bool
	Filters []string
}

func (o *ImagesOptions) addFlags(f *pflag.FlagSet) {
	o.addAll(f, "Only print ids")
	f.BoolVarP(&o.All, "all", "a", false, "Show all images, also those without a name")
	f.BoolVar(&o.Digests, "digests", false, "Show digests")
	f.StringArrayVarP(&o.Filters, "filter", "f", nil, "Show those that match a `filter`: before=, dangling=, label=, reference=, since=, until=")
}

func newImagesCommand() *command {
	var o ImagesOptions
	c := &command{name: "images", args: "[OPTIONS] [REPOSITORY[:TAG]]", group: "Images", short: "List images", most: 1}
	o.addFlags(c.set())
	c.run = func(ctx context.Context, e *env, args []string) error {
		reference := ""
		if len(args) > 0 {
			reference = args[0]
		}
		return runImages(ctx, e, o, reference)
	}
	return c
}

func runImages(ctx context.Context, e *env, o ImagesOptions, reference string) error {
	filters, err := parseFilters(o.Filters)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	list, err := s.Images(ctx, api.ImageFilter{All: o.All, Filters: filters, Reference: reference})
	if err != nil {
		return err
	}
	if o.JSON {
		return writeJSON(e.out, listOf(list))
	}
	references := filters["reference"]
	if reference != "" {
		references = append(slices.Clone(references), reference)
	}
	var rows []imageRow
	seen := map[string]bool{}
	for _, im := range list {
		if o.Quiet && seen[im.ID] {
			continue
		}
		seen[im.ID] = true
		add := imageRows(e, o, im, references)
		if o.Quiet {
			add = add[:1]
		}
		rows = append(rows, add...)
	}
	t := imageTable
	if o.Digests {
		t.layout = `{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`
	}
	return t.write(e.out, o.ListOptions, rows)
}

// imageRow has docker's fields, and podman's that say the same by other names.
type imageRow struct {
	ID, Repository, Tag, Digest, CreatedSince, CreatedAt, Size, Containers string
	SharedSize, UniqueSize                                                 string // N/A, as docker has it here; df -v tells
	Origin                                                                 string

	podmanImageRow `json:"-"`
}

var imageTable = table[imageRow]{
	titles: imageRow{
		ID: "IMAGE ID", Repository: "REPOSITORY", Tag: "TAG", Digest: "DIGEST", CreatedSince: "CREATED",
		CreatedAt: "CREATED AT", Size: "SIZE", Containers: "CONTAINERS", SharedSize: "SHARED SIZE", UniqueSize: "UNIQUE SIZE", Origin: "ORIGIN", podmanImageRow: podmanImageTitles,
	},
	layout: `{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`,
	quiet:  "{{.ID}}",
}

// imageRows are an image's rows: one for each name that was asked for.
func imageRows(e *env, o ImagesOptions, im api.Image, references []string) []imageRow {
	text := o.cleaner(e)
	base := imageRow{
		ID: im.ID, Repository: "<none>", Tag: "<none>", Digest: cmp.Or(im.Digest, "<none>"),
		CreatedSince: cmp.Or(ago(e.now(), im.Created), "N/A"), CreatedAt: listTime(im.Created),
		Size: humanSize(im.Size), Containers: strconv.Itoa(im.Containers), Origin: text(im.Origin),
		SharedSize: "N/A", UniqueSize: "N/A",
		podmanImageRow: newPodmanImageRow(im, text),
	}
	base.Created, base.CreatedTime, base.VirtualSize = base.CreatedSince, base.CreatedAt, base.Size
	if !o.NoTrunc {
		base.ID = shortID(im.ID)
	}
	var rows, wanted []imageRow
	for _, name := range im.Names {
		r := base
		r.Repository, r.Tag = splitName(text(name))
		rows = append(rows, r)
		if slices.ContainsFunc(references, func(r string) bool { return nameMatches(name, r) }) {
			wanted = append(wanted, r)
		}
	}
	switch {
	case len(wanted) > 0:
		return wanted
	case len(rows) > 0:
		return rows
	}
	if len(im.RepoDigests) > 0 { // pulled by digest, or its tag went to another
		base.Repository, _ = splitName(text(im.RepoDigests[0]))
	}
	return []imageRow{base}
}

// splitName parts a full name into repository and tag.
func splitName(name string) (repository, tag string) {
	name, _, _ = strings.Cut(name, "@")
	i := strings.LastIndexByte(name, ':')
	if i <= strings.LastIndexByte(name, '/') {
		return name, "<none>"
	}
	return name[:i], name[i+1:]
}

// nameMatches tells whether reference, which may have * and ?, is a way to
// write name: with or without registry, "library/" and tag.
func nameMatches(name, reference string) bool {
	repository, _ := splitName(name)
	for _, full := range []string{name, repository} {
		familiar := strings.TrimPrefix(full, "docker.io/")
		for _, form := range []string{full, familiar, strings.TrimPrefix(familiar, "library/")} {
			if ok, err := path.Match(reference, form); err == nil && ok {
				return true
			}
		}
	}
	return false
}
