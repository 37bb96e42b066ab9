package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/godbus/dbus/v5"
)

// https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.FileChooser.html
const (
	fileChooser = "org.freedesktop.portal.FileChooser"
	request     = "org.freedesktop.portal.Request"
)

// errNoPortal says that the desktop has no portal for files; GTK's own dialog
// serves then.
var errNoPortal = errors.New("the desktop has no file portal")

// chooser asks for files by the desktop's own dialog: KDE's under KDE, with
// the person's bookmarks and recent places.
type chooser struct{ bus *bus }

// open asks for a file, "" where the person gave up.
func (c chooser) open(ctx context.Context, title string) (string, error) {
	return c.ask(ctx, "OpenFile", title, nil)
}

// folder asks for a folder, "" where the person gave up.
func (c chooser) folder(ctx context.Context, title string) (string, error) {
	return c.ask(ctx, "OpenFile", title, map[string]dbus.Variant{"directory": dbus.MakeVariant(true)})
}

// save asks where to save a file of the suggested name.
func (c chooser) save(ctx context.Context, title, name string) (string, error) {
	return c.ask(ctx, "SaveFile", title, map[string]dbus.Variant{"current_name": dbus.MakeVariant(name)})
}

// ask calls the portal and waits for the answer, which comes as a signal of a
// request object.
func (c chooser) ask(ctx context.Context, method, title string, options map[string]dbus.Variant) (string, error) {
	conn, err := c.bus.join()
	if err != nil {
		return "", errNoPortal
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	said := make(chan *dbus.Signal, 8)
	conn.Signal(said)
	defer conn.RemoveSignal(said)
	// Before the call: the answer may be quicker than we are.
	match := []dbus.MatchOption{dbus.WithMatchInterface(request), dbus.WithMatchMember("Response")}
	if err := conn.AddMatchSignalContext(ctx, match...); err != nil {
		return "", errNoPortal
	}
	defer func() { _ = conn.RemoveMatchSignal(match...) }()

	if options == nil {
		options = map[string]dbus.Variant{}
	}
	var handle dbus.ObjectPath
	if err := conn.Object(portalName, portalPath).CallWithContext(ctx, fileChooser+"."+method, 0, "", title, options).Store(&handle); err != nil {
		return "", fmt.Errorf("%w: %w", errNoPortal, err)
	}
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case s, ok := <-said:
			if !ok {
				return "", errNoPortal
			}
			if s.Path == handle && s.Name == request+".Response" {
				return chosen(s.Body)
			}
		}
	}
}

// chosen reads a Response(response, results): 0 is yes, 1 is given up.
func chosen(body []any) (string, error) {
	var response uint32
	var results map[string]dbus.Variant
	if err := dbus.Store(body, &response, &results); err != nil {
		return "", fmt.Errorf("the portal's answer: %w", err)
	}
	uris, _ := results["uris"].Value().([]string)
	if response != 0 || len(uris) == 0 {
		return "", nil
	}
	u, err := url.Parse(uris[0])
	if err != nil || u.Scheme != "file" || !strings.HasPrefix(u.Path, "/") {
		return "", fmt.Errorf("the portal chose %q, which is no file of this computer", uris[0])
	}
	return u.Path, nil
}
