package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/godbus/dbus/v5"
)

// bus is the session bus, joined when it is first asked for: by the second
// start of the window, notifications, the portal's file dialogs. A session
// without one has a window all the same.
type bus struct {
	log *slog.Logger

	mu   sync.Mutex
	conn *dbus.Conn
}

// join gives the one connection. It lives as long as the process.
func (b *bus) join() (*dbus.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil && b.conn.Connected() {
		return b.conn, nil
	}
	conn, err := sessionBus()
	if err != nil {
		return nil, err
	}
	b.conn = conn
	return conn, nil
}

// sessionBus joins the bus that the session has. dbus.ConnectSessionBus would
// start one where there is none, which then stays for ever.
func sessionBus(o ...dbus.ConnOption) (*dbus.Conn, error) {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(o...)
	if err != nil {
		return nil, fmt.Errorf("session bus: %w", err)
	}
	if err := conn.Auth(nil); err != nil {
		conn.Close()
		return nil, fmt.Errorf("session bus: %w", err)
	}
	if err := conn.Hello(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("session bus: %w", err)
	}
	return conn, nil
}

// signals calls each with every signal of an interface until ctx ends. A
// session without a bus has none.
func (b *bus) signals(ctx context.Context, iface string, each func(*dbus.Signal)) {
	conn, err := b.join()
	if err != nil {
		return
	}
	match := dbus.WithMatchInterface(iface)
	if err := conn.AddMatchSignalContext(ctx, match); err != nil {
		b.log.Info("the session bus tells nothing", "interface", iface, "error", err)
		return
	}
	said := make(chan *dbus.Signal, 16)
	conn.Signal(said)
	defer conn.RemoveSignal(said)
	for {
		select {
		case <-ctx.Done():
			_ = conn.RemoveMatchSignal(match)
			return
		case s, ok := <-said:
			if !ok {
				return
			}
			each(s)
		}
	}
}
