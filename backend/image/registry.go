package image

import (
	"context"
	"strings"
	"sync"
	"time"

	"davit/backend/api"
	"davit/backend/image/creds"
	"davit/backend/image/fetch"
	"davit/backend/image/name"
	"davit/backend/image/registries"
	"davit/backend/image/search"
)

// Registries lists the registries that short names are looked for in, that
// registries.conf names, and that somebody is logged in to; docker.io always.
func (s *Store) Registries(ctx context.Context) ([]api.Registry, error) {
	known, err := s.c.Registries.Known()
	if err != nil {
		return nil, err
	}
	users, err := s.creds.Users(ctx)
	if err != nil {
		s.log.Warn("credentials", "err", err) // one broken file must not hide the registries
	}
	own, err := s.c.Registries.OwnHosts()
	if err != nil {
		return nil, err
	}
	kept := s.creds.Places(users)
	out := []api.Registry{}
	have := map[string]bool{}
	add := func(r registries.Registry) {
		if have[r.Host] {
			return
		}
		have[r.Host] = true
		out = append(out, api.Registry{
			Host: r.Host, Kind: string(s.kind(r)), Source: r.File, Search: !r.Blocked && s.kind(r) != search.None,
			Insecure: r.Insecure, Blocked: r.Blocked, Mirrors: r.Mirrors, User: users[r.Host],
			UserIn: kept[r.Host], Own: own[r.Host],
		})
	}
	for _, r := range known {
		add(r)
	}
	add(registries.Registry{Host: name.Docker, File: "built in", Mirrors: []string{}})
	for _, h := range creds.Sorted(users) {
		add(registries.Registry{Host: h, File: "log-in", Mirrors: []string{}})
	}
	return out, nil
}

// kind tells how a registry is searched, as far as it is known. One whose
// images come from somewhere else is searched there.
func (s *Store) kind(r registries.Registry) search.Kind {
	host := r.Host
	if r.Location != "" {
		host = r.Location
	}
	if k := search.KindOf(host); k != "" {
		return k
	}
	return s.knownKind(host)
}

func (s *Store) searcher() search.Searcher {
	return search.Searcher{Client: s.client, APIs: s.c.APIs}
}

// answerTime bounds one registry's answer to a search.
const answerTime = 20 * time.Second

// Search asks all registries at once and calls sink, from one goroutine, for
// each answer as it comes. A term that is a complete reference, or the address
// of a repository's page, is looked for in its registry alone.
func (s *Store) Search(ctx context.Context, q api.SearchQuery, sink func(api.SearchPage) error) error {
	if q.Limit <= 0 {
		q.Limit = 25
	}
	q.Limit = min(q.Limit, 100)
	q.Term = name.FromAddress(q.Term)
	exact := name.Name{}
	if n, err := name.Parse(q.Term); err == nil && !name.Short(q.Term) {
		exact = n
		q.Registry, q.Term = n.Registry, strings.TrimPrefix(n.Repository, "library/")
	}
	ctx, leave, err := s.reach(ctx, q.Access, q.Registry)
	if err != nil {
		return err
	}
	defer leave()
	targets, err := s.targets(ctx, q.Registry)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan api.SearchPage)
	var all sync.WaitGroup
	for _, t := range targets {
		all.Go(func() { s.ask(ctx, t, q, exact, pages) })
	}
	go func() { all.Wait(); close(pages) }()
	var failed error
	for p := range pages {
		if failed == nil {
			if failed = sink(p); failed != nil {
				cancel()
			}
		}
	}
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

// targets are the registries to ask.
func (s *Store) targets(ctx context.Context, only string) ([]search.Target, error) {
	all, err := s.Registries(ctx)
	if err != nil {
		return nil, err
	}
	known, err := s.c.Registries.Known()
	if err != nil {
		return nil, err
	}
	location := map[string]string{}
	for _, r := range known {
		location[r.Host] = r.Location
	}
	var out []search.Target
	for _, r := range all {
		if only == "" && r.Search || only == r.Host && !r.Blocked {
			h := fetch.HostFor(ctx, r.Host, r.Insecure)
			if l := location[r.Host]; l != "" {
				h.Name = l
			}
			out = append(out, search.Target{Registry: r.Host, Host: h, Kind: search.Kind(r.Kind)})
		}
	}
	if len(out) > 0 || only == "" {
		return out, nil
	}
	for _, r := range all {
		if r.Host == only {
			return nil, api.Errorf(api.KindDenied, "registry %s is blocked in registries.conf", only).WithRef(only)
		}
	}
	if _, err := name.Parse(only + "/x"); err != nil {
		return nil, api.Errorf(api.KindInvalid, "%q is not a registry", only).WithRef(only)
	}
	insecure, err := s.c.Registries.Insecure(only)
	return []search.Target{{Registry: only, Host: fetch.HostFor(ctx, only, insecure), Kind: s.kind(registries.Registry{Host: only})}}, err
}

func (s *Store) ask(ctx context.Context, t search.Target, q api.SearchQuery, exact name.Name, pages chan<- api.SearchPage) {
	one, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	a, err := s.searcher().Search(one, t, q.Term, q.Limit)
	p := api.SearchPage{Registry: t.Registry, Results: a.Results, More: a.More}
	if exact.Repository != "" {
		p.Results = s.withExact(one, t, exact, p.Results)
	}
	if q.Official {
		p.Results = official(p.Results)
	}
	if err != nil && len(p.Results) == 0 {
		p.Error = api.AsError(err)
	}
	if t.Kind == "" && a.Kind != "" && err == nil {
		s.learn(t.Host.Name, a.Kind)
	}
	if p.Results == nil {
		p.Results = []api.SearchResult{}
	}
	select {
	case pages <- p:
	case <-ctx.Done():
	}
}

// withExact puts the repository that was named first, if it is there.
func (s *Store) withExact(ctx context.Context, t search.Target, n name.Name, rs []api.SearchResult) []api.SearchResult {
	for i, r := range rs {
		if r.Name == n.Repo() {
			return append(append([]api.SearchResult{r}, rs[:i]...), rs[i+1:]...)
		}
	}
	sources, err := s.c.Registries.Sources(n)
	if err != nil {
		return rs
	}
	for _, src := range sources {
		repo, err := s.client.Repository(fetch.HostFor(ctx, src.Host, src.Insecure), src.Repository)
		if err != nil {
			continue
		}
		if tags, _, err := repo.Tags(ctx, 1); err == nil && len(tags) > 0 {
			return append([]api.SearchResult{{Name: n.Repo()}}, rs...)
		}
	}
	return rs
}

func official(rs []api.SearchResult) []api.SearchResult {
	out := []api.SearchResult{}
	for _, r := range rs {
		if r.Official {
			out = append(out, r)
		}
	}
	return out
}

// Tags lists the tags of a repository.
func (s *Store) Tags(ctx context.Context, repository string, a api.RegistryAccess) (api.TagList, error) {
	r, err := s.c.Registries.Resolve(repository)
	if err != nil {
		return api.TagList{}, err
	}
	ctx, leave, err := s.reach(ctx, a, registriesOf(r.Names)...)
	if err != nil {
		return api.TagList{}, err
	}
	defer leave()
	var first error
	for _, n := range r.Names {
		tags, more, err := s.tags(ctx, n)
		if err == nil {
			return api.TagList{Repository: n.Repo(), Tags: tags, More: more}, nil
		}
		if first == nil {
			first = aboutAsking(n, err)
		}
	}
	return api.TagList{}, first
}

func (s *Store) tags(ctx context.Context, n name.Name) (tags []api.Tag, more bool, err error) {
	sources, err := s.c.Registries.Sources(n)
	if err != nil {
		return nil, false, err
	}
	for _, src := range sources {
		if tags, more, err = s.tagsFrom(ctx, src); err == nil || ctx.Err() != nil {
			break
		}
	}
	return tags, more, err
}

// tagsFrom prefers the API that tells sizes and dates.
func (s *Store) tagsFrom(ctx context.Context, src registries.Source) ([]api.Tag, bool, error) {
	switch search.KindOf(src.Host) {
	case search.Hub:
		if t, more, err := s.searcher().HubTags(ctx, src.Repository, s.platform); err == nil {
			return t, more, nil
		}
	case search.Quay:
		if t, more, err := s.searcher().QuayTags(ctx, src.Repository); err == nil {
			return t, more, nil
		}
	}
	repo, err := s.client.Repository(fetch.HostFor(ctx, src.Host, src.Insecure), src.Repository)
	if err != nil {
		return nil, false, err
	}
	return search.ListTags(ctx, repo)
}

// Login tries the credentials with the registry, then keeps them.
func (s *Store) Login(ctx context.Context, l api.Login) error {
	host, insecure, err := s.registry(l.Registry)
	if err != nil {
		return err
	}
	if l.Username == "" {
		return api.Errorf(api.KindInvalid, "the user name is missing").WithRef(host)
	}
	c := fetch.Credential{Username: l.Username, Password: l.Password, Local: true}
	ctx, leave, err := s.reach(ctx, api.RegistryAccess{TLSVerify: l.TLSVerify})
	if err != nil {
		return err
	}
	defer leave()
	open, err := s.client.Verify(ctx, fetch.HostFor(ctx, host, insecure), c)
	if err != nil {
		e := *api.AsError(err)
		e.Ref = host
		if e.Kind == api.KindDenied && e.Hint == "" || strings.HasPrefix(e.Hint, "Log in") {
			e.Hint = "Check user name and password; many registries want an access token in place of the password."
		}
		return &e
	}
	if err := s.creds.Put(ctx, host, c); err != nil {
		return err
	}
	s.client.Forget(host)
	return s.trust(ctx, host, open && !insecure)
}

// Logout forgets the credentials of a registry.
func (s *Store) Logout(ctx context.Context, registry string) error {
	host, _, err := s.registry(registry)
	if err != nil {
		return err
	}
	s.client.Forget(host)
	if err := s.trust(ctx, host, false); err != nil {
		return err
	}
	return s.creds.Delete(ctx, host)
}

// registry reads the name of a registry as people write it; "" is docker.io.
func (s *Store) registry(given string) (host string, insecure bool, err error) {
	host = strings.TrimPrefix(strings.TrimPrefix(given, "https://"), "http://")
	host, _, _ = strings.Cut(host, "/")
	if host == "" {
		host = name.Docker
	}
	n, err := name.Parse(host + "/x")
	if err != nil {
		return "", false, api.Errorf(api.KindInvalid, "%q is not a registry", given).WithRef(given)
	}
	insecure, err = s.c.Registries.Insecure(n.Registry)
	return n.Registry, insecure, err
}
