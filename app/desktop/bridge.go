package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wailsapp/wails/v2/pkg/runtime"
)

// Bridge is what the page can ask of the desktop, beside the API. Its methods
// are the page's window.go.main.Bridge.
type Bridge struct {
	version string
	look    *look
	window  context.Context // Wails' handle of the window, set before the page is loaded
}

// Version is the version of this build.
func (b *Bridge) Version() string { return b.version }

// Appearance is what the desktop's settings say of looks; changes come as
// events "appearance".
func (b *Bridge) Appearance() Appearance { return b.look.now() }

// OpenURL shows an http or https address in the person's browser.
func (b *Bridge) OpenURL(address string) error { return openURL(b.window, address) }

// PickFile asks for a file and returns its path, "" where the person gave up.
func (b *Bridge) PickFile() (string, error) {
	return runtime.OpenFileDialog(b.window, runtime.OpenDialogOptions{Title: "Choose a File"})
}

// PickSave asks where to save a file of the suggested name and returns the
// path, "" where the person gave up.
func (b *Bridge) PickSave(name string) (string, error) {
	return runtime.SaveFileDialog(b.window, runtime.SaveDialogOptions{
		Title:           "Save As",
		DefaultFilename: strings.TrimLeft(filepath.Base(name), "."),
	})
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

// Quit closes the window. Containers go on.
func (b *Bridge) Quit() { runtime.Quit(b.window) }
