package engine

import (
	"context"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
	"davit/backend/oci"
	"davit/backend/runspec"
)

// CheckSpec implements api.Service.
func (e *Engine) CheckSpec(ctx context.Context, spec api.RunSpec) (api.SpecCheck, error) {
	if err := ctx.Err(); err != nil {
		return api.SpecCheck{}, explain(err)
	}
	found := problems(spec)
	if err := cgroup.Here().Allows(spec.Limits); err != nil {
		found = append(found, api.AsError(err).WithField("limits"))
	}
	shown, err := e.ownFilesShown(spec.Mounts)
	if err != nil {
		found = append(found, api.AsError(err))
	}
	w := append(append(portWarnings(spec.Ports), shown...), oci.GivenAway(spec, oci.HostSecurity())...)
	return api.SpecCheck{Problems: list(found), Warnings: list(w)}, nil
}

// ParseRun implements api.Service.
func (e *Engine) ParseRun(ctx context.Context, text string) (api.ParsedRun, error) {
	if err := ctx.Err(); err != nil {
		return api.ParsedRun{}, explain(err)
	}
	p, err := runspec.Parse(text)
	return p, explain(err)
}

// RenderSpec implements api.Service.
func (e *Engine) RenderSpec(ctx context.Context, spec api.RunSpec, form api.SpecForm) (api.Rendered, error) {
	if err := ctx.Err(); err != nil {
		return api.Rendered{}, explain(err)
	}
	r, err := runspec.Render(spec, form)
	return r, explain(err)
}
