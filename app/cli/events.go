package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"davit/backend/api"
)

// EventsOptions are events'.
type EventsOptions struct {
	Since, Until string
	Filters      []string
	Format       string
	JSON         bool
	PastOnly     bool
}

func newEventsCommand() *command {
	var o EventsOptions
	c := &command{
		name: "events", args: "[OPTIONS]", group: "Davit",
		short: "Show what happens to containers and images, as it happens",
		long:  "With --since, what happened comes first; with --until, it ends there.",
	}
	f := c.set()
	f.StringVar(&o.Since, "since", "", "Begin at a time (2026-01-02T15:04:05Z) or some time back (10m)")
	f.StringVar(&o.Until, "until", "", "End at a time, or some time back")
	f.StringArrayVarP(&o.Filters, "filter", "f", nil, "Show those that match a `filter`: container=, event=, image=, network=, type=, volume=")
	f.StringVar(&o.Format, "format", "", `Print by a Go template, or "json" for docker's objects`)
	f.BoolVar(&o.PastOnly, "no-stream", false, "End after what has happened by now")
	f.Func("stream", "podman's: false is --no-stream", func(v string) (err error) {
		on, err := strconv.ParseBool(v)
		o.PastOnly = !on
		return err
	})
	f.Lookup("stream").NoOptDefVal = "true"
	f.Bool("no-trunc", true, "Nothing is shortened, ever")
	hide(f, "stream")
	hide(f, "no-trunc")
	f.BoolVar(&o.JSON, "json", false, "Print each event as a JSON object of Davit's own shape")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runEvents(ctx, e, o) }
	return c
}

var errUntil = errors.New("the time is over")

func runEvents(ctx context.Context, e *env, o EventsOptions) error {
	filters, err := parseFilters(o.Filters)
	if err != nil {
		return err
	}
	fits, err := eventFilter(filters)
	if err != nil {
		return err
	}
	show, err := eventPrinter(e, o)
	if err != nil {
		return err
	}
	since, err := moment(e.now(), o.Since)
	if err != nil {
		return invalid("--since %q: %v", o.Since, err)
	}
	until, err := moment(e.now(), o.Until)
	if err != nil {
		return invalid("--until %q: %v", o.Until, err)
	}
	if o.PastOnly { // all of it, where nothing says from when on
		if until.IsZero() || until.After(e.now()) {
			until = e.now()
		}
		if since.IsZero() {
			since = time.Unix(0, 0)
		}
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	return followEvents(ctx, s, since, until, func(ev api.Event) error {
		if fits(ev) {
			return show(ev)
		}
		return nil
	})
}

// event is what past and present events have in common.
type event struct {
	time                   int64
	kind, id, name, action string
}

func same(ev api.Event) event { return event{ev.Time.UnixNano(), ev.Type, ev.ID, ev.Name, ev.Action} }

// followEvents gives past events and then present ones. It begins to listen
// before it asks for the past: what happens in between comes once.
func followEvents(ctx context.Context, s api.Service, since, until time.Time, show func(api.Event) error) error {
	shown := map[event]bool{}
	past := func() error {
		if since.IsZero() {
			return nil
		}
		list, err := s.PastEvents(ctx, api.EventQuery{Since: since, Until: until})
		if err != nil {
			return err
		}
		for _, ev := range list {
			shown[same(ev)] = true
			if err := show(ev); err != nil {
				return err
			}
		}
		return nil
	}
	if !until.IsZero() && !until.After(time.Now()) {
		return past()
	}
	if !until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, until, errUntil)
		defer cancel()
	}
	err := s.Events(ctx, 0, func(ev api.Event) error {
		switch {
		case ev.Type == "hello":
			return past()
		case ev.Action == "" || shown[same(ev)]:
			return nil
		}
		return show(ev)
	})
	if errors.Is(context.Cause(ctx), errUntil) {
		return nil
	}
	return err
}

// eventFilter makes docker's filters into one test.
func eventFilter(filters map[string][]string) (func(api.Event) bool, error) {
	for key := range filters {
		if !slices.Contains([]string{"container", "event", "image", "network", "secret", "type", "volume"}, key) {
			return nil, invalid("there is no filter %q for events: filters are container, event, image, network, secret, type and volume", key)
		}
	}
	return func(ev api.Event) bool {
		for key, values := range filters {
			ok := slices.ContainsFunc(values, func(v string) bool {
				switch key {
				case "container", "network", "secret", "volume":
					return ev.Type == key && (ev.Name == v || len(v) > 0 && strings.HasPrefix(ev.ID, v))
				case "event":
					return ev.Action == v || strings.HasPrefix(ev.Action, v+":")
				case "image":
					return strings.Contains(ev.Image, v) || ev.Type == "image" && strings.Contains(ev.Name, v)
				}
				return ev.Type == v
			})
			if !ok {
				return false
			}
		}
		return true
	}, nil
}

// eventJSON is an event in docker's shape.
type eventJSON struct {
	Status   string `json:"status,omitempty"`
	ID       string `json:"id,omitempty"`
	From     string `json:"from,omitempty"`
	Type     string
	Action   string
	Actor    actorJSON
	Scope    string `json:"scope"`
	Time     int64  `json:"time"`
	TimeNano int64  `json:"timeNano"`
}

type actorJSON struct {
	ID         string
	Attributes map[string]string
}

func dockerEvent(ev api.Event) eventJSON {
	attributes := map[string]string{}
	if ev.Name != "" {
		attributes["name"] = ev.Name
	}
	if ev.Image != "" {
		attributes["image"] = ev.Image
	}
	if ev.ExitCode != nil {
		attributes["exitCode"] = strconv.Itoa(*ev.ExitCode)
	}
	return eventJSON{
		Status: ev.Action, ID: ev.ID, From: ev.Image, Type: ev.Type, Action: ev.Action,
		Actor: actorJSON{ev.ID, attributes}, Scope: "local", Time: ev.Time.Unix(), TimeNano: ev.Time.UnixNano(),
	}
}

// eventPrinter prints an event a line.
func eventPrinter(e *env, o EventsOptions) (func(api.Event) error, error) {
	switch {
	case o.JSON:
		return func(ev api.Event) error { return json.NewEncoder(e.out).Encode(ev) }, nil
	case o.Format == "json":
		return func(ev api.Event) error { return json.NewEncoder(e.out).Encode(dockerEvent(ev)) }, nil
	case o.Format != "":
		t, err := template.New("").Funcs(templateFuncs).Parse(o.Format)
		if err != nil {
			return nil, invalidTemplate(err)
		}
		return func(ev api.Event) error {
			if err := t.Execute(e.out, dockerEvent(ev)); err != nil {
				return invalidTemplate(err)
			}
			_, err := fmt.Fprintln(e.out)
			return err
		}, nil
	}
	return func(ev api.Event) error {
		d := dockerEvent(ev)
		var list []string
		for _, key := range slices.Sorted(maps.Keys(d.Actor.Attributes)) {
			list = append(list, key+"="+d.Actor.Attributes[key])
		}
		_, err := fmt.Fprintln(e.out, cleanLine(fmt.Sprintf("%s %s %s %s (%s)",
			ev.Time.Local().Format("2006-01-02T15:04:05.000000000Z07:00"), d.Type, d.Action, d.ID, strings.Join(list, ", "))))
		return err
	}, nil
}
