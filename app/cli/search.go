package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// SearchOptions are search's.
type SearchOptions struct {
	ListOptions
	Limit    int
	Filters  []string
	ListTags bool
	Access   AccessOptions
}

func (o *SearchOptions) addFlags(f *pflag.FlagSet) {
	o.addFormat(f)
	f.BoolVar(&o.NoTrunc, "no-trunc", false, "Do not shorten anything")
	f.IntVar(&o.Limit, "limit", 25, "At most that many from each registry")
	f.StringArrayVarP(&o.Filters, "filter", "f", nil, "Show those that match a `filter`: is-official=true, stars=n")
	f.BoolVar(&o.ListTags, "list-tags", false, "TERM is an image: list its tags")
	o.Access.addFlags(f)
}

func newSearchCommand() *command {
	var o SearchOptions
	c := &command{
		name: "search", args: "[OPTIONS] TERM", group: "Registries", short: "Search registries for images",
		long:  "TERM is looked for in all registries that are configured, or, as in localhost:5000/term, in one.",
		least: 1, most: 1,
	}
	o.addFlags(c.set())
	c.run = func(ctx context.Context, e *env, args []string) error { return runSearch(ctx, e, o, args[0]) }
	return c
}

func runSearch(ctx context.Context, e *env, o SearchOptions, term string) error {
	if o.Limit < 1 || o.Limit > 100 {
		return invalid("--limit %d: want 1 to 100", o.Limit)
	}
	official, automated, stars, err := searchFilters(o.Filters)
	if err != nil {
		return err
	}
	access, err := o.Access.access(e)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	if o.ListTags {
		list, err := s.Tags(ctx, term, access)
		if err != nil {
			return err
		}
		return printTags(e, o, list)
	}
	found, err := search(ctx, e, s, api.SearchQuery{Term: term, Limit: o.Limit, Official: official, Access: access})
	if err != nil {
		return err
	}
	var list []api.SearchResult
	for _, r := range found {
		if !automated && r.Stars >= stars && (!official || r.Official) {
			list = append(list, r)
		}
	}
	if o.JSON {
		return writeJSON(e.out, listOf(list))
	}
	rows := make([]searchRow, len(list))
	for i, r := range list {
		rows[i] = newSearchRow(e, o, r)
	}
	return searchTable.write(e.out, o.ListOptions, rows)
}

// search asks the registries. One that does not answer is told and does no
// harm, unless it was the last one.
func search(ctx context.Context, e *env, s api.Service, q api.SearchQuery) ([]api.SearchResult, error) {
	var found []api.SearchResult
	var failed []*api.Error
	answers := 0
	err := s.Search(ctx, q, func(p api.SearchPage) error {
		if p.Error != nil {
			failed = append(failed, p.Error)
			return nil
		}
		answers++
		found = append(found, p.Results...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, f := range failed {
		say(e, f)
	}
	if answers == 0 && len(failed) > 0 {
		return nil, exit(exitFailure)
	}
	return found, nil
}

// searchFilters reads docker's filters. Automated builds are no more: no
// registry has one to find.
func searchFilters(args []string) (official, automated bool, stars int, err error) {
	filters, err := parseFilters(args)
	if err != nil {
		return false, false, 0, err
	}
	for key, values := range filters {
		v := values[len(values)-1]
		switch key {
		case "is-official":
			official, err = strconv.ParseBool(v)
		case "is-automated":
			automated, err = strconv.ParseBool(v)
		case "stars":
			stars, err = strconv.Atoi(v)
		default:
			err = fmt.Errorf("there are is-official and stars")
		}
		if err != nil {
			return false, false, 0, invalid("filter %s=%s: %v", key, v, err)
		}
	}
	return official, automated, stars, nil
}

// searchRow has docker's fields, and podman's that say more or the same.
type searchRow struct {
	Name, Description, StarCount, IsOfficial, IsAutomated, Pulls string

	podmanSearchRow `json:"-"`
}

type podmanSearchRow struct{ Index, Stars, Official, Automated string }

var searchTable = table[searchRow]{
	titles: searchRow{
		Name: "NAME", Description: "DESCRIPTION", StarCount: "STARS", IsOfficial: "OFFICIAL",
		IsAutomated: "AUTOMATED", Pulls: "PULLS", podmanSearchRow: podmanSearchRow{"INDEX", "STARS", "OFFICIAL", "AUTOMATED"},
	},
	layout: `{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}`,
}

func newSearchRow(e *env, o SearchOptions, r api.SearchResult) searchRow {
	text := o.cleaner(e)
	row := searchRow{
		Name: text(r.Name), Description: cleanLine(r.Description), StarCount: strconv.Itoa(r.Stars), Pulls: r.Pulls,
	}
	if !o.NoTrunc {
		row.Description = ellipsis(row.Description, 45)
	}
	if r.Official {
		row.IsOfficial = "[OK]"
	}
	index, _, _ := strings.Cut(row.Name, "/")
	row.podmanSearchRow = podmanSearchRow{Index: index, Stars: row.StarCount, Official: row.IsOfficial}
	return row
}

// tagRow is a row of --list-tags.
type tagRow struct{ Name, Tag, Size, Digest, Updated string }

var tagTable = table[tagRow]{
	titles: tagRow{Name: "NAME", Tag: "TAG", Size: "SIZE", Digest: "DIGEST", Updated: "UPDATED"},
	layout: `{{.Name}}\t{{.Tag}}`,
}

func printTags(e *env, o SearchOptions, list api.TagList) error {
	if o.JSON {
		return writeJSON(e.out, list)
	}
	text := o.cleaner(e)
	rows := make([]tagRow, len(list.Tags))
	for i, t := range list.Tags {
		rows[i] = tagRow{Name: text(list.Repository), Tag: text(t.Name), Digest: t.Digest, Updated: ago(e.now(), t.Updated)}
		if t.Size > 0 {
			rows[i].Size = humanSize(t.Size)
		}
	}
	return tagTable.write(e.out, o.ListOptions, rows)
}
