package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"davit/backend/image/fetch"
	"davit/backend/store"
)

// Registries on this machine mostly speak plain http. Whoever logs in to one
// means that one, so the password may go there. A password that another
// program filed for such an address may be meant for a registry that proves
// who it is; it does not go to whoever has the port now.

func (s *Store) trustedPath() string { return filepath.Join(s.c.ImagesDir, ".davit", "local.json") }

// credential gives what is known for a repository.
func (s *Store) credential(ctx context.Context, registry, repository string) (fetch.Credential, error) {
	c, err := s.creds.Get(ctx, registry, repository)
	if err != nil || c.Empty() || !fetch.Loopback(registry) {
		return c, err
	}
	all, err := s.trusted()
	c.Local = slices.Contains(all, registry)
	return c, err
}

// trusted are the registries on this machine that the person logged in to
// though they did not prove who they are.
func (s *Store) trusted() ([]string, error) {
	var all []string
	err := store.ReadJSON(s.trustedPath(), &all)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("log-ins on this machine: %w", err)
	}
	return all, nil
}

// trust notes such a log-in, or its end.
func (s *Store) trust(ctx context.Context, host string, is bool) error {
	if !fetch.Loopback(host) {
		return nil
	}
	l, err := store.LockFile(ctx, s.trustedPath()+".lock")
	if err != nil {
		return err
	}
	defer l.Unlock()
	all, err := s.trusted()
	if err != nil || slices.Contains(all, host) == is {
		return err
	}
	if is {
		all = append(all, host)
	} else {
		all = slices.DeleteFunc(all, func(h string) bool { return h == host })
	}
	return store.WriteJSON(s.trustedPath(), all)
}
