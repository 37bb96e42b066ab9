package manifest

import (
	"time"

	"davit/backend/api"
)

// health is the health check that an image asks for, nil for none. What makes
// no sense is left at the default: an image must not have Davit check all the
// time.
func health(r *Run) *api.HealthCheck {
	h := r.Healthcheck
	if h == nil || len(h.Test) == 0 {
		return nil
	}
	sensible := func(d time.Duration) time.Duration {
		if d < time.Millisecond {
			return 0
		}
		return d
	}
	return &api.HealthCheck{
		None: h.Test[0] == "NONE", Test: h.Test, Retries: max(0, h.Retries),
		Interval: sensible(h.Interval), Timeout: sensible(h.Timeout), StartPeriod: sensible(h.StartPeriod),
	}
}
