package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// healthFlags are the options of health checks.
type healthFlags struct {
	cmd           string
	interval      time.Duration
	timeout       time.Duration
	startPeriod   time.Duration
	startInterval time.Duration
	retries       int
	none          bool
}

func (o *healthFlags) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.cmd, "health-cmd", "", "Check its health with this `command`, run by its shell")
	f.DurationVar(&o.interval, "health-interval", 0, "Time between two checks (default 30s)")
	f.DurationVar(&o.timeout, "health-timeout", 0, "The most that one check may take (default 30s)")
	f.DurationVar(&o.startPeriod, "health-start-period", 0, "Time from the start in which failures do not count")
	f.DurationVar(&o.startInterval, "health-start-interval", 0, "Time between two checks in it (default 5s)")
	f.IntVar(&o.retries, "health-retries", 0, "Failures in a row until it is unhealthy (default 3)")
	f.BoolVar(&o.none, "no-healthcheck", false, "No health check, whatever the image says")
}

// check is nil where no option was given.
func (o healthFlags) check() *api.HealthCheck {
	if o == (healthFlags{}) {
		return nil
	}
	h := api.HealthCheck{
		None: o.none, Interval: o.interval, Timeout: o.timeout, StartPeriod: o.startPeriod,
		StartInterval: o.startInterval, Retries: o.retries,
	}
	if o.cmd != "" {
		h.Test = []string{"CMD-SHELL", o.cmd}
	}
	return &h
}

// newHealthGroup is `davit healthcheck run`, named as podman's.
func newHealthGroup() *command {
	run := &command{
		name: "run", args: "CONTAINER", short: "Check a container's health now", least: 1, most: 1,
		exits: "  0    healthy\n  1    not healthy, or it could not be checked\n",
	}
	run.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		r, err := s.CheckHealth(ctx, args[0])
		if err != nil {
			return err
		}
		if r.Output != "" {
			fmt.Fprintln(e.out, cleanText(r.Output))
		}
		if r.Code == 0 {
			return nil
		}
		fmt.Fprintln(e.err, "unhealthy")
		return exit(exitFailure)
	}
	return noun("healthcheck", "Health checks", run)
}
