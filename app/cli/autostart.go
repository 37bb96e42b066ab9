package main

import (
	"context"
	"fmt"

	"davit/backend/api"
)

// newAutostartGroup is what happens to containers at login and logout.
func newAutostartGroup() *command {
	asJSON := false
	verb := func(name, short string, ask func(context.Context, api.Service) (api.Autostart, error)) *command {
		c := &command{name: name, short: short}
		c.set().BoolVar(&asJSON, "json", false, "Print it as JSON")
		c.run = func(ctx context.Context, e *env, _ []string) error {
			s, err := e.Service(ctx)
			if err != nil {
				return err
			}
			a, err := ask(ctx, s)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(e.out, a)
			}
			printAutostart(e, a)
			return nil
		}
		return c
	}
	set := func(on bool) func(context.Context, api.Service) (api.Autostart, error) {
		return func(ctx context.Context, s api.Service) (api.Autostart, error) { return s.SetAutostart(ctx, on) }
	}
	run := verb("run", "Bring containers back now, as the start at login does",
		func(ctx context.Context, s api.Service) (api.Autostart, error) {
			if err := s.Resume(ctx); err != nil {
				return api.Autostart{}, err
			}
			return s.Autostart(ctx)
		})
	return noun("autostart", "Containers at login and after logout",
		verb("status", "Tell whether they start at login and outlive it",
			func(ctx context.Context, s api.Service) (api.Autostart, error) { return s.Autostart(ctx) }),
		verb("enable", "Start them at login", set(true)),
		verb("disable", "Do not start them at login", set(false)),
		run)
}

func printAutostart(e *env, a api.Autostart) {
	state := "off"
	if a.Enabled {
		state = "on"
	}
	fmt.Fprintf(e.out, "Start at login: %s (%s: %s)\n", state, a.Method, cleanLine(a.File))
	fmt.Fprintf(e.out, "After logout:   %s\n", a.Logout)
	for _, v := range a.Verified {
		fmt.Fprintf(e.out, "  - %s\n", cleanLine(v))
	}
	if a.Fix != "" {
		fmt.Fprintf(e.out, "%s\n  %s\n", a.FixWhy, cleanText(a.Fix))
	}
}
