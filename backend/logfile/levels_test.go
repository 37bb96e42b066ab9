package logfile

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
)

const trace = "ERROR it broke\n\tat one\n\tat two\nINFO going on\n  at ease\nWARN slow\nplain\n"

func leveled(t *testing.T, path string, q api.LogQuery) string {
	t.Helper()
	var got []string
	must(t, Read(t.Context(), path, q, nil, func(l api.LogLine) error {
		got = append(got, fmt.Sprintf("%s:%.12s", l.Level, strings.TrimSpace(l.Text)))
		return nil
	}))
	return strings.Join(got, "|")
}

func TestLinesOfATraceHaveItsLevel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, Options{})
	must(t, err)
	for _, line := range strings.SplitAfter(strings.TrimSuffix(trace, "\n"), "\n") {
		write(t, w, "stdout", noon, strings.TrimSuffix(line, "\n")+"\n")
		write(t, w, "stderr", noon, "DEBUG between\n")
	}
	for want, q := range map[string]api.LogQuery{
		"error:ERROR it bro|error:at one|error:at two|warn:WARN slow": {Level: "warn", Levels: true},
		"error:at two|warn:WARN slow":                                 {Level: "warn", Levels: true, Tail: new(2)},
		"error:at one":                                                {Level: "error", Levels: true, Search: "one"},
		"error:ERROR it bro|error:at one|error:at two|info:INFO going o|info:at ease|warn:WARN slow|:plain": {Levels: true, Stream: "stdout"},
		"": {Level: "fatal"},
	} {
		if got := leveled(t, path, q); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
}

// The rest of a line that was too long for one comes with its beginning,
// whatever is asked for.
func TestPartsOfALineStayTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, Options{})
	must(t, err)
	write(t, w, "stdout", noon, "ERROR "+strings.Repeat("x", 40<<10)+"\nINFO needle\n")
	for want, q := range map[string]api.LogQuery{
		"ERROR xxxxxx|xxxxxxxxxxxx|xxxxxxxxxxxx": {Level: "error"},
		"INFO needle":                            {Search: "needle"},
	} {
		if got := strings.ReplaceAll(leveled(t, path, q), ":", ""); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
}

// A log of nothing but lines that continue others is read in one go.
func TestLinesThatContinueNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, Options{})
	must(t, err)
	for range 100 {
		write(t, w, "stdout", noon.Add(time.Second), strings.Repeat(" x\n", 1000))
	}
	if got := leveled(t, path, api.LogQuery{Level: "trace", Tail: new(10)}); got != "" {
		t.Error(got)
	}
}

func TestColoursHideNothingFromTheSearch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, Options{})
	must(t, err)
	write(t, w, "stdout", noon, "\x1b[31mre\x1b[1md\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x07 end\x1b\n")
	for search, want := range map[string]int{"red link END": 1, "http": 1, "31mre": 1, "redlink": 0} {
		n := 0
		must(t, Read(t.Context(), path, api.LogQuery{Search: search}, nil, func(api.LogLine) error { n++; return nil }))
		if n != want {
			t.Errorf("%q: %d lines", search, n)
		}
	}
}

// What is left out as a whole has none of the text: the same lines come as
// when each is looked at, forwards and from the end.
func TestSearchFindsAllThatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, Options{MaxSize: 300_000, MaxFiles: 100})
	must(t, err)
	dice := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		b := make([]byte, dice.IntN(400))
		for i := range b {
			b[i] = "aAbBzZ 0:é"[dice.IntN(11)]
		}
		write(t, w, []string{"stdout", "stderr"}[dice.IntN(2)], noon, strings.ToValidUTF8(string(b), "?")+"\n")
	}
	read := func(q api.LogQuery) (texts []string) {
		must(t, Read(t.Context(), path, q, nil, func(l api.LogLine) error { texts = append(texts, strings.Clone(l.Text)); return nil }))
		return texts
	}
	all := read(api.LogQuery{})
	for _, search := range []string{"a", "Ab", "zz0", "b: Z", "aabbzz", "0:0:0:0:", "zzzzzz", "é", "nowhere"} {
		var want []string
		for _, text := range all {
			if strings.Contains(strings.ToLower(text), strings.ToLower(search)) {
				want = append(want, text)
			}
		}
		if got := read(api.LogQuery{Search: search}); !slices.Equal(got, want) {
			t.Errorf("%q: %d lines, want %d", search, len(got), len(want))
		}
		want = want[max(0, len(want)-7):]
		if got := read(api.LogQuery{Search: search, Tail: new(7)}); !slices.Equal(got, want) {
			t.Errorf("%q from the end: %d lines, want %d", search, len(got), len(want))
		}
	}
}
