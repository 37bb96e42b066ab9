package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/term"

	"davit/backend/api"
)

// env is what a command may touch: the standard streams, the environment,
// the clock and, once asked for, the Service.
type env struct {
	in       io.Reader
	out, err io.Writer
	lookup   func(key string) (string, bool) // environment variables
	now      func() time.Time
	log      *slog.Logger
	// open makes the Service; only commands that need one pay for it.
	open func(ctx context.Context, e *env) (api.Service, io.Closer, error)

	service api.Service
	closer  io.Closer
}

// Service opens the Service at the first call. Its life does not hang on ctx:
// a foreground container has to outlive an interrupt that is passed on to it.
func (e *env) Service(ctx context.Context) (api.Service, error) {
	if e.service != nil {
		return e.service, nil
	}
	s, c, err := e.open(ctx, e)
	if err != nil {
		return nil, err
	}
	e.service, e.closer = s, c
	return s, nil
}

func (e *env) getenv(key string) string {
	v, _ := e.lookup(key)
	return v
}

func (e *env) close() {
	if e.closer != nil {
		if err := e.closer.Close(); err != nil {
			e.log.Debug("close", "err", err)
		}
	}
	e.service, e.closer = nil, nil
}

// terminal gives the descriptor of a stream that is a terminal.
func terminal(stream any) (fd int, ok bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return -1, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// size is the terminal's size; zero where there is none.
func (e *env) size() (rows, cols uint16) {
	for _, stream := range []any{e.out, e.in} {
		if fd, ok := terminal(stream); ok {
			if w, h, err := term.GetSize(fd); err == nil {
				return uint16(h), uint16(w)
			}
		}
	}
	return 0, 0
}
