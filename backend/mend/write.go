package mend

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// replace writes a file so that it is there as a whole or as it was: a new one
// in the same directory takes its name. Owner and mode stay.
func (h Host) replace(path, text string) (err error) {
	path = h.path(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".davit-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if err := likeBefore(f, path); err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), os.Rename(f.Name(), path)); err != nil {
		return err
	}
	return errors.Join(f.Close(), syncDir(filepath.Dir(path)))
}

// likeBefore gives a new file the mode and owner of the one that it replaces.
func likeBefore(f *os.File, path string) error {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.Chmod(0o644)
	}
	if err != nil {
		return err
	}
	if owner, ok := st.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(st.Mode().Perm())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (h Host) remove(path string) error {
	err := os.Remove(h.path(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// edit changes the text of a file that other programs write, too. It keeps them
// out as shadow's tools do among each other: by a file PATH.lock.
func (h Host) edit(path string, change func(string) string) error {
	lock := h.path(path) + ".lock"
	f, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is being changed by another program (%s.lock is there)", path, path)
	}
	if err != nil {
		return err
	}
	defer os.Remove(lock)
	_, err = f.WriteString(strconv.Itoa(os.Getpid()))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	text, err := h.read(path)
	if err != nil {
		return err
	}
	if now := change(text); now != text {
		return h.replace(path, now)
	}
	return nil
}

func withLine(line string) func(string) string {
	return func(text string) string {
		if hasLine(text, line) {
			return text
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return text + line
	}
}

func withoutLine(line string) func(string) string {
	return func(text string) string {
		var b strings.Builder
		for l := range strings.Lines(text) {
			if strings.TrimSpace(l) != strings.TrimSpace(line) {
				b.WriteString(l)
			}
		}
		return b.String()
	}
}

func hasLine(text, line string) bool { return withoutLine(line)(text) != text }
