package wire

import (
	"context"
	"io"

	"davit/backend/api"
)

// The client's half of the verbs on specs, edits, volumes and secrets.

// makingMethods are lines of the table in methods.go.
func makingMethods() map[string]method {
	return map[string]method{
		"CheckSpec":    query1(api.Service.CheckSpec),
		"Suggest":      query1(api.Service.Suggest),
		"ParseRun":     query1(api.Service.ParseRun),
		"RenderSpec":   query2(api.Service.RenderSpec),
		"WhoseFiles":   query1(api.Service.WhoseFiles),
		"ForeignFiles": query1(api.Service.ForeignFiles),
		"GiveBack":     query1(api.Service.GiveBack),

		"PlanEdit":        query1(api.Service.PlanEdit),
		"ApplyEdit":       query1(api.Service.ApplyEdit),
		"UndoEdit":        query1(api.Service.UndoEdit),
		"DropUndo":        command1(api.Service.DropUndo),
		"Duplicate":       query1(api.Service.Duplicate),
		"Snapshots":       query1(api.Service.Snapshots),
		"TakeSnapshot":    query1(api.Service.TakeSnapshot),
		"RestoreSnapshot": query2(api.Service.RestoreSnapshot),
		"RemoveSnapshot":  command2(api.Service.RemoveSnapshot),

		"Volumes":      query1(api.Service.Volumes),
		"Volume":       query1(api.Service.Volume),
		"CreateVolume": query1(api.Service.CreateVolume),
		"RemoveVolume": command2(api.Service.RemoveVolume),
		"PruneVolumes": query1(api.Service.PruneVolumes),
		"CloneVolume":  query2(api.Service.CloneVolume),
		"EmptyVolume":  query1(api.Service.EmptyVolume),
		"ExportVolume": download1(api.Service.ExportVolume),
		"ImportVolume": upload1(api.Service.ImportVolume),

		"Secrets":      query0(api.Service.Secrets),
		"Secret":       query1(api.Service.Secret),
		"CreateSecret": upload1(api.Service.CreateSecret),
		"RemoveSecret": command1(api.Service.RemoveSecret),
	}
}

func (c *client) CheckSpec(ctx context.Context, spec api.RunSpec) (api.SpecCheck, error) {
	return query[api.SpecCheck](ctx, c, "CheckSpec", spec)
}

func (c *client) Suggest(ctx context.Context, image string) (api.Suggestion, error) {
	return query[api.Suggestion](ctx, c, "Suggest", image)
}

func (c *client) ParseRun(ctx context.Context, text string) (api.ParsedRun, error) {
	return query[api.ParsedRun](ctx, c, "ParseRun", text)
}

func (c *client) RenderSpec(ctx context.Context, spec api.RunSpec, form api.SpecForm) (api.Rendered, error) {
	return query[api.Rendered](ctx, c, "RenderSpec", spec, form)
}

func (c *client) WhoseFiles(ctx context.Context, spec api.RunSpec) ([]api.FileOwnership, error) {
	return query[[]api.FileOwnership](ctx, c, "WhoseFiles", spec)
}

func (c *client) ForeignFiles(ctx context.Context, path string) (api.ForeignFiles, error) {
	return query[api.ForeignFiles](ctx, c, "ForeignFiles", path)
}

func (c *client) GiveBack(ctx context.Context, path string) (api.ForeignFiles, error) {
	return query[api.ForeignFiles](ctx, c, "GiveBack", path)
}

func (c *client) PlanEdit(ctx context.Context, edit api.Edit) (api.EditPlan, error) {
	return query[api.EditPlan](ctx, c, "PlanEdit", edit)
}

func (c *client) ApplyEdit(ctx context.Context, edit api.Edit) (api.Edited, error) {
	return query[api.Edited](ctx, c, "ApplyEdit", edit)
}

func (c *client) UndoEdit(ctx context.Context, ref string) (api.Edited, error) {
	return query[api.Edited](ctx, c, "UndoEdit", ref)
}

func (c *client) DropUndo(ctx context.Context, ref string) error {
	return c.command(ctx, "DropUndo", ref)
}

func (c *client) Duplicate(ctx context.Context, ref string) (api.RunSpec, error) {
	return query[api.RunSpec](ctx, c, "Duplicate", ref)
}

func (c *client) Snapshots(ctx context.Context, ref string) ([]api.Snapshot, error) {
	return query[[]api.Snapshot](ctx, c, "Snapshots", ref)
}

func (c *client) TakeSnapshot(ctx context.Context, spec api.SnapshotSpec) (api.Snapshot, error) {
	return query[api.Snapshot](ctx, c, "TakeSnapshot", spec)
}

func (c *client) RestoreSnapshot(ctx context.Context, ref, snapshot string) (api.Snapshot, error) {
	return query[api.Snapshot](ctx, c, "RestoreSnapshot", ref, snapshot)
}

func (c *client) RemoveSnapshot(ctx context.Context, ref, snapshot string) error {
	return c.command(ctx, "RemoveSnapshot", ref, snapshot)
}

func (c *client) Volumes(ctx context.Context, f api.VolumeFilter) ([]api.Volume, error) {
	return query[[]api.Volume](ctx, c, "Volumes", f)
}

func (c *client) Volume(ctx context.Context, ref string) (api.Volume, error) {
	return query[api.Volume](ctx, c, "Volume", ref)
}

func (c *client) CreateVolume(ctx context.Context, spec api.VolumeSpec) (api.Volume, error) {
	return query[api.Volume](ctx, c, "CreateVolume", spec)
}

func (c *client) RemoveVolume(ctx context.Context, ref string, o api.RemoveOptions) error {
	return c.command(ctx, "RemoveVolume", ref, o)
}

func (c *client) PruneVolumes(ctx context.Context, spec api.VolumePrune) (api.PrunedVolumes, error) {
	return query[api.PrunedVolumes](ctx, c, "PruneVolumes", spec)
}

func (c *client) CloneVolume(ctx context.Context, ref string, spec api.VolumeSpec) (api.Volume, error) {
	return query[api.Volume](ctx, c, "CloneVolume", ref, spec)
}

func (c *client) EmptyVolume(ctx context.Context, ref string) (api.Volume, error) {
	return query[api.Volume](ctx, c, "EmptyVolume", ref)
}

func (c *client) ExportVolume(ctx context.Context, ref string, w io.Writer) error {
	return c.download(ctx, w, "ExportVolume", ref)
}

func (c *client) ImportVolume(ctx context.Context, ref string, r io.Reader) (api.Volume, error) {
	return send[api.Volume](ctx, c, r, "ImportVolume", ref)
}

func (c *client) Secrets(ctx context.Context) ([]api.Secret, error) {
	return query[[]api.Secret](ctx, c, "Secrets")
}

func (c *client) Secret(ctx context.Context, ref string) (api.Secret, error) {
	return query[api.Secret](ctx, c, "Secret", ref)
}

func (c *client) CreateSecret(ctx context.Context, spec api.SecretSpec, r io.Reader) (api.Secret, error) {
	return send[api.Secret](ctx, c, r, "CreateSecret", spec)
}

func (c *client) RemoveSecret(ctx context.Context, ref string) error {
	return c.command(ctx, "RemoveSecret", ref)
}
