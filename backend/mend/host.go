package mend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"davit/backend/userns"
)

// Host is the computer, and for whom it is changed.
type Host struct {
	Root  string // where its files are; "": it is this computer
	User  string // login name, for actions about a person
	UID   int
	Guard string // path of davit-guard, for its AppArmor profile
	// Run runs one of the plans' commands; nil: it is run.
	Run func(ctx context.Context, name string, args ...string) error
}

func (h Host) path(p string) string { return filepath.Join("/", h.Root, p) }

// mostRead bounds what is read of a file; /etc/subuid of a university has less.
const mostRead = 4 << 20

// read gives a file's text, "" where it is not there.
func (h Host) read(path string) (string, error) {
	st, err := os.Stat(h.path(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !st.Mode().IsRegular() || st.Size() > mostRead {
		return "", fmt.Errorf("%s is no file of settings", path)
	}
	b, err := os.ReadFile(h.path(path))
	return string(b), err
}

// run runs commands of a plan, up to the first that fails.
func (h Host) run(ctx context.Context, commands [][]string) error {
	for _, args := range commands {
		if err := h.runOne(ctx, args); err != nil {
			return err
		}
	}
	return nil
}

func (h Host) runOne(ctx context.Context, args []string) error {
	if h.Run != nil {
		return h.Run(ctx, args[0], args[1:]...)
	}
	cmd, err := userns.Command(ctx, userns.DiesWithParent, args[0], args[1:]...)
	if err != nil {
		return err
	}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out[:min(len(out), 4096)])))
	}
	return nil
}
