package main

import (
	"context"
	"net/url"
	"os"
	"slices"
	"strings"

	"davit/backend/api"
	"davit/backend/userns"
)

// webAddress checks what comes from a page, a log or an image: nothing but a
// plain web address is handed to the desktop, whose other handlers open files
// and start programs.
func webAddress(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "", api.Errorf(api.KindInvalid, "not an address: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return "", api.Errorf(api.KindInvalid, "only http and https addresses are opened, not %q", u.Scheme)
	case u.Hostname() == "":
		return "", api.Errorf(api.KindInvalid, "the address %q has no host", address)
	case u.User != nil:
		return "", api.Errorf(api.KindInvalid, "the address %q hides where it leads behind a name", address)
	}
	return u.String(), nil
}

// openURL hands a web address to the desktop's browser, which outlives the window.
func openURL(ctx context.Context, address string) error {
	address, err := webAddress(address)
	if err != nil {
		return err
	}
	cmd, err := userns.Command(context.WithoutCancel(ctx), userns.Survives, "xdg-open", address)
	if err != nil {
		return err
	}
	// The setting is for this window's WebKit, not for the browser's.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, dmabuf+"=") })
	if err := cmd.Start(); err != nil {
		return api.Errorf(api.KindHost, "open %s: %w", address, err).WithHint("Copy the address into your browser: %s", address)
	}
	go reap(cmd)
	return nil
}

// reap waits for a process whose outcome nobody can do anything about.
func reap(p interface{ Wait() error }) { _ = p.Wait() }
