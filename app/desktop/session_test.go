package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// startBus starts a session bus of the test's own.
func startBus(t *testing.T) {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("no dbus-daemon on this machine; build/setup test installs it")
	}
	cmd := exec.Command(daemon, "--session", "--nofork", "--print-address", "--address=unix:path="+filepath.Join(t.TempDir(), "bus"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", strings.TrimSpace(address))
}

// peer is another program of the session, with a name.
func peer(t *testing.T, name, path, iface string, object any) *dbus.Conn {
	t.Helper()
	conn, err := sessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if object != nil {
		if err := conn.Export(object, dbus.ObjectPath(path), iface); err != nil {
			t.Fatal(err)
		}
	}
	if name != "" {
		if _, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came within 10 s")
		panic("unreachable")
	}
}

func TestASecondStartShowsItsFileInTheFirstWindow(t *testing.T) {
	startBus(t)
	file := filepath.Join(t.TempDir(), "a b.tar")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first, second := newDesktop(quiet()), newDesktop(quiet())
	if alone, err := first.alone([]string{"davit:run?image=nginx"}); !alone || err != nil {
		t.Fatalf("first start: alone %v, %v", alone, err)
	}
	if o := first.arrivals.take(); o != (Opening{Kind: "run", Image: "nginx"}) {
		t.Errorf("what it was started with: %+v", o)
	}
	came := make(chan Opening, 1)
	first.arrivals.to(func(o Opening) { came <- o })
	for _, c := range []struct {
		args []string
		want Opening
	}{{nil, Opening{}}, {[]string{file}, Opening{Kind: "load", Path: file}}} {
		if alone, err := second.alone(c.args); alone || err != nil {
			t.Fatalf("second start: alone %v, %v", alone, err)
		}
		if o := receive(t, came); o != c.want {
			t.Errorf("%v arrived as %+v, want %+v", c.args, o, c.want)
		}
	}
}

func TestAWindowWithoutASessionBusIsAlone(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	d := newDesktop(quiet())
	if alone, err := d.alone(nil); !alone || err != nil {
		t.Errorf("alone %v, %v", alone, err)
	}
	if d.tray.hosted() {
		t.Error("a tray without a bus")
	}
	if _, err := d.chooser.open(t.Context(), "x"); err == nil {
		t.Error("a file without a portal")
	}
	if err := d.notifier.show(Notification{Title: "x"}); err == nil {
		t.Error("a notification without a bus")
	}
}

func TestOpeningOf(t *testing.T) {
	dir := t.TempDir()
	for address, want := range map[string]Opening{
		"davit:run?image=ghcr.io/a/b:c":       {Kind: "run", Image: "ghcr.io/a/b:c"},
		"davit://run?image=nginx":             {Kind: "run", Image: "nginx"},
		"davit://run/?image=nginx":            {Kind: "run", Image: "nginx"},
		"DAVIT:image?ref=quay.io/a/b@sha256:": {Kind: "image", Image: "quay.io/a/b@sha256:"},
		"davit:":                              {},
		"file://" + dir:                       {Kind: "load", Path: dir},
		dir:                                   {Kind: "load", Path: dir},
	} {
		if got := openingOf([]string{address}); got != want {
			t.Errorf("%s: %+v, want %+v", address, got, want)
		}
	}
	for _, address := range []string{"davit:rm?all=1", "/nonexistent/file", "file://elsewhere/etc", "davit:run?image=\x1b[2J", strings.Repeat("a", maxAddress+1)} {
		if got := openingOf([]string{address}); got.Kind != "refused" || got.Why == "" {
			t.Errorf("%.40q: %+v, want a refusal with a reason", address, got)
		}
	}
}

// notes is a desktop that shows notifications.
type notes struct{ bodies chan string }

func (n notes) Notify(_ string, _ uint32, _, _, body string, _ []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	n.bodies <- body
	return 7, nil
}

func TestNotifications(t *testing.T) {
	startBus(t)
	shown := notes{make(chan string, 1)}
	desk := peer(t, notifications, notificationsPath, notifications, shown)
	d := newDesktop(quiet())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	clicked := make(chan string, 1)
	if _, err := d.bus.join(); err != nil {
		t.Fatal(err)
	}
	go d.notifier.follow(ctx, func(id string) { clicked <- id })

	if err := d.notifier.show(Notification{ID: "op", Title: "Pull", Body: "<b>evil</b> & co"}); err != nil {
		t.Fatal(err)
	}
	if body := receive(t, shown.bodies); body != "&lt;b&gt;evil&lt;/b&gt; &amp; co" {
		t.Errorf("the body is markup: %q", body)
	}
	// Until the match rule has arrived, clicks go nowhere; others' never count.
	deadline := time.After(10 * time.Second)
	for {
		for _, id := range []uint32{99, 7} {
			if err := desk.Emit(notificationsPath, notifications+".ActionInvoked", id, "default"); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case id := <-clicked:
			if id != "op" {
				t.Errorf("clicked %q", id)
			}
			return
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatal("a click was not heard")
		}
	}
}

// files is a portal that chooses.
type files struct {
	conn   **dbus.Conn
	answer uint32
	uris   []string
}

func (f files) OpenFile(_, _ string, _ map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
	const handle = dbus.ObjectPath("/org/freedesktop/portal/desktop/request/1")
	time.AfterFunc(10*time.Millisecond, func() {
		_ = (*f.conn).Emit(handle, request+".Response", f.answer, map[string]dbus.Variant{"uris": dbus.MakeVariant(f.uris)})
	})
	return handle, nil
}

func TestFilesByThePortal(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer uint32
		uris   []string
		want   string
		ok     bool
	}{
		{"chosen", 0, []string{"file:///home/me/a%20b.tar"}, "/home/me/a b.tar", true},
		{"given up", 1, nil, "", true},
		{"not a file", 0, []string{"sftp://host/a"}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			startBus(t)
			conn := peer(t, "", "", "", nil)
			if err := conn.Export(files{&conn, c.answer, c.uris}, portalPath, fileChooser); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.RequestName(portalName, dbus.NameFlagDoNotQueue); err != nil {
				t.Fatal(err)
			}
			got, err := newDesktop(quiet()).chooser.open(t.Context(), "Choose")
			if got != c.want || (err == nil) != c.ok {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// watcher is a desktop with a tray.
type watcher struct{ items chan string }

func (w watcher) RegisterStatusNotifierItem(path string) *dbus.Error {
	w.items <- path
	return nil
}

func (w watcher) Get(_, _ string) (dbus.Variant, *dbus.Error) { return dbus.MakeVariant(true), nil }

func TestTray(t *testing.T) {
	startBus(t)
	w := watcher{make(chan string, 4)}
	desk := peer(t, "", trayWatcherPath, trayWatcher, w)
	if err := desk.Export(w, trayWatcherPath, "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	if _, err := desk.RequestName(trayWatcher, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	d := newDesktop(quiet())
	chosen := make(chan string, 1)
	d.tray.chosen = func(id string) { chosen <- id }
	d.tray.show("Davit", []TrayItem{{ID: "show", Title: "Show"}, {}, {ID: "count", Title: "2 running", Disabled: true}})
	t.Cleanup(d.tray.close)
	receive(t, w.items)

	var layout struct {
		ID         int32
		Properties map[string]dbus.Variant
		Children   []dbus.Variant
	}
	var revision uint32
	menu := desk.Object(ownerOf(t, desk), "/StatusNotifierItem/menu")
	if err := menu.Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &layout); err != nil {
		t.Fatal(err)
	}
	if len(layout.Children) != 3 {
		t.Fatalf("the menu has %d lines, want 3: %v", len(layout.Children), layout.Children)
	}
	first, ok := layout.Children[0].Value().([]any)
	if !ok {
		t.Fatalf("a line is %v", layout.Children[0])
	}
	if err := menu.Call("com.canonical.dbusmenu.Event", 0, first[0], "clicked", dbus.MakeVariant(""), uint32(0)).Err; err != nil {
		t.Fatal(err)
	}
	if id := receive(t, chosen); id != "show" {
		t.Errorf("chosen %q", id)
	}
}

// ownerOf finds the tray item's name on the bus.
func ownerOf(t *testing.T, conn *dbus.Conn) string {
	t.Helper()
	var names []string
	if err := conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "org.kde.StatusNotifierItem-") {
			return name
		}
	}
	t.Fatal("no tray item on the bus")
	return ""
}

func TestGeometryIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "window.json")
	if g := readGeometry(path); g != firstGeometry {
		t.Errorf("first: %+v", g)
	}
	want := geometry{Width: 900, Height: 600, Maximised: true}
	if err := want.keep(path); err != nil {
		t.Fatal(err)
	}
	if g := readGeometry(path); g != want {
		t.Errorf("kept: %+v, want %+v", g, want)
	}
	if err := os.WriteFile(path, []byte(`{"width":1,"height":99999999}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if g := readGeometry(path); g != firstGeometry {
		t.Errorf("nonsense was taken: %+v", g)
	}
	if got := geometryPath(func(name string) string {
		return map[string]string{"HOME": "/home/me", "XDG_STATE_HOME": "relative"}[name]
	}); got != "/home/me/.local/state/davit/window.json" {
		t.Errorf("path %s", got)
	}
}
