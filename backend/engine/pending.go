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

// PlanEdit implements api.Service.
func (e *Engine) PlanEdit(ctx context.Context, _ api.Edit) (api.EditPlan, error) {
	return api.EditPlan{}, unready(ctx)
}

// ApplyEdit implements api.Service.
func (e *Engine) ApplyEdit(ctx context.Context, _ api.Edit) (api.Edited, error) {
	return api.Edited{}, unready(ctx)
}

// UndoEdit implements api.Service.
func (e *Engine) UndoEdit(ctx context.Context, _ string) (api.Edited, error) {
	return api.Edited{}, unready(ctx)
}

// DropUndo implements api.Service.
func (e *Engine) DropUndo(ctx context.Context, _ string) error {
	return unready(ctx)
}

// Duplicate implements api.Service.
func (e *Engine) Duplicate(ctx context.Context, _ string) (api.RunSpec, error) {
	return api.RunSpec{}, unready(ctx)
}

// Snapshots implements api.Service.
func (e *Engine) Snapshots(ctx context.Context, _ string) ([]api.Snapshot, error) {
	return nil, unready(ctx)
}

// TakeSnapshot implements api.Service.
func (e *Engine) TakeSnapshot(ctx context.Context, _ api.SnapshotSpec) (api.Snapshot, error) {
	return api.Snapshot{}, unready(ctx)
}

// RestoreSnapshot implements api.Service.
func (e *Engine) RestoreSnapshot(ctx context.Context, _, _ string) (api.Snapshot, error) {
	return api.Snapshot{}, unready(ctx)
}

// RemoveSnapshot implements api.Service.
func (e *Engine) RemoveSnapshot(ctx context.Context, _, _ string) error {
	return unready(ctx)
}
