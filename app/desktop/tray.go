package main

import (
	"slices"
	"sync"

	"fyne.io/systray"
)

// https://www.freedesktop.org/wiki/Specifications/StatusNotifierItem/
const (
	trayWatcher     = "org.kde.StatusNotifierWatcher"
	trayWatcherPath = "/StatusNotifierWatcher"
)

// TrayItem is a line of the tray's menu; the page writes the menu, so that
// words and actions are where all others are.
type TrayItem struct {
	ID       string `json:"id"` // comes back when it is chosen; "" is a line between
	Title    string `json:"title"`
	Disabled bool   `json:"disabled"`
}

// maxTray bounds the menu: beyond, it is no menu any more.
const maxTray = 40

// tray is the item in the desktop's tray, where the desktop has one. Nothing
// depends on it.
type tray struct {
	bus    *bus
	chosen func(id string) // "" is the item itself: the window is wanted

	mu    sync.Mutex
	end   func() // nil while it is not shown
	items []TrayItem
}

// hosted tells whether the desktop shows trays.
func (t *tray) hosted() bool {
	conn, err := t.bus.join()
	if err != nil {
		return false
	}
	var names []string
	if err := conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil || !slices.Contains(names, trayWatcher) {
		return false
	}
	shown, err := conn.Object(trayWatcher, trayWatcherPath).GetProperty(trayWatcher + ".IsStatusNotifierHostRegistered")
	yes, _ := shown.Value().(bool)
	return err == nil && yes
}

// show sets title and menu; no items take it away. A desktop without a tray
// is left in peace.
func (t *tray) show(title string, items []TrayItem) {
	if len(items) == 0 {
		t.close()
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	items = items[:min(len(items), maxTray)]
	if t.end == nil && !t.begin() {
		return
	}
	systray.SetTooltip(title)
	if slices.Equal(items, t.items) {
		return
	}
	t.items = slices.Clone(items)
	systray.ResetMenu()
	for _, item := range items {
		t.add(item)
	}
}

func (t *tray) begin() bool {
	if !t.hosted() {
		return false
	}
	start, end := systray.RunWithExternalLoop(func() {
		systray.SetIcon(icon)
		systray.SetTitle("Davit")
	}, nil)
	systray.SetOnTapped(func() { t.chosen("") })
	start()
	t.end = end
	return true
}

func (t *tray) add(item TrayItem) {
	if item.ID == "" {
		systray.AddSeparator()
		return
	}
	m := systray.AddMenuItem(item.Title, "")
	if item.Disabled {
		m.Disable()
		return
	}
	go func() {
		// Closed when the menu is made anew.
		for range m.ClickedCh {
			t.chosen(item.ID)
		}
	}()
}

// close takes the item away.
func (t *tray) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.end != nil {
		t.end()
		t.end, t.items = nil, nil
	}
}
