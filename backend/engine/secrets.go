package engine

import (
	"context"
	"io"
	"maps"
	"slices"

	"davit/backend/api"
	"davit/backend/store"
)

// Secrets implements api.Service.
func (e *Engine) Secrets(ctx context.Context) ([]api.Secret, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	all, err := store.ListSecrets(e.dirs)
	if err != nil {
		return nil, explain(err)
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return nil, explain(err)
	}
	out := []api.Secret{}
	for _, s := range all {
		out = append(out, secretRow(s, entries))
	}
	return out, nil
}

// secretRow tells all of a secret but its value.
func secretRow(s store.Secret, entries []store.Entry) api.Secret {
	row := api.Secret{
		ID: s.ID, Name: s.Name, Created: s.Created, Updated: s.Updated, Labels: map[string]string{}, Size: len(s.Value), UsedBy: []string{},
	}
	maps.Copy(row.Labels, s.Labels)
	for _, c := range entries {
		if slices.ContainsFunc(c.Record.Spec.Secrets, func(u api.SecretUse) bool { return u.Source == s.Name || u.Source == s.ID }) {
			row.UsedBy = append(row.UsedBy, c.Record.Name)
		}
	}
	return row
}

// Secret implements api.Service.
func (e *Engine) Secret(ctx context.Context, ref string) (api.Secret, error) {
	if err := ctx.Err(); err != nil {
		return api.Secret{}, explain(err)
	}
	s, err := store.ReadSecret(e.dirs, ref)
	if err != nil {
		return api.Secret{}, explain(err)
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return api.Secret{}, explain(err)
	}
	return secretRow(s, entries), nil
}

// CreateSecret implements api.Service.
func (e *Engine) CreateSecret(ctx context.Context, spec api.SecretSpec, r io.Reader) (api.Secret, error) {
	if err := ctx.Err(); err != nil {
		return api.Secret{}, explain(err)
	}
	value, err := io.ReadAll(io.LimitReader(r, store.MaxSecret+1))
	if err != nil {
		return api.Secret{}, explain(err)
	}
	s, err := store.KeepSecret(ctx, e.dirs, spec, value)
	if err != nil {
		return api.Secret{}, explain(err)
	}
	e.news.tell("secret", "create", s.ID, s.Name)
	return e.Secret(ctx, s.Name)
}

// RemoveSecret implements api.Service.
func (e *Engine) RemoveSecret(ctx context.Context, ref string) error {
	s, err := store.ForgetSecret(ctx, e.dirs, ref)
	if err != nil {
		return explain(err)
	}
	e.news.tell("secret", "remove", s.ID, s.Name)
	return nil
}
