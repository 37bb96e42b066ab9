package loglevel

import (
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for line, want := range map[string]Level{
		"":                                     None,
		"listening on port 80":                 None,
		"no error found, all is fine":          None,
		"GET /ERROR HTTP/1.1 200":              None,
		"see (http://127.0.0.1/) or: http://x": None,
		"error=none count=3":                   None,
		"the LOG was rotated":                  None,
		"ERRORS: 0":                            None,
		"2026-05-01 10:00:00 INFO  started":    Info,
		"2026-05-01T10:00:00Z WARN slow":       Warn,
		"\x1b[2m2026-05-01\x1b[0m \x1b[31mERROR\x1b[0m \x1b[1mit\x1b[0m broke": Error,
		"[2026-05-01 10:00] app.CRITICAL: gone":                                Fatal,
		"2026/05/01 10:00:00 [error] 31#31: *1 open() failed":                  Error,
		"[Fri May 01 10:00:00 2026] [core:notice] [pid 1] AH00094":             Info,
		"2026-05-01T10:00:00.0Z 0 [Warning] [MY-010068] [Server] CA":           Warn,
		"2026-05-01 10:00:00.000 UTC [1] LOG:  database system is ready":       Info,
		"2026-05-01 10:00:00.000 UTC [1] FATAL:  role does not exist":          Fatal,
		"time=2026-05-01T10:00:00Z level=warning msg=\"no error here\"":        Warn,
		`ts=1 lvl="eror" msg=x`:                                                Error,
		"ERROR:root:nothing":                                                   Error,
		"warn: Microsoft.AspNetCore[0]":                                        Warn,
		"fail: Startup[6]":                                                     Error,
		"main.c:3: error: unknown type":                                        Error,
		"npm ERR! code ENOENT":                                                 Error,
		"npm warn deprecated x":                                                Warn,
		"panic: runtime error: index out of range":                             Fatal,
		"Traceback (most recent call last):":                                   Error,
		"java.lang.IllegalStateException: no":                                  Error,
		"TypeError: x is not a function":                                       Error,
		"E0512 10:00:00.000000       1 main.go:1] no":                          Error,
		"I, [2026-05-01T10:00:00 #1]  INFO -- : up":                            Info,
		"<11>app: broke":                                                       Error,
		"1:M 01 May 2026 10:00:00.000 # WARNING x":                             Warn,
		"1:M 01 May 2026 10:00:00.000 * Ready":                                 Info,
		`{"level":"debug","msg":"error"}`:                                      Debug,
		`{"time":1,"level":50,"msg":"x"}`:                                      Error,
		`  {"msg":"level","nested":{"level":"info"},"severity":"CRITICAL"}`:    Fatal,
		`{"t":{"$date":"2026"},"s":"W","c":"NETWORK"}`:                         Warn,
		`{"a":"\"level\":\"error\"","b":[1,{"level":"error"}],"PRIORITY":"4"}`: None,
		`{"PRIORITY":4}`:                                                       Warn,
		`{"level":"error"`:                                                     Error,
		`{"level":`:                                                            None,
		`{"level`:                                                              None,
		`{]`:                                                                   None,
		"{\"x\":\"\\":                                                          None,
		"{" + strings.Repeat("[", 5000):                                        None,
	} {
		if got := Of(line); got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, name := range Names() {
		if l, ok := Parse(strings.ToUpper(name)); !ok || l.String() != name {
			t.Errorf("%s is read as %s", name, l)
		}
	}
	if _, ok := Parse("loud"); ok {
		t.Error("loud is a level")
	}
}

func TestContinues(t *testing.T) {
	for line, want := range map[string]bool{"\tat x.y(Z.java:1)": true, "  File \"x\"": true, "Caused by: y": true, "y": false, "Caused": false,
		"": true, "goroutine 1 [running]:": true, "main.main()": true, "net/http.(*conn).serve(0xc0001, {0x1, 0x2})": true, "created by main.x in goroutine 1": true,
		"[signal SIGSEGV: segmentation violation code=0x1]": true, "stack backtrace:": true, "main.(*T).f(...)": true,
		"During handling of the above exception, another exception occurred:": true,
		"listening on 0.0.0.0 (all)":                                          false, "started (pid 1)": false, ")": false, "(x)": false, "f(x)": false, "see http://x.y/(z)": false, "done.": false} {
		if Continues(line) != want {
			t.Errorf("%q continues: %v", line, !want)
		}
	}
}

func FuzzOf(f *testing.F) {
	for _, s := range []string{`{"level":"x"}`, "ERROR x", "level=", "<1", "1:M ", "\x1b[", "{\"a\":[{\"b\":\"\\\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if l := Of(s); l > Fatal {
			t.Errorf("%q has level %d", s, l)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	line := "request number 777777 served by the worker at the other end of the line, and then some more of it"
	for b.Loop() {
		Of(line)
	}
}
