package main

import (
	"fmt"
	"html"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"
)

// head is the page's style; it follows the browser's light or dark scheme.
const head = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>It runs</title><style>
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:44rem;margin:10vh auto;padding:0 1.5rem}
h1{font-weight:600;letter-spacing:-.02em;margin:0}
p{opacity:.75;margin:.3rem 0 2rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.5rem;margin:0 0 2rem}
dt{opacity:.65}dd{margin:0;overflow-wrap:anywhere;font-family:ui-monospace,monospace}
pre{padding:1rem;border:1px solid color-mix(in srgb,currentColor 20%,transparent);border-radius:.6rem;overflow:auto}
</style>`

func pages(started time.Time) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { page(w, r, started) })
	return m
}

func page(w http.ResponseWriter, r *http.Request, started time.Time) {
	host, err := os.Hostname()
	if err != nil {
		host = err.Error()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprint(w, head, "<h1>It runs.</h1><p>This page comes from a container on your machine.</p><dl>")
	for _, row := range [][2]string{
		{"Host name", host},
		{"Address", strings.Join(addresses(), ", ")},
		{"You came from", r.RemoteAddr},
		{"User", fmt.Sprintf("uid %d, gid %d", os.Getuid(), os.Getgid())},
		{"Process", fmt.Sprint(os.Getpid())},
		{"Environment", fmt.Sprintf("%d variables", len(os.Environ()))},
		{"Up for", time.Since(started).Round(time.Second).String()},
	} {
		fmt.Fprintf(w, "<dt>%s</dt><dd>%s</dd>", row[0], html.EscapeString(row[1]))
	}
	fmt.Fprintf(w, "</dl><pre>%s</pre></html>", html.EscapeString(request(r)))
}

// request writes the request as it came.
func request(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\nHost: %s\n", r.Method, r.URL.RequestURI(), r.Proto, r.Host)
	keys := make([]string, 0, len(r.Header))
	for k := range r.Header {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		fmt.Fprintf(&b, "%s: %s\n", k, strings.Join(r.Header[k], ", "))
	}
	return b.String()
}

// addresses gives the container's own addresses.
func addresses() []string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			out = append(out, n.IP.String())
		}
	}
	if len(out) == 0 {
		return []string{"none: it has no network"}
	}
	return out
}
