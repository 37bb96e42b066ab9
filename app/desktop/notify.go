package main

import (
	"context"
	"fmt"
	"html"
	"sync"

	"github.com/godbus/dbus/v5"
)

// https://specifications.freedesktop.org/notification/latest/
const (
	notifications     = "org.freedesktop.Notifications"
	notificationsPath = "/org/freedesktop/Notifications"
)

// Notification is what the page wants the desktop to tell while nobody looks
// at the window.
type Notification struct {
	ID    string `json:"id"` // comes back when the person clicks it
	Title string `json:"title"`
	Body  string `json:"body"` // plain text
}

// notifier shows notifications and tells which one was clicked.
type notifier struct {
	bus *bus

	mu    sync.Mutex
	shown map[uint32]string // ids that the desktop gave → ours
}

// show hands a notification to the desktop.
func (n *notifier) show(m Notification) error {
	conn, err := n.bus.join()
	if err != nil {
		return err
	}
	hints := map[string]dbus.Variant{"desktop-entry": dbus.MakeVariant(busName)}
	// Servers read the body as markup; what names an image wrote stays text.
	args := []any{"Davit", uint32(0), "davit", m.Title, html.EscapeString(m.Body), []string{"default", ""}, hints, int32(-1)}
	var id uint32
	if err := conn.Object(notifications, notificationsPath).Call(notifications+".Notify", 0, args...).Store(&id); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shown[id] = m.ID
	return nil
}

// follow calls clicked with the ID of each notification that the person
// clicks, until ctx ends.
func (n *notifier) follow(ctx context.Context, clicked func(id string)) {
	n.bus.signals(ctx, notifications, func(s *dbus.Signal) {
		if id, ours := n.answered(s); ours {
			clicked(id)
		}
	})
}

// answered tells whether a signal says that one of ours was clicked.
func (n *notifier) answered(s *dbus.Signal) (string, bool) {
	if len(s.Body) < 2 {
		return "", false
	}
	number, ok := s.Body[0].(uint32)
	if !ok {
		return "", false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	id, ours := n.shown[number]
	switch s.Name {
	case notifications + ".ActionInvoked":
		return id, ours
	case notifications + ".NotificationClosed":
		delete(n.shown, number)
	}
	return "", false
}
