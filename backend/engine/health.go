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
