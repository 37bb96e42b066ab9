// Package autostart has containers come back at login: by a unit of the
// person's systemd, or by a file that desktops start programs from. It tells,
// too, what becomes of containers at logout, and what that is known from.
//
// It runs in the front's process: as the person, on the host. An answer is
// looked up each time; nothing is kept.
package autostart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/userns"
)

const (
	unitName    = "davit.service"
	desktopName = "davit-autostart.desktop"
	// systemctlLimit bounds a call that answers at once where systemd is well.
	systemctlLimit = 5 * time.Second
)

// Host is where to look; the zero value of Root, Getenv and User is this
// machine, this process and this person.
type Host struct {
	Davit  string // absolute path of the binary that is started
	Root   string // before absolute paths, for tests
	User   string
	Getenv func(string) string
	// Reload has the person's systemd read its units again; nil: systemctl.
	Reload func(context.Context) error
}

func (h Host) complete() (Host, error) {
	if h.Getenv == nil {
		h.Getenv = os.Getenv
	}
	if h.User == "" {
		u, err := user.Current()
		if err != nil {
			return h, api.Errorf(api.KindHost, "who you are: %w", err)
		}
		h.User = u.Username
	}
	if h.Reload == nil {
		h.Reload = reload
	}
	return h, nil
}

func reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, systemctlLimit)
	defer cancel()
	cmd, err := userns.Command(ctx, userns.DiesWithParent, "systemctl", "--user", "daemon-reload")
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("systemctl --user daemon-reload: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (h Host) there(path string) bool {
	_, err := os.Lstat(h.Root + path)
	return err == nil
}

// manager tells whether systemd runs a manager for this person.
func (h Host) manager() bool {
	dir := h.Getenv("XDG_RUNTIME_DIR")
	return dir != "" && h.there(filepath.Join(dir, "systemd", "private"))
}

func (h Host) config(elements ...string) string {
	dir := h.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(h.Getenv("HOME"), ".config")
	}
	return filepath.Join(append([]string{dir}, elements...)...)
}

func (h Host) unit() string { return h.config("systemd", "user", unitName) }
func (h Host) wants() string {
	return h.config("systemd", "user", "default.target.wants", unitName)
}
func (h Host) desktop() string { return h.config("autostart", desktopName) }

// Status looks at how things are.
func Status(_ context.Context, h Host) (api.Autostart, error) {
	h, err := h.complete()
	if err != nil {
		return api.Autostart{}, err
	}
	return h.status(), nil
}

func (h Host) status() api.Autostart {
	a := api.Autostart{Method: "xdg", File: h.desktop(), Verified: []string{}}
	note := func(format string, args ...any) { a.Verified = append(a.Verified, fmt.Sprintf(format, args...)) }
	text := h.desktopText()
	enabled := true
	if h.manager() {
		a.Method, a.File, text = "systemd", h.unit(), h.unitText()
		note("systemd runs a manager for you")
		if enabled = h.there(h.wants()); enabled {
			note("%s is there", h.wants())
		}
	} else {
		note("systemd runs no manager for you; desktops read %s at login, a login without one does not", filepath.Dir(h.desktop()))
	}
	switch b, err := os.ReadFile(h.Root + a.File); {
	case errors.Is(err, fs.ErrNotExist):
		note("%s is not there", a.File)
	case err != nil:
		note("%s cannot be read: %v", a.File, err)
	case string(b) != text:
		note("%s is not as Davit writes it: another Davit, or a person, changed it", a.File)
		a.Enabled = enabled
	default:
		note("%s starts %s", a.File, h.Davit)
		a.Enabled = enabled
	}
	h.logout(&a, note)
	return a
}

// logout tells what happens then.
func (h Host) logout(a *api.Autostart, note func(string, ...any)) {
	linger := "/var/lib/systemd/linger/" + h.User
	switch {
	case !h.there("/run/systemd/system"):
		a.Logout = "Containers go on when you log out: nothing on this machine ends them. They do not start before you log in."
		note("this machine does not run systemd")
	case h.there(linger):
		a.Linger = true
		a.Logout = "Containers go on when you log out."
		if a.Enabled && a.Method == "systemd" {
			a.Logout += " They start with the machine, before you log in."
		}
		note("lingering is on: %s is there", linger)
	default:
		a.Logout = "Containers end when you log out of your last session, because your systemd manager ends then."
		note("lingering is off: %s is not there", linger)
		a.Fix, a.FixWhy = "loginctl enable-linger", "Lets your programs go on without a login, from now on:"
	}
}

// Set switches the start at login on or off and tells how things are then.
func Set(ctx context.Context, h Host, on bool) (api.Autostart, error) {
	h, err := h.complete()
	if err != nil {
		return api.Autostart{}, err
	}
	set := h.disable
	if on {
		set = h.enable
	}
	if err := set(ctx); err != nil {
		return api.Autostart{}, explain(err)
	}
	return h.status(), nil
}

func explain(err error) error {
	if e := new(api.Error); errors.As(err, &e) {
		return err
	}
	kind := api.KindHost
	if errors.Is(err, fs.ErrPermission) {
		kind = api.KindDenied
	}
	return api.Errorf(kind, "start at login: %w", err)
}

func (h Host) enable(ctx context.Context) error {
	if strings.ContainsAny(h.Davit, "\n\r") || !filepath.IsAbs(h.Davit) {
		return api.Errorf(api.KindHost, "%q cannot be started at login", h.Davit).WithHint("Install Davit at a path without line breaks.")
	}
	if !h.manager() {
		return h.write(h.desktop(), h.desktopText())
	}
	if err := h.write(h.unit(), h.unitText()); err != nil {
		return err
	}
	// What `systemctl --user enable` does.
	link := h.Root + h.wants()
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join("..", unitName), link); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return h.Reload(ctx)
}

// disable takes away both ways: the machine may have changed in between.
func (h Host) disable(ctx context.Context) error {
	var errs []error
	for _, path := range []string{h.wants(), h.unit(), h.desktop()} {
		if err := os.Remove(h.Root + path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if h.manager() {
		errs = append(errs, h.Reload(ctx))
	}
	return errors.Join(errs...)
}

// write replaces a file as a whole.
func (h Host) write(path, text string) error {
	path = h.Root + path
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".davit-*")
	if err != nil {
		return err
	}
	_, werr := f.WriteString(text)
	if err := errors.Join(werr, f.Chmod(0o644), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
