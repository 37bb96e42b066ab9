package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/spf13/pflag"
)

// ListOptions are how a list is printed.
type ListOptions struct {
	Format  string
	JSON    bool
	Quiet   bool
	NoTrunc bool
	Bare    bool // without titles
}

func (o *ListOptions) addFormat(f *pflag.FlagSet) {
	f.StringVar(&o.Format, "format", "", `Print by a Go template: "table TEMPLATE", "TEMPLATE", or "json" for one object a line`)
	f.BoolVar(&o.JSON, "json", false, "Print everything known as one JSON array")
	f.BoolVar(&o.Bare, "noheading", false, "Leave out the titles of a table")
}

func (o *ListOptions) addAll(f *pflag.FlagSet, quiet string) {
	o.addFormat(f)
	f.BoolVarP(&o.Quiet, "quiet", "q", false, quiet)
	f.BoolVar(&o.NoTrunc, "no-trunc", false, "Do not shorten anything")
}

// template tells the layout and whether it is a table.
func (o ListOptions) template(layout, quiet string) (text string, table bool) {
	switch {
	case o.Quiet && (o.Format == "" || o.Format == "table"):
		return quiet, false
	case o.Format == "" || o.Format == "table":
		return layout, true
	case o.Format == "json":
		return "{{json .}}", false
	case strings.HasPrefix(o.Format, "table "):
		return strings.TrimSpace(o.Format[len("table "):]), true
	}
	return o.Format, false
}

// cleaner is what is done to text of containers and registries before it is
// shown: nothing where a program reads it by a template of its own.
func (o ListOptions) cleaner(e *env) func(string) string {
	_, table := o.template("", "")
	if _, person := terminal(e.out); table || person {
		return cleanLine
	}
	return func(s string) string { return s }
}

// table prints rows of type R, whose exported fields are docker's names.
type table[R any] struct {
	titles R      // a row that holds the columns' titles
	layout string // what a row shows by default
	quiet  string // what it shows with --quiet
}

func (t table[R]) write(w io.Writer, o ListOptions, rows []R) error {
	text, isTable := o.template(t.layout, t.quiet)
	text = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text)
	tmpl, err := template.New("").Funcs(templateFuncs).Parse(text)
	if err != nil {
		return invalidTemplate(err)
	}
	var b bytes.Buffer
	if isTable && !o.Bare {
		titles, err := template.New("").Funcs(titleFuncs).Parse(text)
		if err != nil {
			return invalidTemplate(err)
		}
		if err := titles.Execute(&b, t.titles); err != nil {
			return invalidTemplate(err)
		}
		b.WriteByte('\n')
	}
	for _, r := range rows {
		if err := tmpl.Execute(&b, r); err != nil {
			return invalidTemplate(err)
		}
		b.WriteByte('\n')
	}
	if !isTable {
		_, err := w.Write(b.Bytes())
		return err
	}
	tw := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	if _, err := tw.Write(b.Bytes()); err != nil {
		return err
	}
	return tw.Flush()
}

func invalidTemplate(err error) error {
	return &exitError{code: exitFailure, err: fmt.Errorf("template: %s", strings.TrimPrefix(err.Error(), "template: :"))}
}

// writeJSON prints v for programs and for eyes.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return enc.Encode(v)
}

// listOf makes nil an empty list, so that JSON says [] and not null.
func listOf[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// templateFuncs are docker's.
var templateFuncs = template.FuncMap{
	"json": func(v any) (string, error) {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		err := enc.Encode(v)
		return strings.TrimSpace(b.String()), err
	},
	"split": strings.Split,
	"join":  strings.Join,
	"title": func(s string) string { return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):] },
	"lower": strings.ToLower,
	"upper": strings.ToUpper,
	"pad": func(s string, before, after int) string {
		return strings.Repeat(" ", before) + s + strings.Repeat(" ", after)
	},
	"truncate": truncate,
}

// titleFuncs do in the title line what leaves a title as it is.
var titleFuncs = template.FuncMap{
	"json":  func(s string) string { return s },
	"split": func(s, _ string) string { return s },
	"join":  func(s, _ string) string { return s },
	"title": func(s string) string { return s },
	"lower": func(s string) string { return s },
	"upper": func(s string) string { return s },
	"pad": func(s string, before, after int) string {
		return strings.Repeat(" ", before) + s + strings.Repeat(" ", after)
	},
	"truncate": func(s string, _ int) string { return s },
}

// truncate shortens s to n characters.
func truncate(s string, n int) string {
	if r := []rune(s); n >= 0 && len(r) > n {
		return string(r[:n])
	}
	return s
}

// ellipsis shortens s to n characters, the last of which says so.
func ellipsis(s string, n int) string {
	if r := []rune(s); len(r) > n && n > 0 {
		return string(r[:n-1]) + "…"
	}
	return s
}

// shortID is an id as people see it.
func shortID(id string) string {
	return truncate(strings.TrimPrefix(id, "sha256:"), 12)
}
