package logfile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
)

// three logs of which each line says when it was written.
func three(t *testing.T) ([]Source, []string) {
	t.Helper()
	var sources []Source
	var all []string
	for s := range 3 {
		name := string(rune('a' + s))
		path := filepath.Join(t.TempDir(), "log")
		sources = append(sources, Source{Name: name, Path: path})
		if s == 2 {
			continue // it wrote nothing
		}
		w, err := Open(path, Options{MaxSize: 4000, MaxFiles: 1000})
		must(t, err)
		for i := range 400 {
			at := 3*i + s
			if i%10 == 9 {
				at = 3 * i // at once with the other one's
			}
			write(t, w, "stdout", noon.Add(time.Duration(at)*time.Second), fmt.Sprintf("%04d %s\n", at, name))
		}
		must(t, w.Close())
	}
	must(t, Merge(t.Context(), sources, api.LogQuery{}, func(l api.LogLine) error {
		all = append(all, strings.Clone(l.Text))
		return nil
	}))
	return sources, all
}

func TestMergeTellsLinesByTheirTimes(t *testing.T) {
	_, all := three(t)
	if len(all) != 800 || !slices.IsSorted(all) {
		t.Errorf("%d lines, sorted: %v", len(all), slices.IsSorted(all))
	}
}

func TestMergedLogsArePagedBothWays(t *testing.T) {
	sources, all := three(t)
	page := func(q api.LogQuery) (got []string, first, last string) {
		q.Cursors = true
		must(t, Merge(t.Context(), sources, q, func(l api.LogLine) error {
			if !strings.HasSuffix(l.Text, l.Container) || !ValidCursor(l.Cursor, 3) {
				t.Fatalf("%+v", l)
			}
			if got = append(got, strings.Clone(l.Text)); first == "" {
				first = l.Cursor
			}
			last = l.Cursor
			return nil
		}))
		return got, first, last
	}
	var forwards, backwards []string
	for after := ""; ; {
		got, _, last := page(api.LogQuery{After: after, Limit: 7})
		if len(got) == 0 {
			break
		}
		forwards, after = append(forwards, got...), last
	}
	for before := ""; ; {
		got, first, _ := page(api.LogQuery{Before: before, Tail: new(13)})
		if len(got) == 0 {
			break
		}
		backwards, before = append(got, backwards...), first
	}
	if !slices.Equal(forwards, all) {
		t.Errorf("forwards %d lines of %d", len(forwards), len(all))
	}
	if !slices.Equal(backwards, all) {
		t.Errorf("backwards %d lines of %d", len(backwards), len(all))
	}
}

func TestMergeFollowsAll(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var sources []Source
	var writers []*Writer
	for _, name := range []string{"a", "b"} {
		path := filepath.Join(t.TempDir(), "log")
		w, err := Open(path, Options{})
		must(t, err)
		write(t, w, "stdout", noon, "old\n")
		write(t, w, "stdout", noon.Add(time.Second), "last\n")
		writers = append(writers, w)
		sources = append(sources, Source{Name: name, Path: path, Live: func() bool { return true }})
	}
	told := 0
	err := Merge(ctx, sources, api.LogQuery{Follow: true, Tail: new(2)}, func(l api.LogLine) error {
		if told++; told <= 2 && l.Text != "last" {
			t.Errorf("line %d: %+v", told, l)
		}
		if told >= 2 && told < 6 {
			write(t, writers[told%2], "stderr", noon.Add(time.Hour), fmt.Sprintf("new %d\n", told))
		}
		if told > 2 && l.Text != fmt.Sprintf("new %d", told-1) {
			t.Errorf("line %d: %+v", told, l)
		}
		if told == 6 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || told != 6 {
		t.Errorf("%d lines, %v", told, err)
	}
}

func TestMergeEndsWithAnErrorOfItsSink(t *testing.T) {
	sources, _ := three(t)
	full := errors.New("full")
	if err := Merge(t.Context(), sources, api.LogQuery{}, func(api.LogLine) error { return full }); !errors.Is(err, full) {
		t.Error(err)
	}
}
