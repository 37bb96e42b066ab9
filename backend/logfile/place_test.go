package logfile

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
)

// A reader pages through a log that is rotated meanwhile, forwards and
// backwards, and sees each line once.
func TestCursorsAcrossRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, Options{MaxSize: 5000, MaxFiles: 1000})
	must(t, err)
	const n = 1000
	page := func(q api.LogQuery) (got []string, first, last string) {
		q.Cursors = true
		must(t, Read(t.Context(), path, q, nil, func(l api.LogLine) error {
			if got = append(got, strings.Clone(l.Text)); first == "" {
				first = l.Cursor
			}
			last = l.Cursor
			return nil
		}))
		return got, first, last
	}
	var forwards []string
	after := ""
	for i := range n {
		write(t, w, []string{"stdout", "stderr"}[i%2], noon.Add(time.Duration(i)*time.Second), fmt.Sprintf("line %d\n", i))
		if i%50 == 49 {
			for {
				got, _, last := page(api.LogQuery{After: after, Limit: 7})
				if len(got) == 0 {
					break
				}
				forwards, after = append(forwards, got...), last
			}
		}
	}
	var backwards []string
	for before := ""; ; {
		got, first, _ := page(api.LogQuery{Before: before, Tail: new(13)})
		if len(got) == 0 {
			break
		}
		backwards, before = append(got, backwards...), first
	}
	for how, got := range map[string][]string{"forwards": forwards, "backwards": backwards} {
		if len(got) != n {
			t.Fatalf("%s: %d lines", how, len(got))
		}
		for i, l := range got {
			if l != fmt.Sprintf("line %d", i) {
				t.Fatalf("%s: %q at %d", how, l, i)
			}
		}
	}
	if got, _, _ := page(api.LogQuery{After: after, Search: "line"}); len(got) != 0 {
		t.Errorf("after the last: %q", got)
	}
	if got, _, _ := page(api.LogQuery{After: "1.0", Search: "LINE 99", Limit: 3}); strings.Join(got, ",") != "line 99,line 990,line 991" {
		t.Errorf("search: %q", got)
	}
}

// What a cursor named may be deleted: after it comes what is left.
func TestCursorOfADeletedFile(t *testing.T) {
	w, path := create(t)
	w.MaxSize, w.MaxFiles = 300, 2
	for i := range 100 {
		write(t, w, "stdout", noon, fmt.Sprintf("line %d\n", i))
	}
	all := read(t, path, api.LogQuery{})
	equal(t, read(t, path, api.LogQuery{After: "1.0"}), all...)
	equal(t, read(t, path, api.LogQuery{Before: "1.0"}))
	for _, bad := range []string{"", "x", "1", "1.2.3", "-1.0", "1.-1", "0.0", ".", "1.g", strings.Repeat("1", 50) + ".0"} {
		if ValidCursor(bad, 1) {
			t.Errorf("%q is taken for a cursor", bad)
		}
	}
}
