package main

import (
	"testing"
	"time"

	"davit/backend/api"
)

func TestParseBytes(t *testing.T) {
	for in, want := range map[string]int64{
		"": 0, "-1": -1, "512": 512, "512b": 512, "1k": 1 << 10, "1KB": 1 << 10, "2m": 2 << 20, "2MiB": 2 << 20, "1.5g": 3 << 29, "1t": 1 << 40,
	} {
		if got, err := parseBytes("memory", in); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"x", "-5", "0", "1x", "m", "nan", "inf", "9999999999999999t", "1mm"} {
		if got, err := parseBytes("memory", in); err == nil {
			t.Errorf("%q gave %d", in, got)
		}
	}
}

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
