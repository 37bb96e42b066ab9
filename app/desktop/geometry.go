package main

import (
	"os"
	"path/filepath"

	"davit/backend/store"

	"github.com/wailsapp/wails/v2/pkg/options"
)

// geometry is the window as it was left. Where it stood is the window
// manager's to know: under Wayland nobody else may.
type geometry struct {
	Width     int  `json:"width"`  // px
	Height    int  `json:"height"` // px
	Maximised bool `json:"maximised"`
}

const (
	minWidth, minHeight = 480, 360
	maxSide             = 16384 // beyond any display
)

var firstGeometry = geometry{Width: 1120, Height: 720}

// readGeometry gives the window as it was left, or the first one where there
// is none, or nonsense.
func readGeometry(path string) geometry {
	var g geometry
	if err := store.ReadJSON(path, &g); err != nil || !g.sane() {
		return firstGeometry
	}
	return g
}

func (g geometry) sane() bool {
	return g.Width >= minWidth && g.Height >= minHeight && g.Width <= maxSide && g.Height <= maxSide
}

func (g geometry) state() options.WindowStartState {
	if g.Maximised {
		return options.Maximised
	}
	return options.Normal
}

// keep writes the geometry. A window that can't is none the worse.
func (g geometry) keep(path string) error {
	if !g.sane() {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return store.WriteJSON(path, g)
}

// geometryPath is where the geometry is kept: state, not settings, so that
// dotfiles which people copy between computers do not carry it.
// https://specifications.freedesktop.org/basedir-spec/latest/
func geometryPath(getenv func(string) string) string {
	state := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		state = filepath.Join(getenv("HOME"), ".local", "state")
	}
	return filepath.Join(state, "davit", "window.json")
}
