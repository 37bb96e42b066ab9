package apitest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"davit/backend/api"
)

// Registries implements api.Service.
func (f *Fake) Registries(ctx context.Context) ([]api.Registry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	return slices.Clone(f.registries), nil
}

// Search implements api.Service. Registries answer one after another; one of
// them does not.
func (f *Fake) Search(ctx context.Context, q api.SearchQuery, sink func(api.SearchPage) error) error {
	f.mu.Lock()
	err := f.enter(ctx)
	var asked []api.Registry
	for _, r := range f.registries {
		if r.Search && (q.Registry == "" || q.Registry == r.Host) {
			asked = append(asked, r)
		}
	}
	f.mu.Unlock()
	switch {
	case err != nil:
		return err
	case strings.TrimSpace(q.Term) == "":
		return api.Errorf(api.KindInvalid, "search wants a word")
	case len(asked) == 0:
		return api.Errorf(api.KindNotFound, "there is no registry %q to search in", q.Registry).WithRef(q.Registry)
	}
	pages := make(chan api.SearchPage)
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for n, r := range asked {
		all.Go(func() {
			if f.pause(ctx, time.Duration(150+300*n)*time.Millisecond) != nil {
				return
			}
			select {
			case pages <- f.searchIn(r, q):
			case <-ctx.Done():
			}
		})
	}
	for range asked {
		select {
		case p := <-pages:
			if err := sink(p); err != nil {
				return failed(err)
			}
		case <-ctx.Done():
			return api.AsError(ctx.Err())
		case <-f.life.Done():
			return api.Errorf(api.KindUnavailable, "the engine has ended")
		}
	}
	return nil
}

func (f *Fake) searchIn(r api.Registry, q api.SearchQuery) api.SearchPage {
	f.mu.Lock()
	defer f.mu.Unlock()
	page := api.SearchPage{Registry: r.Host, Results: []api.SearchResult{}}
	if strings.HasPrefix(r.Host, "offline.") {
		page.Error = api.Errorf(api.KindUnavailable, "%s does not answer: connection refused", r.Host).
			WithRef(r.Host).WithHint("Is it running? Davit asks it because %s names it.", r.Source)
		return page
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 25
	}
	for _, o := range f.catalogue {
		host, rest, _ := strings.Cut(o.name, "/")
		if host != r.Host || !strings.Contains(rest+" "+o.about, strings.ToLower(q.Term)) || q.Official && !o.official {
			continue
		}
		if len(page.Results) == limit {
			page.More = true
			break
		}
		page.Results = append(page.Results, api.SearchResult{
			Name: o.name, Description: o.about, Stars: o.stars, Pulls: o.pulls, Official: o.official,
			Updated: f.since(time.Duration(o.stars%90+1) * 24 * time.Hour).Truncate(time.Second),
		})
	}
	return page
}

// Tags implements api.Service.
func (f *Fake) Tags(ctx context.Context, repository string, _ api.RegistryAccess) (api.TagList, error) {
	if err := f.pause(ctx, 200*time.Millisecond); err != nil {
		return api.TagList{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.TagList{}, err
	}
	full, err := fullName(repository)
	if err != nil {
		return api.TagList{}, api.Errorf(api.KindInvalid, "%q is no name of a repository", repository).WithRef(repository)
	}
	o, err := f.offered(full)
	if err != nil {
		return api.TagList{}, err
	}
	list := api.TagList{Repository: o.name, Tags: []api.Tag{}}
	for n, tag := range []string{"latest", "stable", "alpine", "3", "3.2", "3.2.1", "3.1", "2", "edge"} {
		list.Tags = append(list.Tags, api.Tag{
			Name: tag, Size: o.size - int64(n)*o.size/20, Digest: f.digest(),
			Updated: f.since(time.Duration(n*n+1) * 24 * time.Hour).Truncate(time.Second),
		})
	}
	return list, nil
}

// Login implements api.Service; every password but "wrong" is right.
func (f *Fake) Login(ctx context.Context, l api.Login) error {
	if err := f.pause(ctx, 300*time.Millisecond); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	switch {
	case l.Registry == "" || l.Username == "":
		return api.Errorf(api.KindInvalid, "login wants a registry and a user name")
	case strings.HasPrefix(l.Registry, "offline."):
		return api.Errorf(api.KindUnavailable, "%s does not answer", l.Registry).WithRef(l.Registry)
	case l.Password == "wrong" || l.Password == "":
		return api.Errorf(api.KindDenied, "%s does not accept this name and password", l.Registry).WithRef(l.Registry)
	}
	i := slices.IndexFunc(f.registries, func(r api.Registry) bool { return r.Host == l.Registry })
	if i < 0 {
		i = len(f.registries)
		f.registries = append(f.registries, api.Registry{Host: l.Registry, Kind: "none", Source: "logged in", Mirrors: []string{}})
	}
	f.registries[i].User = l.Username
	f.event("registry", "login", l.Registry, l.Registry)
	return nil
}

// Logout implements api.Service.
func (f *Fake) Logout(ctx context.Context, registry string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	for i := range f.registries {
		if r := &f.registries[i]; r.Host == registry && r.User != "" {
			r.User = ""
			f.event("registry", "logout", registry, registry)
			return nil
		}
	}
	return api.Errorf(api.KindNotFound, "nobody is logged in to %s", registry).WithRef(registry)
}

// offer is what a registry of the fake has.
type offer struct {
	name       string // without tag
	about      string
	stars      int
	pulls      string
	official   bool
	layers     int
	size       int64
	ports      []string
	env        []string
	entrypoint []string
	cmd        []string
	volumes    []string
	dir        string
	user       string
	stop       string
}

var sample = offer{
	name: "davit.local/sample:latest", about: "A small web server that shows its request", layers: 1, size: 3 << 20,
	ports: []string{"8080/tcp"}, entrypoint: []string{"/sample"}, user: "65532:65532",
}

func catalogue() []offer {
	list := []offer{
		{name: "docker.io/library/nginx", about: "official build of nginx.", stars: 21043, pulls: "1B+", official: true, layers: 7, size: 72 << 20,
			ports: []string{"80/tcp"}, env: []string{"NGINX_VERSION=1.29.3"}, entrypoint: nil, cmd: []string{"nginx", "-g", "daemon off;"}, stop: "SIGQUIT"},
		{name: "docker.io/library/postgres", about: "the postgresql object-relational database system.", stars: 14520, pulls: "1B+", official: true, layers: 11, size: 104 << 20,
			ports: []string{"5432/tcp"}, env: []string{"PGDATA=/var/lib/postgresql/data"}, cmd: []string{"postgres"}, volumes: []string{"/var/lib/postgresql/data"}, stop: "SIGINT"},
		{name: "docker.io/library/redis", about: "redis is the world's fastest data platform for caching.", stars: 13444, pulls: "1B+", official: true, layers: 6, size: 17 << 20,
			ports: []string{"6379/tcp"}, cmd: []string{"redis-server"}, volumes: []string{"/data"}, dir: "/data"},
		{name: "docker.io/library/mysql", about: "mysql is a widely used, open-source relational database.", stars: 15990, pulls: "1B+", official: true, layers: 10, size: 230 << 20,
			ports: []string{"3306/tcp", "33060/tcp"}, cmd: []string{"mysqld"}, volumes: []string{"/var/lib/mysql"}},
		{name: "docker.io/library/alpine", about: "a minimal docker image based on alpine linux.", stars: 11520, pulls: "1B+", official: true, layers: 1, size: 3800000, cmd: []string{"/bin/sh"}},
		{name: "docker.io/library/busybox", about: "busybox base image.", stars: 3381, pulls: "1B+", official: true, layers: 1, size: 2200000, cmd: []string{"sh"}},
		{name: "quay.io/podman/hello", about: "hello from podman", stars: 12, layers: 2, size: 800000, cmd: []string{"echo", "hello"}},
		{name: "quay.io/nginx/nginx-unprivileged", about: "unprivileged nginx", stars: 200, layers: 8, size: 70 << 20, ports: []string{"8080/tcp"}, cmd: []string{"nginx"}},
		{name: "localhost:5000/team/shop", about: "the team's shop", layers: 4, size: 31 << 20, ports: []string{"8000/tcp"}, cmd: []string{"sample"}},
	}
	for i := range 40 {
		list = append(list, offer{
			name: fmt.Sprintf("docker.io/someone%02d/nginx", i), about: "nginx with an addition of mine", stars: 400 / (i + 1),
			pulls: "10K+", layers: 5, size: 60 << 20, ports: []string{"80/tcp"}, cmd: []string{"nginx"},
		})
	}
	return list
}
