package main

import (
	"testing"
	"time"

	"davit/backend/api"
)

func TestMemorySize(t *testing.T) {
	for in, want := range map[int64]string{0: "0B", 1023: "1023B", 1536: "1.5KiB", 692 << 10: "692KiB", 25_276_000_000: "23.54GiB"} {
		if got := memorySize(in); got != want {
			t.Errorf("%d: %s, want %s", in, got, want)
		}
	}
}

func TestEventFilter(t *testing.T) {
	die := api.Event{Type: "container", Action: "die", ID: "abcdef", Name: "web", Image: "docker.io/library/nginx:1"}
	sick := api.Event{Type: "container", Action: "health_status: unhealthy", ID: "123456", Name: "db", Image: "docker.io/library/postgres:1"}
	for _, c := range []struct {
		filters   map[string][]string
		die, sick bool
	}{
		{nil, true, true},
		{map[string][]string{"container": {"web"}}, true, false},
		{map[string][]string{"container": {"abc", "db"}}, true, true},
		{map[string][]string{"event": {"die"}}, true, false},
		{map[string][]string{"event": {"health_status"}}, false, true},
		{map[string][]string{"image": {"nginx"}, "event": {"die"}}, true, false},
		{map[string][]string{"type": {"image"}}, false, false},
	} {
		fits, err := eventFilter(c.filters)
		if err != nil || fits(die) != c.die || fits(sick) != c.sick {
			t.Errorf("%v: %v, %v, %v", c.filters, fits(die), fits(sick), err)
		}
	}
	if _, err := eventFilter(map[string][]string{"colour": {"red"}}); err == nil {
		t.Error("an unknown filter was taken")
	}
}

func TestProcessTimes(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.Local)
	if got := startTime(now, now.Add(-time.Hour)); got != "11:00" {
		t.Error(got)
	}
	if got := startTime(now, now.Add(-48*time.Hour)); got != "Feb28" {
		t.Error(got)
	}
	if got := clock(3*time.Hour + 2*time.Minute + time.Second); got != "03:02:01" {
		t.Error(got)
	}
	if got := share(api.Process{Started: now.Add(-100 * time.Second), CPUTime: 50 * time.Second}, now); got != 50 {
		t.Error(got)
	}
}
