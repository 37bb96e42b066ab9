package front

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/wire"
)

// Options are what Open needs.
type Options struct {
	Dirs store.Dirs
	Bin  string       // directory of our binaries; "": this one's
	Log  *slog.Logger // nil discards
}

// Front is an open way to an engine.
type Front struct {
	engines   *engines
	transport *http.Transport
	service   api.Service
}

// Open makes a front. It starts nothing yet: the first call does, and where
// the engine has died, the next one does again. Calls and streams under way
// then end with KindUnavailable.
func Open(ctx context.Context, o Options) (*Front, error) {
	if err := refuseRoot(os.Geteuid()); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Bin == "" {
		exe, err := os.Executable()
		if err != nil {
			return nil, api.Errorf(api.KindHost, "find Davit's own directory: %w", err)
		}
		o.Bin = filepath.Dir(exe)
	}
	b := binaries(o.Bin)
	return open(ctx, o, keeperStart(o, b), b), nil
}

// open makes a front that starts its engines with start.
func open(ctx context.Context, o Options, start starter, b map[string]string) *Front {
	f := &Front{engines: newEngines(context.WithoutCancel(ctx), start, o.Log)}
	f.transport = wire.Transport(func(ctx context.Context) (net.Conn, error) { return f.engines.dial(ctx) })
	f.engines.gone = f.transport.CloseIdleConnections
	f.service = &service{Service: wire.Client(f.transport), wire: f.transport, dirs: o.Dirs, davit: b["davit"], mend: b["davit-mend"]}
	return f
}

// Service is the engine's, with the host's questions answered in this process.
func (f *Front) Service() api.Service { return f.service }

// Close ends the engine; containers go on.
func (f *Front) Close() error {
	err := f.engines.close()
	f.transport.CloseIdleConnections()
	return err
}

// refuseRoot: containers of root would be root on the host, and the person's
// files would become root's.
func refuseRoot(uid int) error {
	if uid != 0 {
		return nil
	}
	return api.Errorf(api.KindHost, "Davit does not run as root").
		WithHint("Run it as yourself, without sudo: it needs no rights that you do not have.").WithExit(125)
}

// binaries finds Davit's programs: beside each other, as built, or with the
// helpers in libexec, as packaged.
func binaries(dir string) map[string]string {
	found := map[string]string{}
	for _, name := range []string{"davit", "davit-guard", "davit-mend"} {
		found[name] = filepath.Join(dir, name)
		for _, d := range []string{dir, filepath.Join(dir, "../libexec/davit"), filepath.Join(dir, "../../bin")} {
			p := filepath.Join(d, name)
			if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
				found[name] = p
				break
			}
		}
	}
	return found
}
