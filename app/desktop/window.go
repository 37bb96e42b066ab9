package main

import (
	"context"
	_ "embed" // the icon
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"davit/app/front"
	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/userns"
	"davit/backend/wire"
	"davit/frontend"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	"github.com/wailsapp/wails/v2/pkg/runtime"
)

//go:embed icon.png
var icon []byte

// window owns what lives as long as the window: the front with its engine and
// the watch on the desktop's appearance.
type window struct {
	log      *slog.Logger
	front    *front.Front
	service  api.Service
	bridge   *Bridge
	geometry string // the file

	life sync.WaitGroup
	stop context.CancelFunc
}

// newWindow starts nothing: the engine comes with the first call, so that a
// host that refuses it still gets a window that says so.
func newWindow(dirs store.Dirs, d *desktop, log *slog.Logger) (*window, error) {
	f, err := front.Open(context.Background(), front.Options{Dirs: dirs, Log: log})
	if err != nil {
		return nil, err
	}
	return &window{
		log:      log,
		front:    f,
		service:  f.Service(),
		bridge:   &Bridge{version: version, desktop: d},
		geometry: geometryPath(os.Getenv),
		stop:     func() {},
	}, nil
}

// run shows the window until it is closed.
func (w *window) run() error {
	defer w.front.Close()
	g := readGeometry(w.geometry)
	return wails.Run(&options.App{
		Title:            "Davit",
		Width:            g.Width,
		Height:           g.Height,
		MinWidth:         minWidth,
		MinHeight:        minHeight,
		WindowStartState: g.state(),
		BackgroundColour: options.NewRGB(250, 250, 251), // --window, until the page is drawn
		AssetServer: &assetserver.Options{
			Assets:     frontend.Files(),
			Handler:    wire.Page(w.service, w.log),
			Middleware: guarded,
		},
		Logger:        wailsLog{w.log},
		OnStartup:     w.start,
		OnBeforeClose: w.leave,
		OnShutdown:    func(context.Context) { w.stop(); w.life.Wait() },
		Bind:          []any{w.bridge, &Verbs{w.service, w.bridge.desktop}},
		// Errors reach the page as they do over the wire.
		ErrorFormatter: func(err error) any { return api.AsError(err) },
		Linux:          &linux.Options{Icon: icon, ProgramName: "davit", WebviewGpuPolicy: linux.WebviewGpuPolicyNever},
	})
}

// start runs when GTK is up and the page begins to load.
func (w *window) start(ctx context.Context) {
	// WebKit's handlers would keep Go from turning a fault into a panic that says where.
	runtime.ResetSignalHandlers()
	ctx, w.stop = context.WithCancel(ctx)
	w.bridge.window = ctx
	d := w.bridge.desktop
	w.life.Go(func() {
		d.look.follow(ctx, func(a Appearance) { runtime.EventsEmit(ctx, "appearance", a) })
	})
	w.life.Go(func() {
		d.notifier.follow(ctx, func(id string) { raise(ctx); runtime.EventsEmit(ctx, "notified", id) })
	})
	d.tray.chosen = func(id string) {
		if id == "" {
			raise(ctx)
			return
		}
		runtime.EventsEmit(ctx, "tray", id)
	}
	d.arrivals.to(func(o Opening) { raise(ctx); runtime.EventsEmit(ctx, "opening", o) })
	w.life.Go(d.takeouts.sweep)
	// The engine starts while WebKit loads the page, whose first question it
	// answers; what it says here nobody needs.
	w.life.Go(func() { _, _ = w.service.Operations(ctx) })
	w.life.Go(func() { giveBack(ctx, opened) })
}

// opened is when a window is certainly open, and what opening it took is over.
const opened = 5 * time.Second

// giveBack returns, once, what of the program only its start needed.
func giveBack(ctx context.Context, after time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(after):
		userns.GiveBack()
	}
}

// leave keeps how the window was left. Where the person wants Davit in the
// tray, and there is a tray, it only hides.
func (w *window) leave(ctx context.Context) (stay bool) {
	width, height := runtime.WindowGetSize(ctx)
	g := geometry{Width: width, Height: height, Maximised: runtime.WindowIsMaximised(ctx)}
	if g.Maximised {
		// What it shrinks to is as it was.
		before := readGeometry(w.geometry)
		g.Width, g.Height = before.Width, before.Height
	}
	if err := g.keep(w.geometry); err != nil {
		w.log.Info("the window's size is not kept", "error", err)
	}
	if w.bridge.quitting.Load() || !w.bridge.stays.Load() || !w.bridge.desktop.tray.hosted() {
		return false
	}
	runtime.WindowHide(ctx)
	return true
}

// raise brings the window forward.
func raise(ctx context.Context) {
	runtime.WindowUnminimise(ctx)
	runtime.WindowShow(ctx)
}

// origin is what Wails calls the pages that it serves.
const origin = "wails://wails"

// policy lets the page load what is ours and nothing else. Wails brings two
// scripts of its own from the same origin.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// guarded refuses other pages' requests, should one ever be shown in the
// window, and forbids ours to load anything from elsewhere.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from := r.Header.Get("Origin"); from != "" && from != origin {
			http.Error(w, "requests from "+from+" are not served", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}
