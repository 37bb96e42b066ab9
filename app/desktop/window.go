package main

import (
	"context"
	_ "embed" // the icon
	"log/slog"
	"net/http"
	"sync"

	"davit/app/front"
	"davit/backend/api"
	"davit/backend/store"
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
	log     *slog.Logger
	front   *front.Front
	service api.Service
	bridge  *Bridge
	look    *look

	life sync.WaitGroup
	stop context.CancelFunc
}

// newWindow starts nothing: the engine comes with the first call, so that a
// host that refuses it still gets a window that says so.
func newWindow(dirs store.Dirs, log *slog.Logger) (*window, error) {
	f, err := front.Open(context.Background(), front.Options{Dirs: dirs, Log: log})
	if err != nil {
		return nil, err
	}
	l := &look{log: log}
	return &window{log: log, front: f, service: f.Service(), look: l, bridge: &Bridge{version: version, look: l}, stop: func() {}}, nil
}

// run shows the window until it is closed.
func (w *window) run() error {
	defer w.front.Close()
	return wails.Run(&options.App{
		Title:            "Davit",
		Width:            1120,
		Height:           720,
		MinWidth:         480,
		MinHeight:        360,
		BackgroundColour: options.NewRGB(250, 250, 251), // --window, until the page is drawn
		AssetServer: &assetserver.Options{
			Assets:     frontend.Files(),
			Handler:    wire.Page(w.service, w.log),
			Middleware: guarded,
		},
		Logger:     wailsLog{w.log},
		OnStartup:  w.start,
		OnShutdown: func(context.Context) { w.stop(); w.life.Wait() },
		Bind:       []any{w.bridge, &Verbs{w.service}},
		// Errors reach the page as they do over the wire.
		ErrorFormatter:     func(err error) any { return api.AsError(err) },
		SingleInstanceLock: &options.SingleInstanceLock{UniqueId: "davit", OnSecondInstanceLaunch: w.raise},
		Linux:              &linux.Options{Icon: icon, ProgramName: "davit", WebviewGpuPolicy: linux.WebviewGpuPolicyNever},
	})
}

// start runs when GTK is up and the page begins to load.
func (w *window) start(ctx context.Context) {
	// WebKit's handlers would keep Go from turning a fault into a panic that says where.
	runtime.ResetSignalHandlers()
	ctx, w.stop = context.WithCancel(ctx)
	w.bridge.window = ctx
	w.life.Go(func() {
		w.look.follow(ctx, func(a Appearance) { runtime.EventsEmit(ctx, "appearance", a) })
	})
	// The engine starts while WebKit loads the page, whose first question it
	// answers; what it says here nobody needs.
	w.life.Go(func() { _, _ = w.service.Operations(ctx) })
}

// raise answers a second start: the window that is there comes forward.
func (w *window) raise(options.SecondInstanceData) {
	if ctx := w.bridge.window; ctx != nil {
		runtime.WindowUnminimise(ctx)
		runtime.WindowShow(ctx)
	}
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
