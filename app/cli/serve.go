package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"davit/app/front"
	"davit/backend/api"
	"davit/frontend"
)

// ServeOptions are serve's.
type ServeOptions struct {
	Port uint16
	Open bool
}

func newServeCommand() *command {
	var o ServeOptions
	c := &command{
		name: "serve", args: "[OPTIONS]", group: "Davit", short: "Show the window in a browser",
		long: "Serves this machine's browsers only, on 127.0.0.1. The address holds a token that lets one\nbrowser in, once; it ends with the command.",
	}
	f := c.set()
	f.Uint16Var(&o.Port, "port", 0, "The port to listen on (default: a free one)")
	f.BoolVar(&o.Open, "open", false, "Open the address in the desktop's browser")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runServe(ctx, e, o) }
	return c
}

func runServe(ctx context.Context, e *env, o ServeOptions) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", net.JoinHostPort(defaultHostIP, strconv.Itoa(int(o.Port))))
	if err != nil {
		return api.Errorf(api.KindConflict, "serve: %w", err).WithHint("choose another port, or leave out --port")
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return fmt.Errorf("address of the listener: %w", err)
	}
	token := front.NewToken()
	h := front.Handler(s, frontend.Files(), front.Guardrails{Port: port, Token: token, Log: e.log})
	url := fmt.Sprintf("http://%s/#token=%s", l.Addr(), token)
	fmt.Fprintln(e.out, url)
	if o.Open {
		openBrowser(e, url)
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	if err := front.Serve(l, h); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
