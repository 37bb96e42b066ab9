// Command sample is the web server of the image that is built into Davit: it
// shows who asked and where it runs, so that a first container has something
// to look at. It runs in a container, alone in its image, as any user, and
// needs nothing but its port ($PORT, 8080).
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
}

// run serves until SIGTERM or SIGINT, then lets open requests end.
func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: logged(pages(time.Now())), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	fmt.Printf("listening on port %s\n", port)
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	fmt.Println("asked to stop, good bye")
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Shutdown(end)
}

// logged writes one line for each request to stdout.
func logged(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		h.ServeHTTP(w, r)
		fmt.Printf("%s %s %s from %s in %s\n", r.Method, r.URL.RequestURI(), r.Proto, r.RemoteAddr, time.Since(start).Round(time.Microsecond))
	})
}
