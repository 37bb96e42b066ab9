package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
)

// HistoryOptions are history's.
type HistoryOptions struct {
	ListOptions
	Human bool
}

func newHistoryCommand() *command {
	var o HistoryOptions
	c := &command{
		name: "history", args: "[OPTIONS] IMAGE", group: "Images",
		short: "Show how an image was made, newest step first", least: 1, most: 1,
	}
	f := c.set()
	o.addAll(f, "Only print ids")
	f.BoolVarP(&o.Human, "human", "H", true, "Print sizes and dates for people")
	c.run = func(ctx context.Context, e *env, args []string) error { return runHistory(ctx, e, o, args[0]) }
	return c
}

// historyRow has docker's fields, and podman's that say more or the same.
type historyRow struct {
	ID, CreatedSince, CreatedAt, CreatedBy, Size, Comment string

	podmanHistoryRow `json:"-"`
}

type podmanHistoryRow struct{ Created, Tags string }

var historyTable = table[historyRow]{
	titles: historyRow{ID: "IMAGE", CreatedSince: "CREATED", CreatedAt: "CREATED AT", CreatedBy: "CREATED BY", Size: "SIZE", Comment: "COMMENT", podmanHistoryRow: podmanHistoryRow{"CREATED", "TAGS"}},
	layout: `{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`,
	quiet:  "{{.ID}}",
}

func runHistory(ctx context.Context, e *env, o HistoryOptions, ref string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	d, err := s.Image(ctx, ref)
	if err != nil {
		return err
	}
	steps := slices.Clone(d.History)
	slices.Reverse(steps)
	if o.JSON {
		return writeJSON(e.out, listOf(steps))
	}
	rows := make([]historyRow, len(steps))
	for i, h := range steps {
		rows[i] = newHistoryRow(e, o, h)
		if rows[i].ID = "<missing>"; i == 0 {
			rows[i].ID, rows[i].Tags = d.ID, cleanLine(strings.Join(d.Names, ", "))
			if !o.NoTrunc {
				rows[i].ID = shortID(d.ID)
			}
		}
	}
	t := historyTable
	if !o.Human {
		t.layout = `{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`
	}
	return t.write(e.out, o.ListOptions, rows)
}

func newHistoryRow(e *env, o HistoryOptions, h api.HistoryRow) historyRow {
	r := historyRow{
		CreatedSince: ago(e.now(), h.Created), CreatedAt: listTime(h.Created), CreatedBy: cleanLine(h.CreatedBy),
		Size: humanSize(h.Size), Comment: cleanLine(h.Comment),
	}
	if r.CreatedSince == "" {
		r.CreatedSince = "N/A"
	}
	r.Created = r.CreatedSince
	if !o.Human {
		r.Size = strconv.FormatInt(h.Size, 10)
	}
	if !o.NoTrunc {
		r.CreatedBy = ellipsis(r.CreatedBy, 45)
	}
	return r
}
