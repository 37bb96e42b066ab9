package engine

import (
	"cmp"
	"time"

	"davit/backend/api"
)

// Docker's defaults of a health check.
const (
	healthInterval      = 30 * time.Second
	healthTimeout       = 30 * time.Second
	healthStartInterval = 5 * time.Second
	healthRetries       = 3
)

// leastHealth is the shortest time that makes sense, docker's.
const leastHealth = time.Millisecond

// healthCheck joins what the image says and what was asked for, field by
// field; nil is no check.
func healthCheck(img, asked *api.HealthCheck) *api.HealthCheck {
	var h api.HealthCheck
	if img != nil {
		h = *img
	}
	if asked != nil {
		if asked.None {
			return nil
		}
		if len(asked.Test) > 0 {
			h.Test = asked.Test
		}
		h.Interval = cmp.Or(asked.Interval, h.Interval)
		h.Timeout = cmp.Or(asked.Timeout, h.Timeout)
		h.StartPeriod = cmp.Or(asked.StartPeriod, h.StartPeriod)
		h.StartInterval = cmp.Or(asked.StartInterval, h.StartInterval)
		h.Retries = cmp.Or(asked.Retries, h.Retries)
	}
	if len(h.Test) < 2 || h.Test[0] == "NONE" {
		return nil
	}
	h.None = false
	h.Interval = cmp.Or(h.Interval, healthInterval)
	h.Timeout = cmp.Or(h.Timeout, healthTimeout)
	h.StartInterval = cmp.Or(h.StartInterval, healthStartInterval)
	h.Retries = cmp.Or(h.Retries, healthRetries)
	return &h
}

func validHealth(s api.RunSpec) error {
	h := s.HealthCheck
	if h == nil {
		return nil
	}
	for what, d := range map[string]time.Duration{
		"interval": h.Interval, "timeout": h.Timeout, "start period": h.StartPeriod, "start interval": h.StartInterval,
	} {
		if d != 0 && d < leastHealth {
			return invalid(d.String(), "the %s of a health check is %s: one millisecond is the least", what, d)
		}
	}
	switch {
	case h.Retries < 0:
		return invalid("", "a health check cannot be tried again %d times", h.Retries)
	case h.None && (len(h.Test) > 0 || h.Interval+h.Timeout+h.StartPeriod+h.StartInterval != 0 || h.Retries != 0):
		return invalid("", "a container cannot have both a health check and none")
	case len(h.Test) > 0 && (len(h.Test) < 2 || h.Test[0] != "CMD" && h.Test[0] != "CMD-SHELL"):
		return invalid(h.Test[0], "%q is no health check", h.Test).WithHint("Use CMD with a program and its arguments, or CMD-SHELL with a script.")
	}
	return nil
}
