// Command fakeserve serves the wire over an apitest.Fake, and the built front
// beside it, so that one can look at every state of the front without running
// a container. It is a development tool: no token, no checks, loopback only.
//
//	go run ./backend/api/apitest/fakeserve -scenario many -addr 127.0.0.1:8300
//
// It runs as the developer, in the host's namespaces, and is not shipped.
package main

import (
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"

	"davit/backend/api/apitest"
	"davit/backend/wire"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen; loopback")
	static := flag.String("static", "frontend/dist", "directory of the built front")
	scenario := flag.String("scenario", string(apitest.Full), "full, empty, many or refused")
	seed := flag.Uint64("seed", 1, "of everything that is random")
	speed := flag.Float64("speed", 1, "of downloads, searches and chatter")
	flag.Parse()
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
		log.Fatalf("%s is not loopback", ip)
	}
	fake := apitest.New(apitest.Options{Scenario: apitest.Scenario(*scenario), Seed: *seed, Speed: *speed})
	mux := http.NewServeMux()
	mux.Handle("/v1/", wire.Page(fake, slog.New(slog.NewTextHandler(os.Stderr, nil))))
	mux.Handle("POST /auth", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	mux.Handle("/", page(*static))
	fmt.Printf("http://%s/\n", l.Addr())
	log.Fatal(http.Serve(l, mux))
}

// page serves the front's files; what is none is the front's own route.
func page(dir string) http.Handler {
	files := http.FileServer(http.Dir(dir))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(path.Clean(r.URL.Path)))); err != nil && path.Ext(r.URL.Path) == "" {
			r.URL.Path = "/"
		}
		files.ServeHTTP(w, r)
	})
}
