package wire

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"davit/backend/api"
)

// TestDirectoriesAreWrittenAsJSONWouldBe: what comes out of both is the same.
func TestDirectoriesAreWrittenAsJSONWouldBe(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	for _, p := range []api.DirPage{
		{Path: "/", Entries: []api.FileInfo{}, Deleted: []string{}},
		{Path: "/a \"b\"\\\n\x01<&>\u2028", Total: 12345, Marked: true, Deleted: []string{"gone", "x\xffy", "ü"}, Entries: []api.FileInfo{
			{Name: "plain", Path: "/plain", Mode: "-rw-r--r--", Perm: 0o644, Size: 1 << 60, Modified: at, Version: "1-2-3"},
			{Name: "\xff", Path: "/a/\xff", UID: 1000, GID: -1, User: "me\xfe", Dir: true, Modified: time.Time{}, Mark: "added"},
			{Name: "link", Path: "/link", Link: "\xc3/ud", Real: "/real\x80", Modified: at.Add(1)},
		}},
	} {
		got, err := appendDirPage(nil, &p)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err := json.Unmarshal(got, &a); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		if err := json.Unmarshal(want, &b); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s\nwant %s", got, want)
		}
		var back api.DirPage
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatal(err)
		}
		again, err := appendDirPage(nil, &back)
		if err != nil || string(again) != string(got) {
			t.Errorf("%v: came back as %s", err, again)
		}
	}
	if _, err := appendDirPage(nil, &api.DirPage{Entries: []api.FileInfo{{Modified: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}}); err == nil {
		t.Error("a time that JSON cannot tell was written")
	}
}

// TestEveryFieldOfAFileIsWritten: one that is added to the API is added here.
func TestEveryFieldOfAFileIsWritten(t *testing.T) {
	for _, v := range []any{api.FileInfo{}, api.DirPage{}} {
		if got, want := reflect.TypeOf(v).NumField(), map[string]int{"FileInfo": 14, "DirPage": 5}[reflect.TypeOf(v).Name()]; got != want {
			t.Errorf("%T has %d fields; appendDirPage writes %d", v, got, want)
		}
	}
}
