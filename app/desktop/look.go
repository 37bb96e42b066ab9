package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"

	"github.com/godbus/dbus/v5"
)

// Appearance is what the desktop wants windows to look like; "" is no wish.
type Appearance struct {
	Scheme   string `json:"scheme"`   // "light", "dark", ""
	Contrast string `json:"contrast"` // "more", ""
	Accent   string `json:"accent"`   // "#rrggbb", ""
}

// The XDG settings portal; WebKitGTK knows neither accent nor contrast, and
// dark only by the theme's name.
// https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Settings.html
const (
	portalName  = "org.freedesktop.portal.Desktop"
	portalPath  = "/org/freedesktop/portal/desktop"
	settings    = "org.freedesktop.portal.Settings"
	appearances = "org.freedesktop.appearance"
)

// look holds the appearance as it is now.
type look struct {
	log     *slog.Logger
	mu      sync.Mutex
	current Appearance
}

func (l *look) now() Appearance {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// follow keeps up with the settings until ctx ends and calls changed after
// each change. A desktop without the portal simply has no wishes.
func (l *look) follow(ctx context.Context, changed func(Appearance)) {
	if err := l.listen(ctx, changed); err != nil && ctx.Err() == nil {
		l.log.Info("the desktop's appearance is unknown", "error", err)
	}
}

func (l *look) listen(ctx context.Context, changed func(Appearance)) error {
	bus, err := sessionBus(dbus.WithContext(ctx))
	if err != nil {
		return err
	}
	defer bus.Close()
	signals := make(chan *dbus.Signal, 16)
	bus.Signal(signals)
	if err := bus.AddMatchSignalContext(ctx, dbus.WithMatchInterface(settings), dbus.WithMatchMember("SettingChanged"), dbus.WithMatchArg(0, appearances)); err != nil {
		return fmt.Errorf("follow %s: %w", settings, err)
	}
	var all map[string]map[string]dbus.Variant
	portal := bus.Object(portalName, portalPath)
	if err := portal.CallWithContext(ctx, settings+".ReadAll", 0, []string{appearances}).Store(&all); err != nil {
		return fmt.Errorf("read %s: %w", settings, err)
	}
	for key, value := range all[appearances] {
		l.set(key, value)
	}
	changed(l.now())
	for {
		select {
		case <-ctx.Done():
			return nil
		case s, ok := <-signals:
			if !ok {
				return nil
			}
			if key, value, ok := setting(s.Body); ok {
				l.set(key, value)
				changed(l.now())
			}
		}
	}
}

// setting reads a SettingChanged(namespace, key, value).
func setting(body []any) (key string, value dbus.Variant, ok bool) {
	var namespace string
	err := dbus.Store(body, &namespace, &key, &value)
	return key, value, err == nil && namespace == appearances
}

func (l *look) set(key string, value dbus.Variant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = l.current.with(key, value.Value())
}

// with is a with one of the portal's settings taken over; values that it does
// not know mean no wish.
func (a Appearance) with(key string, value any) Appearance {
	switch key {
	case "color-scheme":
		n, _ := value.(uint32)
		a.Scheme = map[uint32]string{1: "dark", 2: "light"}[n]
	case "contrast":
		n, _ := value.(uint32)
		a.Contrast = map[uint32]string{1: "more"}[n]
	case "accent-color":
		a.Accent = hex(value)
	}
	return a
}

// hex turns the portal's (ddd), each 0 to 1, into #rrggbb. Out of range means
// that none is set.
func hex(value any) string {
	parts, ok := value.([]any)
	if !ok || len(parts) != 3 {
		return ""
	}
	text := "#"
	for _, p := range parts {
		c, ok := p.(float64)
		if !ok || math.IsNaN(c) || c < 0 || c > 1 {
			return ""
		}
		text += fmt.Sprintf("%02x", int(math.Round(c*255)))
	}
	return text
}
