package image

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
	"davit/backend/image/search"
)

// Most registries list the names of tags and nothing else. What a page shows
// of the first of them is asked for tag by tag: a HEAD for the digest, and
// once for each digest the manifest and config, for size and date. Docker Hub
// tells all by its API, and there a manifest would count as a pull.
const (
	factTags   = 24              // tags that are asked about
	factsTime  = 2 * time.Second // that a page waits for them
	factsJoint = 6               // requests at once
)

// tellTags fills in what a list left out. It is an extra: what does not come
// in time, or is not to be had, stays out.
func (s *Store) tellTags(ctx context.Context, n name.Name, tags []api.Tag) {
	var bare []*api.Tag
	for i := range tags[:min(len(tags), factTags)] {
		if tags[i].Size == 0 || tags[i].Digest == "" {
			bare = append(bare, &tags[i])
		}
	}
	repo := s.factRepo(n)
	if repo == nil || len(bare) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, factsTime)
	defer cancel()
	each(bare, func(t *api.Tag) {
		if head, err := repo.Head(ctx, t.Name); err == nil && t.Digest == "" && name.IsDigest(head.Digest) {
			t.Digest = head.Digest
		}
	})
	same := map[string][]*api.Tag{}
	var first []*api.Tag
	for _, t := range bare {
		if t.Digest != "" && same[t.Digest] == nil {
			first = append(first, t)
		}
		same[t.Digest] = append(same[t.Digest], t)
	}
	each(first, func(t *api.Tag) {
		size, made, err := s.fact(ctx, n, repo, t.Digest)
		if err != nil {
			s.log.Debug("tag", "name", n.Repo(), "tag", t.Name, "err", err)
			return
		}
		for _, o := range same[t.Digest] {
			if o.Size = size; o.Updated.IsZero() {
				o.Updated = made
			}
		}
	})
}

// each does it for all, some at once.
func each(tags []*api.Tag, do func(*api.Tag)) {
	var g errgroup.Group
	g.SetLimit(factsJoint)
	for _, t := range tags {
		g.Go(func() error {
			do(t)
			return nil
		})
	}
	_ = g.Wait() // do tells no errors
}

// factRepo is where to ask: the registry itself, as mirrors may lack tags; nil
// where asking has a price.
func (s *Store) factRepo(n name.Name) *fetch.Repository {
	sources, err := s.c.Registries.Sources(n)
	if err != nil || len(sources) == 0 {
		return nil
	}
	src := sources[len(sources)-1]
	if search.KindOf(src.Host) == search.Hub {
		return nil
	}
	repo, err := s.client.Repository(fetch.Host{Name: src.Host, Insecure: src.Insecure}, src.Repository)
	if err != nil {
		return nil
	}
	return repo
}

// fact gives what the image takes to download, for this machine's platform,
// and when it was made. A date before there were containers is none: builds
// that can be repeated have one.
func (s *Store) fact(ctx context.Context, n name.Name, repo *fetch.Repository, digest string) (size int64, made time.Time, err error) {
	n.Tag, n.Digest = "", digest
	in, _, err := s.documents(ctx, n, repo, s.platform)
	if err != nil {
		return 0, time.Time{}, err
	}
	for _, l := range in.doc.manifest.Layers {
		size += l.Size
	}
	if made = manifest.Time(in.doc.config.Created); made.Year() < 2010 {
		made = time.Time{}
	}
	return size, made, nil
}
