package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"davit/backend/api"
)

func TestOnlyWebAddressesAreOpened(t *testing.T) {
	for address, want := range map[string]string{
		"http://127.0.0.1:8080/":         "http://127.0.0.1:8080/",
		"https://example.org/a b":        "https://example.org/a%20b",
		"HTTP://example.org":             "http://example.org",
		"file:///etc/passwd":             "",
		"javascript:alert(1)":            "",
		"/etc/passwd":                    "",
		"--help":                         "",
		"http://":                        "",
		"http:///path":                   "",
		"https://bank.example@evil.test": "",
		"ssh://host":                     "",
		"http://a\n.example/":            "",
	} {
		got, err := webAddress(address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("webAddress(%q) = %q, %v; want %q", address, got, err, want)
		}
		if err != nil && api.KindOf(err) != api.KindInvalid {
			t.Errorf("webAddress(%q): kind %s", address, api.KindOf(err))
		}
	}
}

func TestAppearanceFromThePortal(t *testing.T) {
	for _, c := range []struct {
		key   string
		value any
		want  Appearance
	}{
		{"color-scheme", uint32(1), Appearance{Scheme: "dark"}},
		{"color-scheme", uint32(2), Appearance{Scheme: "light"}},
		{"color-scheme", uint32(0), Appearance{}},
		{"color-scheme", uint32(9), Appearance{}},
		{"color-scheme", "dark", Appearance{}},
		{"contrast", uint32(1), Appearance{Contrast: "more"}},
		{"accent-color", []any{0.2, 0.4, 1.0}, Appearance{Accent: "#3366ff"}},
		{"accent-color", []any{-1.0, 0.0, 0.0}, Appearance{}},
		{"accent-color", []any{2.0, 0.0, 0.0}, Appearance{}},
		{"accent-color", []any{"0"}, Appearance{}},
		{"something-new", uint32(1), Appearance{}},
	} {
		if got := (Appearance{}).with(c.key, c.value); got != c.want {
			t.Errorf("%s %v: %+v, want %+v", c.key, c.value, got, c.want)
		}
	}
}

func TestOtherPagesAreRefused(t *testing.T) {
	served := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for from, want := range map[string]int{
		"":                       http.StatusNoContent,
		"wails://wails":          http.StatusNoContent,
		"https://evil.test":      http.StatusForbidden,
		"null":                   http.StatusForbidden,
		"wails://wails.evil":     http.StatusForbidden,
		"http://wails.localhost": http.StatusForbidden,
	} {
		r := httptest.NewRequest(http.MethodPost, "/v1/Containers", nil)
		if from != "" {
			r.Header.Set("Origin", from)
		}
		w := httptest.NewRecorder()
		guarded(served).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("origin %q: %d, want %d", from, w.Code, want)
		}
	}
}

func TestNoWindowForRootOrWithoutDisplay(t *testing.T) {
	display := func(name string) string { return map[string]string{"DISPLAY": ":0"}[name] }
	none := func(string) string { return "" }
	for _, c := range []struct {
		uid    int
		getenv func(string) string
		ok     bool
	}{{1000, display, true}, {0, display, false}, {1000, none, false}} {
		if err := usable(c.uid, c.getenv); (err == nil) != c.ok {
			t.Errorf("uid %d: %v", c.uid, err)
		}
	}
}
