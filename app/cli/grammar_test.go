package main

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"davit/backend/api"
)

func TestPortList(t *testing.T) {
	got := portList([]api.Port{
		{HostPort: 49153, ContainerPort: 443}, {HostPort: 8081, ContainerPort: 81}, {HostPort: 8080, ContainerPort: 80},
		{HostIP: "::", HostPort: 53, ContainerPort: 53, Protocol: "udp"},
	})
	if want := "127.0.0.1:8080-8081->80-81/tcp, 127.0.0.1:49153->443/tcp, [::]:53->53/udp"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestHumanDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                             "Less than a second",
		time.Second:                   "1 second",
		3 * time.Second:               "3 seconds",
		70 * time.Second:              "About a minute",
		5 * time.Minute:               "5 minutes",
		time.Hour:                     "About an hour",
		5 * time.Hour:                 "5 hours",
		50 * time.Hour:                "2 days",
		15 * 24 * time.Hour:           "2 weeks",
		70 * 24 * time.Hour:           "2 months",
		3 * 365 * 24 * time.Hour:      "3 years",
		time.Second - time.Nanosecond: "Less than a second",
	} {
		if got := humanDuration(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestHumanSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0B", 999: "999B", 1000: "1kB", 4264000: "4.26MB", 187_000_000: "187MB", 999_999: "1MB", 1_500_000_000: "1.5GB",
	} {
		if got := humanSize(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"10m":                       now.Add(-10 * time.Minute),
		"1136073600.5":              time.Unix(1136073600, 500000000),
		"2026-01-02T03:04:05Z":      now,
		"2026-01-02T03:04:05+01:00": now.Add(-time.Hour),
		"2026-01-02":                time.Date(2026, 1, 2, 0, 0, 0, 0, time.Local),
	} {
		got, err := moment(now, in)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v, want %v", in, got, err, want)
		}
	}
	if _, err := moment(now, "yesterday"); err == nil {
		t.Error("yesterday is a time")
	}
}

func TestDetachKeysEndTheInput(t *testing.T) {
	for in, want := range map[string]string{
		"abc":            "abc EOF",
		"a\x10\x11b":     "a detached",
		"a\x10b":         "a\x10b EOF",
		"\x10\x10\x11":   "\x10 detached",
		"\x10":           "\x10 EOF",
		"x\x11\x10\x11y": "x\x11 detached",
	} {
		for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader} {
			b, err := io.ReadAll(&detachReader{in: wrap(strings.NewReader(in)), keys: []byte{16, 17}})
			end := " EOF"
			if err != nil {
				end = " " + err.Error()
			}
			if string(b)+end != want {
				t.Errorf("%q: %q %v, want %q", in, b, err, want)
			}
		}
	}
	if k, err := parseDetachKeys(defaultDetachKeys); err != nil || string(k) != "\x10\x11" {
		t.Errorf("%q %v", k, err)
	}
	if _, err := parseDetachKeys("ctrl-,"); err == nil {
		t.Error("ctrl- is a key")
	}
}

func TestCleanLine(t *testing.T) {
	if got := cleanLine("a\x1b[31mb\nc\u202ed\x00\u009b"); got != "a[31mb cd" {
		t.Errorf("%q", got)
	}
}

func TestNameMatches(t *testing.T) {
	const name = "docker.io/library/nginx:1.29"
	for ref, want := range map[string]bool{
		"nginx": true, "nginx:1.29": true, "ngi*": true, "library/nginx": true, name: true,
		"docker.io/library/nginx": true, "nginx:2": false, "inx": false,
	} {
		if nameMatches(name, ref) != want {
			t.Errorf("%s: %v", ref, !want)
		}
	}
	if r, tag := splitName("localhost:5000/a"); r != "localhost:5000/a" || tag != "<none>" {
		t.Errorf("%s %s", r, tag)
	}
	im := api.Image{ID: "sha256:" + strings.Repeat("a", 64), RepoDigests: []string{"localhost:5000/a@sha256:" + strings.Repeat("b", 64)}}
	if rows := imageRows(&env{now: time.Now}, ImagesOptions{}, im, nil); len(rows) != 1 || rows[0].Repository != "localhost:5000/a" || rows[0].Tag != "<none>" {
		t.Errorf("by its digest: %+v", rows)
	}
}

func TestEnvironmentFile(t *testing.T) {
	e := &env{lookup: func(k string) (string, bool) { return "v", k == "KNOWN" }}
	got, err := environment(e, []string{file(t, "\ufeffA=1\r\n\n  # x\nKNOWN\nUNKNOWN\nE=\n")}, []string{"B=a=b"})
	if err != nil || strings.Join(got, "|") != "A=1|KNOWN=v|E=|B=a=b" {
		t.Errorf("%q %v", got, err)
	}
	for _, bad := range []string{"=x\n", "A B=1\n"} {
		if _, err := environment(e, []string{file(t, bad)}, nil); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}
