package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A log that has grown to its bound is renamed from "log" to "log.1", the next
// one to "log.2", and so on: a number names the same lines for ever. The oldest
// are deleted.

// rotated lists the numbers of the older files of the log at path, oldest first.
func rotated(path string) ([]int64, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the files of a log: %w", err)
	}
	var all []int64
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if !ok {
			continue
		}
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n > 0 && numbered("", n) == "."+number {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

func numbered(path string, seq int64) string { return path + "." + strconv.FormatInt(seq, 10) }

// fits tells whether a line of n bytes can join those gathered in one file.
func (w *Writer) fits(n int) bool {
	all := int64(len(w.buf) + n)
	begins := w.size > 0 && w.size+int64(len(w.buf)) > w.MaxSize // a file of their own
	return len(w.buf) == 0 || w.size+all <= w.MaxSize || begins && all <= w.MaxSize
}

// rotate begins the next file where n more bytes would be too many for this
// one. Where that does not work, this one goes on growing.
func (w *Writer) rotate(n int64) error {
	if w.size == 0 || w.size+n <= w.MaxSize {
		return nil
	}
	// Before, so that a kill in between leaves no file too many.
	if err := w.prune(int64(w.MaxFiles) - 2); err != nil {
		return err
	}
	if err := os.Rename(w.path, numbered(w.path, w.seq)); err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	f, err := openLog(w.path)
	if err != nil {
		return errors.Join(fmt.Errorf("rotate log: %w", err), os.Rename(numbered(w.path, w.seq), w.path))
	}
	_ = w.f.Close()
	w.f, w.size = f, 0
	w.seq++
	for i := range w.streams {
		w.streams[i].mark()
	}
	return w.prune(int64(w.MaxFiles) - 1)
}

// prune deletes all files but the one that is written and the n before it.
func (w *Writer) prune(n int64) error {
	older, err := rotated(w.path)
	for _, seq := range older {
		if seq < w.seq-max(n, 0) {
			err = errors.Join(err, os.Remove(numbered(w.path, seq)))
		}
	}
	return err
}

// Size is how many bytes the log at path has in all its files.
func Size(path string) int64 {
	older, _ := rotated(path) // unreadable: as if there were none
	paths := []string{path}
	for _, seq := range older {
		paths = append(paths, numbered(path, seq))
	}
	total := int64(0)
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			total += info.Size()
		}
	}
	return total
}
