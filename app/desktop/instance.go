package main

import (
	"fmt"
	"os"

	"github.com/godbus/dbus/v5"
)

// The window's name on the session bus, and the interface by which desktops
// and a second start reach the window that is there.
// https://specifications.freedesktop.org/desktop-entry/latest/dbus.html
const (
	busName     = "org.davit.Davit"
	busPath     = "/org/davit/Davit"
	application = "org.freedesktop.Application"
)

// instance answers org.freedesktop.Application: whoever is on the session bus
// may bring the window forward and show it something, and no more.
type instance struct {
	arrive func(Opening)
}

// Activate brings the window forward.
func (i instance) Activate(map[string]dbus.Variant) *dbus.Error {
	i.arrive(Opening{})
	return nil
}

// Open shows files and davit: addresses.
func (i instance) Open(addresses []string, _ map[string]dbus.Variant) *dbus.Error {
	i.arrive(openingOf(addresses))
	return nil
}

// ActivateAction brings the window forward: Davit has no actions of this kind.
func (i instance) ActivateAction(_ string, _ []dbus.Variant, _ map[string]dbus.Variant) *dbus.Error {
	i.arrive(Opening{})
	return nil
}

// claim makes this process the window of the session, whose arrivals go to
// arrive. alone is false where another one was there: it has been shown the
// addresses instead. Without a session bus every window is alone.
func claim(b *bus, addresses []string, arrive func(Opening)) (alone bool, err error) {
	conn, err := b.join()
	if err != nil {
		return true, nil
	}
	if err := conn.Export(instance{arrive}, busPath, application); err != nil {
		return true, fmt.Errorf("answer on the session bus: %w", err)
	}
	reply, err := conn.RequestName(busName, dbus.NameFlagDoNotQueue)
	if err != nil || reply != dbus.RequestNameReplyExists {
		return true, err
	}
	return false, hand(conn.Object(busName, busPath), addresses)
}

// hand shows another window what this one was started with.
func hand(other dbus.BusObject, addresses []string) error {
	platform := map[string]dbus.Variant{}
	// What lets a Wayland compositor give the other window the focus.
	for key, name := range map[string]string{"XDG_ACTIVATION_TOKEN": "activation-token", "DESKTOP_STARTUP_ID": "desktop-startup-id"} {
		if value := os.Getenv(key); value != "" {
			platform[name] = dbus.MakeVariant(value)
		}
	}
	if len(addresses) == 0 {
		return other.Call(application+".Activate", 0, platform).Err
	}
	return other.Call(application+".Open", 0, absolute(addresses), platform).Err
}
