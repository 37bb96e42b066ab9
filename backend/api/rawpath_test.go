package api

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

func FuzzRawPathsTravel(f *testing.F) {
	for _, s := range []string{"", "plain", "\xff", "a\xffb", "ü\xc3", "\xed\xb3\xbf", `\udcff`, "😀\xf0\x9f", "\x00\n\"<>&", "\u2028\xfe", "�"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := json.Marshal([]any{FilePath{Volume: "v", Path: s}, FileInfo{Name: s, Path: s, Link: s, Real: s}, DirPage{Path: s, Deleted: []string{s}, Entries: []FileInfo{}}, ArchiveQuery{Name: s}})
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(b) {
			t.Fatalf("%q is no text", b)
		}
		var parts []json.RawMessage
		var p FilePath
		var i FileInfo
		var d DirPage
		var q ArchiveQuery
		if err := json.Unmarshal(b, &parts); err != nil {
			t.Fatal(err)
		}
		for n, v := range []any{&p, &i, &d, &q} {
			if err := json.Unmarshal(parts[n], v); err != nil {
				t.Fatal(err)
			}
		}
		want := []any{FilePath{Volume: "v", Path: s}, FileInfo{Name: s, Path: s, Link: s, Real: s}, DirPage{Path: s, Deleted: []string{s}, Entries: []FileInfo{}}, ArchiveQuery{Name: s}}
		if got := []any{p, i, d, q}; !reflect.DeepEqual(got, want) {
			t.Errorf("%q came as %+q", s, got)
		}
	})
}

func TestWhatAJavaScriptSends(t *testing.T) {
	for in, want := range map[string]string{
		`"a\udcffb"`: "a\xffb", `"\uDCFE"`: "\xfe", `"\ud83d\ude00"`: "😀", `"\ud83d\udcc8"`: "📈", `"\\udcff"`: `\udcff`, `"\udc41"`: "�",
	} {
		var s RawPath
		if err := json.Unmarshal([]byte(in), &s); err != nil || string(s) != want {
			t.Errorf("%s is %q, %v; want %q", in, s, err, want)
		}
	}
}
