package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func rowsOf(t *testing.T, o ListOptions, list ...api.Container) string {
	t.Helper()
	var out bytes.Buffer
	e := &env{out: &out, now: func() time.Time { return noon }, log: slog.New(slog.DiscardHandler)}
	var rows []psRow
	for _, c := range list {
		rows = append(rows, newPsRow(e, o, c))
	}
	if err := psTable.write(&out, o, rows); err != nil {
		return "! " + err.Error()
	}
	return out.String()
}

func example() api.Container {
	return api.Container{
		ID: strings.Repeat("ab", 32), Name: "web", Image: "docker.io/library/nginx:latest",
		Command: []string{"/docker-entrypoint.sh", "nginx", "-g", "daemon off;"},
		Created: noon.Add(-2 * time.Minute), State: api.StateRunning, Started: noon.Add(-3 * time.Second),
		Ports:  []api.Port{{HostIP: "127.0.0.1", HostPort: 49153, ContainerPort: 80, Protocol: "tcp"}},
		Labels: map[string]string{"b": "2", "a": "1"},
	}
}

func TestPsTable(t *testing.T) {
	want := `CONTAINER ID   IMAGE                            COMMAND                  CREATED         STATUS         PORTS                     NAMES
abababababab   docker.io/library/nginx:latest   "/docker-entrypoint.…"   2 minutes ago   Up 3 seconds   127.0.0.1:49153->80/tcp   web
`
	if got := rowsOf(t, ListOptions{}, example()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTemplates(t *testing.T) {
	c := example()
	for format, want := range map[string]string{
		"{{.Names}} {{.ID}}":                      "web abababababab\n",
		`{{.Image}}\t{{.Status}}`:                 "docker.io/library/nginx:latest\tUp 3 seconds\n",
		`{{.Label "a"}} {{.Labels}}`:              "1 a=1,b=2\n",
		"table {{.Names}}\\t{{.State}}":           "NAMES     STATE\nweb       running\n",
		`table {{.Label "a"}}`:                    "a\n1\n",
		"table {{upper .Names}}":                  "NAMES\nWEB\n",
		"{{json .Names}}":                         "\"web\"\n",
		`{{range split .Image "/"}}{{.}} {{end}}`: "docker.io library nginx:latest \n",
		"{{.Nope}}":                               "! ",
		"{{":                                      "! ",
	} {
		got := rowsOf(t, ListOptions{Format: format}, c)
		if got != want && !(want == "! " && strings.HasPrefix(got, "! template: ")) {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
	got := rowsOf(t, ListOptions{Format: "json"}, c, c)
	if strings.Count(got, "\n") != 2 || !strings.Contains(got, `"Names":"web"`) {
		t.Errorf("json: %s", got)
	}
	if got := rowsOf(t, ListOptions{Format: "{{.ID}}", NoTrunc: true}, c); got != c.ID+"\n" {
		t.Errorf("no-trunc: %s", got)
	}
}

func TestStatusLine(t *testing.T) {
	for want, c := range map[string]api.Container{
		"Created":                     {State: api.StateCreated},
		"Exited (3) 5 seconds ago":    {State: api.StateExited, ExitCode: 3, Finished: noon.Add(-5 * time.Second)},
		"Restarting (1) 1 second ago": {State: api.StateRestarting, ExitCode: 1, Finished: noon.Add(-time.Second)},
		"Up 5 minutes (Paused)":       {State: api.StatePaused, Started: noon.Add(-5 * time.Minute)},
		"Broken: no json":             {State: api.StateBroken, Reason: "no json"},
		"Exited (137)":                {State: api.StateExited, ExitCode: 137},
	} {
		e := &env{now: func() time.Time { return noon }}
		if got := statusLine(e, c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAStoppedContainerPublishesNothing(t *testing.T) {
	c := example()
	c.State = api.StateExited
	if got := rowsOf(t, ListOptions{Format: "{{.Ports}}"}, c); got != "\n" {
		t.Errorf("%q", got)
	}
}

// A name, command or label that drives the terminal arrives as plain text.
func TestForeignTextIsHarmless(t *testing.T) {
	c := example()
	c.Command = []string{"sh", "-c", "\x1b]0;owned\a\n\tx"}
	got := rowsOf(t, ListOptions{NoTrunc: true}, c)
	if strings.ContainsAny(got, "\x1b\a\t") || strings.Count(got, "\n") != 2 {
		t.Errorf("%q", got)
	}
}

func TestInspectTemplates(t *testing.T) {
	d := api.ContainerDetail{Container: example(), Args: []string{"/a", "b"}, Env: []string{"A=1"}}
	d.PID, d.IP = 4194304, "10.88.0.2"
	d.Attachments = []api.Attachment{{Network: "default", IP: "10.88.0.2"}}
	v := dockerContainer(d)
	for format, want := range map[string]string{
		"{{.Id}}":                        d.ID,
		"{{.ID}}":                        d.ID,
		"{{.Name}} {{.State.Status}}":    "/web running",
		"{{.State.Pid}}":                 "4194304",
		"{{.Id}} {{.State.Pid}}":         d.ID + " 4194304",
		"{{.NetworkSettings.IPAddress}}": "10.88.0.2",
		`{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}`:                  "49153",
		`{{range $p, $b := .NetworkSettings.Ports}}{{$p}}={{(index $b 0).HostIp}}{{end}}`: "80/tcp=127.0.0.1",
		`{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}`:                        "10.88.0.2",
		"{{json .Config.Env}}":           `["A=1"]`,
		"{{.Path}} {{join .Args \" \"}}": "/a b",
	} {
		var out bytes.Buffer
		e := &env{out: &out}
		if err := printInspected(e, InspectOptions{Format: format}, []any{v}); err != nil || out.String() != want+"\n" {
			t.Errorf("%s: %q %v, want %q", format, out.String(), err, want)
		}
	}
	e := &env{out: &bytes.Buffer{}}
	if err := printInspected(e, InspectOptions{Format: "{{.Nope}}"}, []any{v}); err == nil {
		t.Error("a field that is not there passes")
	}
}
