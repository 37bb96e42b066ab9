package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"

	"davit/backend/api"
	"davit/backend/wire"
)

// ServeEngine is the engine's main loop: it serves s to the front at the
// other end of control, which it closes, and returns nil once that front has
// gone or ctx has ended. Calls under way are cancelled. It calls much for each
// request, and for each quarter of a megabyte of an answer.
func ServeEngine(ctx context.Context, control *os.File, s api.Service, much func()) error {
	l, err := wire.ListenControl(control)
	if err != nil {
		return err
	}
	// The engine's stderr is the keeper's log.
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	server := newServer(wire.Noticed(wire.Handler(s, log), much))
	// Connections are closed before calls are cancelled: the front then sees an
	// engine that has gone, not calls that it seems to have cancelled itself.
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server.BaseContext = func(net.Listener) context.Context { return calls }
	server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err = server.Serve(l)
	_ = server.Close()
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("serve the front: %w", err)
}

func newServer(h http.Handler) *http.Server {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return &http.Server{Handler: h, Protocols: p, MaxHeaderBytes: 64 << 10}
}
