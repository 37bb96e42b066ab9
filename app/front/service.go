package front

import (
	"context"
	"net/http"

	"davit/backend/api"
	"davit/backend/doctor"
	"davit/backend/doctor/autostart"
	"davit/backend/store"
)

// service is the engine's, but for what concerns the host: that is answered
// from this process, which sees it as the person does, and without any engine.
type service struct {
	api.Service
	wire  http.RoundTripper // to the engine
	dirs  store.Dirs
	davit string // our binary, which plays the doctor's probe
	mend  string // davit-mend
}

// Wire implements wire.Relay.
func (s *service) Wire() http.RoundTripper { return s.wire }

// Doctor implements api.Service.
func (s *service) Doctor(ctx context.Context) ([]api.Check, error) {
	return doctor.Run(ctx, doctor.Options{Store: s.dirs.Data, Runtime: s.dirs.Runtime, Probe: s.davit, Mends: mends(s.mend)})
}

// Autostart implements api.Service.
func (s *service) Autostart(ctx context.Context) (api.Autostart, error) {
	return autostart.Status(ctx, autostart.Host{Davit: s.davit})
}

// SetAutostart implements api.Service.
func (s *service) SetAutostart(ctx context.Context, on bool) (api.Autostart, error) {
	return autostart.Set(ctx, autostart.Host{Davit: s.davit}, on)
}

// Info implements api.Service. Where the host lets no engine run, what it
// knows of the host is the whole answer, and Limited says why.
func (s *service) Info(ctx context.Context) (api.Info, error) {
	i, err := s.Service.Info(ctx)
	if err != nil {
		e := api.AsError(err)
		if e.Kind != api.KindHost {
			return i, e
		}
		i = api.Info{Limited: []string{e.Msg}, Security: []string{}}
	}
	doctor.Describe(&i)
	i.StoreDir, i.RuntimeDir = s.dirs.Data, s.dirs.Runtime
	return i, nil
}
