package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode"
)

// Opening is what somebody asked the window to show: a file opened with Davit,
// a davit: address in a page. It is shown for the person to decide, and never
// carried out: every page in the browser may hold such an address.
type Opening struct {
	Kind  string `json:"kind"`  // "run", "image", "load", "refused"; "" only brings the window forward
	Image string `json:"image"` // a reference as written, for run and image
	Path  string `json:"path"`  // absolute, for load
	Why   string `json:"why"`   // for refused
}

const (
	scheme     = "davit"
	maxAddress = 4096
)

// openingOf reads the first of the addresses that a window is started with: a
// path, a file: address, davit:run?image=REF or davit:image?ref=REF.
func openingOf(addresses []string) Opening {
	if len(addresses) == 0 {
		return Opening{}
	}
	address := addresses[0]
	if len(address) > maxAddress || strings.ContainsFunc(address, unicode.IsControl) {
		return Opening{Kind: "refused", Why: "the address is too long, or holds control characters"}
	}
	u, err := url.Parse(address)
	switch {
	case err == nil && strings.EqualFold(u.Scheme, scheme):
		return deepLink(u)
	case err == nil && u.Scheme == "file" && (u.Host == "" || u.Host == "localhost"):
		return archive(u.Path)
	default:
		return archive(address)
	}
}

// deepLink reads davit:run?image=REF, with or without the slashes that
// browsers like to add.
func deepLink(u *url.URL) Opening {
	verb := strings.Trim(u.Opaque+u.Host+u.Path, "/")
	switch q := u.Query(); verb {
	case "run":
		return Opening{Kind: "run", Image: q.Get("image")}
	case "image":
		return Opening{Kind: "image", Image: q.Get("ref")}
	case "":
		return Opening{}
	default:
		return Opening{Kind: "refused", Why: "Davit knows davit:run?image=… and davit:image?ref=…, not davit:" + verb}
	}
}

// archive offers a file or directory to be loaded as images.
func archive(path string) Opening {
	path, err := filepath.Abs(path)
	if err != nil {
		return Opening{Kind: "refused", Why: err.Error()}
	}
	if _, err := os.Stat(path); err != nil {
		return Opening{Kind: "refused", Why: err.Error()}
	}
	return Opening{Kind: "load", Path: path}
}

// absolute makes paths mean the same in another process's directory.
func absolute(addresses []string) []string {
	out := make([]string, 0, len(addresses))
	for _, a := range addresses {
		if u, err := url.Parse(a); err != nil || u.Scheme == "" {
			if abs, err := filepath.Abs(a); err == nil {
				a = abs
			}
		}
		out = append(out, a)
	}
	return out
}

// arrivals hands openings to the page. What came before the page was there
// waits for it.
type arrivals struct {
	mu      sync.Mutex
	waiting Opening
	show    func(Opening) // nil until there is a window
}

// arrive takes an opening.
func (a *arrivals) arrive(o Opening) {
	a.mu.Lock()
	show := a.show
	if o.Kind != "" {
		a.waiting = o
	}
	a.mu.Unlock()
	if show != nil {
		show(o)
	}
}

// to sets who is told from now on.
func (a *arrivals) to(show func(Opening)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.show = show
}

// take gives what waits, once.
func (a *arrivals) take() Opening {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.waiting
	a.waiting = Opening{}
	return o
}
