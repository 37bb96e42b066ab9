package engine

import (
	"cmp"
	"context"
	"strings"

	"davit/backend/api"
)

// Registries implements api.Service.
func (e *Engine) Registries(ctx context.Context) ([]api.Registry, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return nil, explain(err)
	}
	all, err := images.Registries(ctx)
	for i := range all {
		// What nobody has asked yet is asked for a list of what it has.
		all[i].Kind = cmp.Or(all[i].Kind, "catalogue")
	}
	return list(all), explain(err)
}

// Search implements api.Service.
func (e *Engine) Search(ctx context.Context, q api.SearchQuery, sink func(api.SearchPage) error) error {
	if strings.TrimSpace(q.Term) == "" {
		return invalid("", "there is nothing to search for").WithHint("Type a word, such as the name of a program.")
	}
	images, err := e.images.get(ctx)
	if err != nil {
		return explain(err)
	}
	return explain(images.Search(ctx, q, sink))
}

// Tags implements api.Service.
func (e *Engine) Tags(ctx context.Context, repository string, a api.RegistryAccess) (api.TagList, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.TagList{}, explain(err)
	}
	t, err := images.Tags(ctx, repository, a)
	t.Tags = list(t.Tags)
	return t, explain(err)
}

// Login implements api.Service.
func (e *Engine) Login(ctx context.Context, l api.Login) error {
	images, err := e.images.get(ctx)
	if err != nil {
		return explain(err)
	}
	if err := images.Login(ctx, l); err != nil {
		return explain(err)
	}
	e.news.tell("registry", "login", l.Registry, "")
	return nil
}

// Logout implements api.Service.
func (e *Engine) Logout(ctx context.Context, registry string) error {
	images, err := e.images.get(ctx)
	if err != nil {
		return explain(err)
	}
	if err := images.Logout(ctx, registry); err != nil {
		return explain(err)
	}
	e.news.tell("registry", "logout", registry, "")
	return nil
}
