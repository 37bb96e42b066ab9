// Package screen is a desktop session for tests: a display without a monitor
// (Xvfb), a session bus, the pointer and keyboard (xdotool), and the
// accessibility tree, by which a test finds what a person would see.
//
// It runs in a test's process, as an unprivileged user, on the host. What it
// starts ends with Close.
package screen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Size of the display: the window's default size fills it.
const (
	Width  = 1120
	Height = 720
)

// Session is a running desktop session.
type Session struct {
	dir     string
	display string
	bus     string
	started []*exec.Cmd
}

// Start opens a session that keeps its files in dir.
func Start(dir string) (*Session, error) {
	s := &Session{dir: dir}
	if err := errors.Join(s.startDisplay(), s.startBus()); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the display and the bus, and with them what shows or speaks there.
func (s *Session) Close() {
	for _, cmd := range s.started {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// Env is the environment of programs in the session, on top of extra. The
// session has no language, as on bare systems: WebKit then has none for pages.
func (s *Session) Env(extra ...string) []string {
	return append(append(os.Environ(), "DISPLAY="+s.display, "DBUS_SESSION_BUS_ADDRESS="+s.bus,
		"WAYLAND_DISPLAY=", "LC_ALL=C", "GDK_BACKEND=x11", "LIBGL_ALWAYS_SOFTWARE=1"), extra...)
}

func (s *Session) startDisplay() error {
	// The server chooses a free number and mirrors its picture into a file.
	return s.start(func(line string) { s.display = ":" + line },
		"Xvfb", "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", Width, Height), "-fbdir", s.dir, "-nolisten", "tcp")
}

func (s *Session) startBus() error {
	return s.start(func(line string) { s.bus = line }, "dbus-daemon", "--session", "--nofork", "--print-address=3")
}

// start runs a server that writes one line to descriptor 3 when it is ready.
func (s *Session) start(ready func(line string), name string, args ...string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.Command(name, args...)
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	s.started = append(s.started, cmd)
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) || line == "" {
		return fmt.Errorf("start %s: it did not get ready: %w", name, err)
	}
	ready(strings.TrimSpace(line))
	return nil
}

// Click moves the pointer into the middle of a box and presses its button.
func (s *Session) Click(b Box) error {
	x, y := b.X+b.Width/2, b.Y+b.Height/2
	return s.xdotool("mousemove", strconv.Itoa(x), strconv.Itoa(y), "click", "1")
}

// Press presses a key or a chord ("Tab", "ctrl+k").
func (s *Session) Press(key string) error { return s.xdotool("key", key) }

// Type types text into what has the focus.
func (s *Session) Type(text string) error { return s.xdotool("type", "--delay", "20", text) }

func (s *Session) xdotool(args ...string) error {
	cmd := exec.Command("xdotool", args...)
	cmd.Env = s.Env()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("xdotool %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// Until asks again and again until ok says so, or ctx ends.
func Until(ctx context.Context, ok func() (bool, error)) error {
	var last error
	for {
		done, err := ok()
		if done {
			return nil
		}
		last = errors.Join(err)
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Session) frame() string { return filepath.Join(s.dir, "Xvfb_screen0") }
