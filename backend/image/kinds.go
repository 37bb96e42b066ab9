package image

import (
	"context"
	"path/filepath"
	"time"

	"davit/backend/api"
	"davit/backend/image/search"
	"davit/backend/store"
)

// found is what was found out about a registry. It is kept in the layout's own
// directory, so that a host is probed once and not once for each program.
type found struct {
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
}

// kindsAge is how long it counts: registries are replaced by others.
const kindsAge = 90 * 24 * time.Hour

func (s *Store) kindsPath() string { return filepath.Join(s.c.ImagesDir, ".davit", "registries.json") }

// knownKind gives the kind of a host, as far as it was found out.
func (s *Store) knownKind(host string) search.Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds == nil {
		s.kinds = map[string]found{}
		if err := store.ReadJSON(s.kindsPath(), &s.kinds); err != nil || s.kinds == nil {
			s.kinds = map[string]found{} // it is found out again
		}
	}
	f := s.kinds[host]
	if time.Since(f.At) > kindsAge {
		return ""
	}
	return search.Kind(f.Kind)
}

// learn notes the kind of a host.
func (s *Store) learn(host string, k search.Kind) {
	if s.knownKind(host) == k {
		return
	}
	l, err := store.LockFile(context.Background(), s.kindsPath()+".lock")
	if err != nil {
		s.log.Warn("kinds of registries", "err", err)
		return
	}
	defer l.Unlock()
	all := map[string]found{}
	if err := store.ReadJSON(s.kindsPath(), &all); err != nil || all == nil {
		all = map[string]found{} // the first, or damaged
	}
	all[host] = found{string(k), time.Now().UTC()}
	if err := store.WriteJSON(s.kindsPath(), all); err != nil {
		s.log.Warn("kinds of registries", "err", err)
	}
	s.mu.Lock()
	s.kinds = all
	s.mu.Unlock()
}

// Probe asks a registry whether it is there and how it can be searched,
// whatever was known of it.
func (s *Store) Probe(ctx context.Context, given string) (api.Registry, error) {
	host, _, err := s.registry(given)
	if err != nil {
		return api.Registry{}, err
	}
	all, err := s.Registries(ctx)
	if err != nil {
		return api.Registry{}, err
	}
	r := api.Registry{Host: host, Source: "not named anywhere", Mirrors: []string{}}
	for _, have := range all {
		if have.Host == host {
			r = have
		}
	}
	if r.Blocked {
		return r, api.Errorf(api.KindDenied, "registry %s is blocked in registries.conf", host).WithRef(host)
	}
	targets, err := s.targets(ctx, host)
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	t := targets[0]
	if t.Kind = search.KindOf(t.Host.Name); t.Kind != "" {
		_, err := s.client.Base(ctx, t.Host)
		r.Kind, r.Search = string(t.Kind), t.Kind != search.None
		return r, aboutHost(host, err)
	}
	a, err := s.searcher().Search(ctx, t, "", 1)
	if err != nil {
		return r, aboutHost(host, err)
	}
	s.learn(t.Host.Name, a.Kind)
	r.Kind, r.Search = string(a.Kind), a.Kind != search.None
	return r, nil
}

func aboutHost(host string, err error) error {
	if err == nil {
		return nil
	}
	e := *api.AsError(err)
	e.Ref = host
	return &e
}

// RegistrySettings reads what registries.conf says of short names.
func (s *Store) RegistrySettings(context.Context) (api.RegistrySettings, error) {
	return s.c.Registries.Settings()
}

// SetRegistrySettings writes it into Davit's own file.
func (s *Store) SetRegistrySettings(_ context.Context, to api.RegistrySettings) error {
	return s.c.Registries.SetSettings(to)
}
