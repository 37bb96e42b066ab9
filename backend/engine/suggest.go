package engine

import (
	"cmp"
	"context"
	"fmt"

	"davit/backend/api"
	"davit/backend/runspec"
	"davit/backend/store"
)

// Suggest implements api.Service.
func (e *Engine) Suggest(ctx context.Context, ref string) (api.Suggestion, error) {
	s, err := e.suggest(ctx, ref)
	return s, explain(err)
}

func (e *Engine) suggest(ctx context.Context, ref string) (api.Suggestion, error) {
	img, err := e.runnable(ctx, api.RunSpec{Image: ref})
	if err != nil {
		return api.Suggestion{}, err
	}
	c := img.Config
	s := api.Suggestion{
		Image: cmp.Or(img.Name, img.ID), Ports: []api.Port{}, Mounts: []api.Mount{}, User: c.User, HealthCheck: healthCheck(c.HealthCheck, nil),
		Entrypoint: list(c.Entrypoint), Command: list(c.Cmd), WorkingDir: c.WorkingDir, Env: list(c.Env), Ask: runspec.Asked(img.Name),
	}
	ports, err := wantedPorts(c, api.RunSpec{PublishAll: true})
	if err != nil {
		return s, err
	}
	others, err := store.ListContainers(e.dirs)
	if err != nil {
		return s, err
	}
	if s.Ports, err = choosePorts(ports, others); err != nil {
		return s, err
	}
	for _, m := range withDeclared(nil, c.Volumes) {
		m.Source = e.freeVolumeName(runspec.VolumeName(img.Name, m.Target))
		s.Mounts = append(s.Mounts, m)
	}
	return s, nil
}

// freeVolumeName adds a number to a name until no volume has it: another
// container's data is not shared by accident.
func (e *Engine) freeVolumeName(name string) string {
	for n, try := 2, name; ; n++ {
		if _, err := store.ReadVolume(e.dirs, try); api.KindOf(err) == api.KindNotFound {
			return try
		}
		try = fmt.Sprintf("%s-%d", name, n)
	}
}
