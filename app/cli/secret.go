package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"davit/backend/api"
)

func newSecretGroup() *command {
	return noun("secret", "Values that are given to containers and shown to nobody",
		newSecretCreateCommand(), newSecretListCommand(), newSecretInspectCommand(), newSecretRemoveCommand(), newSecretExistsCommand())
}

func newSecretCreateCommand() *command {
	var o struct {
		labels       []string
		env, replace bool
		driver       string
	}
	c := &command{name: "create", args: "[OPTIONS] NAME FILE|-", short: "Keep a secret from a file or the standard input", least: 2, most: 2}
	f := c.set()
	f.StringArrayVarP(&o.labels, "label", "l", nil, "Set a label: `key=value`")
	f.BoolVar(&o.env, "env", false, "Take the value of the variable of that name instead of a file")
	f.BoolVar(&o.replace, "replace", false, "Replace one that is there")
	f.StringVarP(&o.driver, "driver", "d", "file", "There is one: file")
	hide(f, "driver")
	c.run = func(ctx context.Context, e *env, args []string) error {
		labels, err := labelMap(o.labels)
		if err != nil {
			return err
		}
		from, err := secretSource(e, args[1], o.env)
		if err != nil {
			return err
		}
		defer from.Close()
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		made, err := s.CreateSecret(ctx, api.SecretSpec{Name: args[0], Labels: labels, Replace: o.replace}, from)
		if err == nil {
			fmt.Fprintln(e.out, made.ID)
		}
		return err
	}
	return c
}

func secretSource(e *env, name string, variable bool) (io.ReadCloser, error) {
	switch _, person := terminal(e.in); {
	case variable:
		v, ok := e.lookup(name)
		if !ok {
			return nil, invalid("there is no variable %s", name)
		}
		return io.NopCloser(strings.NewReader(v)), nil
	case name == "-" && person:
		return nil, invalid("there is nothing on the standard input: pipe the value in, so that it is not seen")
	case name == "-":
		return io.NopCloser(e.in), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, api.Errorf(api.KindNotFound, "secret: %w", err)
	}
	return f, nil
}

// secretRow has docker's and podman's fields.
type secretRow struct{ ID, Name, Driver, CreatedAt, UpdatedAt, Labels string }

var secretTable = table[secretRow]{
	titles: secretRow{"ID", "NAME", "DRIVER", "CREATED", "UPDATED", "LABELS"},
	layout: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}", quiet: "{{.ID}}",
}

func newSecretListCommand() *command {
	var o struct {
		ListOptions
		filters []string
	}
	c := &command{name: "ls", aliases: []string{"list"}, args: "[OPTIONS]", short: "List secrets"}
	f := c.set()
	o.addFormat(f)
	f.BoolVarP(&o.Quiet, "quiet", "q", false, "Only print ids")
	f.StringArrayVarP(&o.filters, "filter", "f", nil, "Show those that match a `filter`: name=, id=")
	c.run = func(ctx context.Context, e *env, _ []string) error {
		filters, err := parseFilters(o.filters)
		if err != nil {
			return err
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		all, err := s.Secrets(ctx)
		if err != nil {
			return err
		}
		var chosen []api.Secret
		var rows []secretRow
		for _, one := range all {
			fits, err := secretFits(one, filters)
			if err != nil {
				return err
			}
			if fits {
				chosen = append(chosen, one)
				rows = append(rows, secretRowOf(e, one))
			}
		}
		if o.JSON {
			return writeJSON(e.out, listOf(chosen))
		}
		return secretTable.write(e.out, o.ListOptions, rows)
	}
	return c
}

func secretFits(s api.Secret, filters map[string][]string) (bool, error) {
	for key, values := range filters {
		fits := false
		for _, v := range values {
			switch key {
			case "name":
				fits = fits || strings.Contains(s.Name, v)
			case "id":
				fits = fits || strings.HasPrefix(s.ID, v)
			default:
				return false, invalid("there is no filter %q for secrets", key)
			}
		}
		if !fits {
			return false, nil
		}
	}
	return true, nil
}

func secretRowOf(e *env, s api.Secret) secretRow {
	ago := func(t time.Time) string { return humanDuration(e.now().Sub(t)) + " ago" }
	return secretRow{
		ID: s.ID, Name: cleanLine(s.Name), Driver: "file", CreatedAt: ago(s.Created), UpdatedAt: ago(s.Updated),
		Labels: volumeRowOf(api.Volume{Labels: s.Labels}).Labels,
	}
}

// secretJSON is docker's shape; the value is nowhere in it.
type secretJSON struct {
	ID        string
	CreatedAt string
	UpdatedAt string
	Spec      struct {
		Name   string
		Labels map[string]string
	}
}

func newSecretInspectCommand() *command {
	c := &command{name: "inspect", args: "[OPTIONS] SECRET [SECRET...]", short: "Print all about secrets but their values", least: 1, most: anyNumber}
	return inspecting(c, api.Service.Secret, dockerSecret)
}

func dockerSecret(v api.Secret) any {
	d := secretJSON{ID: v.ID, CreatedAt: v.Created.Format("2006-01-02T15:04:05.999999999Z07:00"), UpdatedAt: v.Updated.Format("2006-01-02T15:04:05.999999999Z07:00")}
	d.Spec.Name, d.Spec.Labels = v.Name, v.Labels
	return d
}

func newSecretRemoveCommand() *command {
	c := &command{name: "rm", aliases: []string{"remove"}, args: "SECRET [SECRET...]", short: "Forget secrets; containers that have them keep them", least: 1, most: anyNumber}
	c.run = func(ctx context.Context, e *env, refs []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return each(e, refs, func(ref string) error { return s.RemoveSecret(ctx, ref) })
	}
	return c
}
