package image

import (
	"context"
	"sync"
	"time"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
)

// RemoteManifest tells what a ref is at its registry.
func (s *Store) RemoteManifest(ctx context.Context, ref string, a api.RegistryAccess) (api.Manifest, error) {
	r, err := s.c.Registries.Resolve(ref)
	if err != nil {
		return api.Manifest{}, err
	}
	ctx, leave, err := s.reach(ctx, a, registriesOf(r.Names)...)
	if err != nil {
		return api.Manifest{}, err
	}
	defer leave()
	var failed []error
	for _, n := range r.Names {
		m, err := s.remoteManifest(ctx, n)
		if err == nil {
			return m, nil
		}
		if ctx.Err() != nil {
			return api.Manifest{}, err
		}
		failed = append(failed, aboutAsking(n, err))
	}
	return api.Manifest{}, inNone(ref, failed)
}

func aboutAsking(n name.Name, err error) error {
	e := *api.AsError(wrapped("look up", n, err))
	e.Ref = n.String()
	return &e
}

func (s *Store) remoteManifest(ctx context.Context, n name.Name) (api.Manifest, error) {
	sources, err := s.c.Registries.Sources(n)
	if err != nil {
		return api.Manifest{}, err
	}
	for i, src := range sources {
		repo, rerr := s.client.Repository(fetch.HostFor(ctx, src.Host, src.Insecure), src.Repository)
		if rerr != nil {
			return api.Manifest{}, rerr
		}
		var m api.Manifest
		if m, err = s.manifestFrom(ctx, n, repo); err == nil || i == len(sources)-1 || ctx.Err() != nil {
			return m, err
		}
	}
	return api.Manifest{}, err
}

func (s *Store) manifestFrom(ctx context.Context, n name.Name, repo *fetch.Repository) (api.Manifest, error) {
	found, err := repo.Manifest(ctx, n.Reference())
	if err != nil {
		return api.Manifest{}, err
	}
	m, err := manifest.Parse(found.Bytes, found.MediaType)
	if err != nil {
		return api.Manifest{}, err
	}
	out := api.Manifest{Name: n.String(), MediaType: found.MediaType, Digest: found.Digest, Size: int64(len(found.Bytes)), Images: []api.ManifestImage{}, Raw: string(found.Bytes)}
	if out.MediaType == "" {
		out.MediaType = m.MediaType
	}
	if !m.Index() {
		i, err := s.single(ctx, repo, m)
		i.MediaType, i.Digest, i.Size = out.MediaType, out.Digest, out.Size
		out.Images = append(out.Images, i)
		return out, err
	}
	for _, d := range m.Manifests {
		i := api.ManifestImage{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Annotations: d.Annotations, Attestation: manifest.Attestation(d)}
		if d.Platform != nil {
			i.Platform = fetch.Text(d.Platform.String(), 100)
		}
		out.Images = append(out.Images, i)
	}
	return out, nil
}

// single tells of an image that is in no list: its config says what it is for.
func (s *Store) single(ctx context.Context, repo *fetch.Repository, m *manifest.Manifest) (api.ManifestImage, error) {
	out := api.ManifestImage{Layers: []api.Layer{}, Annotations: m.Annotations}
	b, err := s.config(ctx, repo, *m.Config)
	if err != nil {
		return out, err
	}
	c, err := manifest.ParseConfig(b, m)
	if err != nil {
		return out, err
	}
	out.Platform = c.Platform().String()
	steps := []string{}
	for _, h := range c.History {
		if !h.EmptyLayer {
			steps = append(steps, h.CreatedBy)
		}
	}
	for i, l := range m.Layers {
		x := api.Layer{Digest: l.Digest, DiffID: c.RootFS.DiffIDs[i], Size: l.Size, MediaType: l.MediaType}
		if i < len(steps) {
			x.CreatedBy = fetch.Text(steps[i], 1000)
		}
		out.Layers = append(out.Layers, x)
	}
	return out, nil
}

// Page tells what its registry says of a repository.
func (s *Store) Page(ctx context.Context, ref string) (api.Repository, error) {
	list, err := s.Tags(ctx, ref, api.RegistryAccess{})
	if err != nil {
		return api.Repository{}, err
	}
	out := api.Repository{Name: list.Repository, Tags: list.Tags, More: list.More, LatestIs: []string{}}
	n, err := name.Parse(list.Repository)
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var facts sync.WaitGroup
	facts.Go(func() { s.tellTags(ctx, n, list.Tags) })
	if err := s.searcher().Describe(ctx, n, &out); err != nil {
		s.log.Debug("repository page", "name", out.Name, "err", err) // tags alone are worth showing
	}
	facts.Wait()
	out.LatestIs = sameAsLatest(list.Tags)
	return out, nil
}

func sameAsLatest(tags []api.Tag) []string {
	out, latest := []string{}, ""
	for _, t := range tags {
		if t.Name == "latest" {
			latest = t.Digest
		}
	}
	for _, t := range tags {
		if latest != "" && t.Digest == latest && t.Name != "latest" {
			out = append(out, t.Name)
		}
	}
	return out
}

// quotaTime bounds asking for the quota, which a page waits for.
const quotaTime = 10 * time.Second

// Quota asks Docker Hub how many pulls are left, by a HEAD, which is none.
func (s *Store) Quota(ctx context.Context) (api.PullQuota, error) {
	ctx, cancel := context.WithTimeout(ctx, quotaTime)
	defer cancel()
	repo, err := s.client.Repository(fetch.Host{Name: name.Docker}, "ratelimitpreview/test")
	if err != nil {
		return api.PullQuota{}, err
	}
	q, err := repo.Quota(ctx, "latest")
	if err != nil {
		return q, err
	}
	if c, err := s.creds.Get(ctx, name.Docker, ""); err == nil {
		q.User = c.Username
	}
	return q, nil
}

// SetRegistry adds a registry to Davit's own file, or changes it there.
func (s *Store) SetRegistry(_ context.Context, spec api.RegistrySpec) error {
	s.client.Forget(spec.Host)
	s.mu.Lock()
	delete(s.kinds, spec.Host)
	s.mu.Unlock()
	return s.c.Registries.Set(spec)
}

// RemoveRegistry takes a registry out of Davit's own file.
func (s *Store) RemoveRegistry(_ context.Context, host string) error {
	s.client.Forget(host)
	return s.c.Registries.Remove(host)
}
