package engine

import (
	"context"
	"davit/backend/api"
)

// unready answers for verbs whose halves are not joined yet.
func unready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return explain(err)
	}
	return api.Errorf(api.KindUnavailable, "this Davit cannot do that yet")
}

// Suggest implements api.Service.
func (e *Engine) Suggest(ctx context.Context, _ string) (api.Suggestion, error) {
	return api.Suggestion{}, unready(ctx)
}

// WhoseFiles implements api.Service.
func (e *Engine) WhoseFiles(ctx context.Context, _ api.RunSpec) ([]api.FileOwnership, error) {
	return nil, unready(ctx)
}

// ForeignFiles implements api.Service.
func (e *Engine) ForeignFiles(ctx context.Context, _ string) (api.ForeignFiles, error) {
	return api.ForeignFiles{}, unready(ctx)
}

// GiveBack implements api.Service.
func (e *Engine) GiveBack(ctx context.Context, _ string) (api.ForeignFiles, error) {
	return api.ForeignFiles{}, unready(ctx)
}
