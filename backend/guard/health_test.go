package guard

import (
	"slices"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
)

func TestHealthCountsAsDockers(t *testing.T) {
	const ok, bad = 0, 1
	check := api.HealthCheck{Retries: 2}
	for name, c := range map[string]struct {
		codes   []int
		early   int // so many results fall into the start period
		want    string
		failing int
	}{
		"nothing yet":               {nil, 0, "starting", 0},
		"at once healthy":           {[]int{ok}, 0, "healthy", 0},
		"one failure":               {[]int{bad}, 0, "starting", 1},
		"too many":                  {[]int{bad, bad}, 0, "unhealthy", 2},
		"recovers":                  {[]int{bad, bad, ok}, 0, "healthy", 0},
		"one failure while healthy": {[]int{ok, bad}, 0, "healthy", 1},
		"early ones do not count":   {[]int{bad, bad, bad, bad}, 4, "starting", 0},
		"early, then late":          {[]int{bad, bad, bad}, 2, "starting", 1},
		"success ends the period":   {[]int{ok, bad, bad}, 3, "unhealthy", 2},
		"could not be run":          {[]int{-1, -1}, 0, "unhealthy", 2},
	} {
		h := api.Health{Status: api.HealthStarting}
		for i, code := range c.codes {
			r := api.HealthResult{Code: code}
			noteHealth(&h, &r, check, i < c.early)
			if r.Status != h.Status {
				t.Errorf("%s: the result says %s, the container %s", name, r.Status, h.Status)
			}
		}
		if h.Status != c.want || h.Failing != c.failing {
			t.Errorf("%s: %s with %d failures, want %s with %d", name, h.Status, h.Failing, c.want, c.failing)
		}
	}
}

func TestHealthKeepsFiveResults(t *testing.T) {
	h := api.Health{Status: api.HealthStarting}
	for i := range 9 {
		noteHealth(&h, &api.HealthResult{Code: i}, api.HealthCheck{Retries: 1}, false)
	}
	if len(h.Log) != 5 || h.Log[0].Code != 4 || h.Log[4].Code != 8 {
		t.Errorf("%+v", h.Log)
	}
}

func TestHealthPauses(t *testing.T) {
	h := &health{check: api.HealthCheck{Interval: time.Minute, StartInterval: time.Second, StartPeriod: time.Hour}}
	h.now.Status = api.HealthStarting
	if got := h.pauseUntilNext(time.Now()); got != time.Second {
		t.Errorf("in the start period: %s", got)
	}
	if got := h.pauseUntilNext(time.Now().Add(-2 * time.Hour)); got != time.Minute {
		t.Errorf("after it: %s", got)
	}
	// A clock that was set back ten years makes no endless start period.
	if got := h.pauseUntilNext(time.Now().AddDate(10, 0, 0)); got != time.Minute {
		t.Errorf("started in the future: %s", got)
	}
	h.now.Status = api.HealthHealthy
	if got := h.pauseUntilNext(time.Now()); got != time.Minute {
		t.Errorf("healthy: %s", got)
	}
}

func TestHealthCommands(t *testing.T) {
	for want, test := range map[string][]string{
		"/bin/sh|-c|a b": {"CMD-SHELL", "a b"}, "curl|-f|x": {"CMD", "curl", "-f", "x"}, "": {"CMD"}, " ": {"NONSENSE", "x"},
	} {
		got, err := healthCommand(test)
		if strings.TrimSpace(want) == "" {
			if err == nil {
				t.Errorf("%q gave %q", test, got)
			}
			continue
		}
		if err != nil || !slices.Equal(got, strings.Split(want, "|")) {
			t.Errorf("%q: %q, %v", test, got, err)
		}
	}
}

func TestHeadIsBounded(t *testing.T) {
	if got := head(strings.NewReader(strings.Repeat("x", 1<<20)), healthOutput); len(got) != healthOutput {
		t.Errorf("%d bytes", len(got))
	}
}
