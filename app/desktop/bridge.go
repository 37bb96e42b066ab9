package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/wailsapp/wails/v2/pkg/runtime"
)

// Bridge is what the page can ask of the desktop, beside the API. Its methods
// are the page's window.go.main.Bridge.
type Bridge struct {
	version string
	desktop *desktop
	window  context.Context // Wails' handle of the window, set before the page is loaded

	stays    atomic.Bool // hides in the tray when closed
	quitting atomic.Bool
}

// Version is the version of this build.
func (b *Bridge) Version() string { return b.version }

// Appearance is what the desktop's settings say of looks; changes come as
// events "appearance".
func (b *Bridge) Appearance() Appearance { return b.desktop.look.now() }

// OpenURL shows an http or https address in the person's browser.
func (b *Bridge) OpenURL(address string) error { return openURL(b.window, address) }

// PickFile asks for a file and returns its path, "" where the person gave up.
func (b *Bridge) PickFile() (string, error) {
	const title = "Choose a File"
	path, err := b.desktop.chooser.open(b.window, title)
	if errors.Is(err, errNoPortal) {
		return runtime.OpenFileDialog(b.window, runtime.OpenDialogOptions{Title: title})
	}
	return path, err
}

// PickFolder asks for a folder and returns its path, "" where the person gave up.
func (b *Bridge) PickFolder() (string, error) {
	const title = "Choose a Folder"
	path, err := b.desktop.chooser.folder(b.window, title)
	if errors.Is(err, errNoPortal) {
		return runtime.OpenDirectoryDialog(b.window, runtime.OpenDialogOptions{Title: title})
	}
	return path, err
}

// PickSave asks where to save a file of the suggested name and returns the
// path, "" where the person gave up.
func (b *Bridge) PickSave(name string) (string, error) {
	const title = "Save As"
	name = strings.TrimLeft(filepath.Base(name), ".")
	path, err := b.desktop.chooser.save(b.window, title, name)
	if errors.Is(err, errNoPortal) {
		return runtime.SaveFileDialog(b.window, runtime.SaveDialogOptions{Title: title, DefaultFilename: name})
	}
	return path, err
}

// SaveText saves text where the person chooses and returns the path, "" where
// the person gave up.
func (b *Bridge) SaveText(name, text string) (string, error) {
	path, err := b.PickSave(name)
	if err != nil || path == "" {
		return "", err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("save %s: %w", filepath.Base(name), err)
	}
	return path, nil
}

// Opening gives, once, what the window was opened with; what comes later
// arrives as events "opening".
func (b *Bridge) Opening() Opening { return b.desktop.arrivals.take() }

// Notify has the desktop tell something; a click comes as the event
// "notified" with the notification's ID.
func (b *Bridge) Notify(n Notification) error { return b.desktop.notifier.show(n) }

// Tray sets the tray's menu, where the desktop has a tray; a chosen item comes
// as the event "tray" with its ID. stays says whether closing the window only
// hides it there.
func (b *Bridge) Tray(title string, items []TrayItem, stays bool) {
	b.stays.Store(stays)
	b.desktop.tray.show(title, items)
}

// TrayShown tells whether the desktop has a tray.
func (b *Bridge) TrayShown() bool { return b.desktop.tray.hosted() }

// Show brings the window forward.
func (b *Bridge) Show() { raise(b.window) }

// Quit closes the window, also where it would hide in the tray. Containers go on.
func (b *Bridge) Quit() {
	b.quitting.Store(true)
	runtime.Quit(b.window)
}
