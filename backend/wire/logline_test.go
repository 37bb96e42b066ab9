package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
)

// What is written by hand has to be JSON, and come back as encoding/json
// would bring it back.
func FuzzLogLine(f *testing.F) {
	f.Add("text", "stdout", int64(1), true)
	f.Add("\x00\x1f\x7f\"\\/\n\t\r\ufffd\u2028\xff\xc3", "", int64(-1), false)
	f.Add("\\u0041 \\", "stderr", int64(1e18), false)
	f.Fuzz(func(t *testing.T, text, stream string, at int64, partial bool) {
		in := api.LogLine{Time: time.Unix(0, at).UTC(), Stream: stream, Text: text, Partial: partial, Cursor: stream, Level: stream, Container: text}
		b := new(stamp).appendLogLine(nil, &in)
		var slow line[api.LogLine]
		if err := json.Unmarshal(b, &slow); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		want := in
		want.Text, want.Stream = valid(text), valid(stream)
		want.Cursor, want.Level, want.Container = want.Stream, want.Stream, want.Text
		if *slow.Item != want {
			t.Fatalf("%+v, want %+v", *slow.Item, want)
		}
		var fast api.LogLine
		if !new(stamp).parseLogLine(b[:len(b)-1], &fast) || fast != want {
			t.Fatalf("%+v, want %+v from %s", fast, want, b)
		}
	})
}

// valid replaces each byte that is not UTF-8, as encoding/json does.
func valid(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"item":{"time":"2026-01-01T00:00:00Z","stream":"stdout","text":"\u00e9\n"}}`))
	f.Add([]byte(`{"item":{"time":"2026-01-01T00:00:00Z","stream":"stdout","text":"x"},"end":true}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var fast api.LogLine
		if !new(stamp).parseLogLine(b, &fast) {
			return
		}
		var slow line[api.LogLine]
		if err := json.Unmarshal(b, &slow); err != nil {
			return // the fast way may be more forgiving, it is our own engine that writes
		}
		if slow.Item == nil || slow.Item.Text != valid(fast.Text) {
			t.Fatalf("%q, want %+v", fast.Text, slow.Item)
		}
	})
}
