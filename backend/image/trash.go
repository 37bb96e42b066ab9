package image

import (
	"context"
	"slices"
	"sort"
	"time"

	"davit/backend/api"
	"davit/backend/image/layout"
	"davit/backend/image/sample"
)

// again tells whether the image can be had again: a registry is known to have
// it, or Davit itself.
func (g *group) again() bool {
	for _, e := range g.entries {
		if e.Source != "" || e.Origin == sample.Origin {
			return true
		}
	}
	return false
}

// trashed gives the images in the trash, the last removed first.
func (s *Store) trashed() ([]*group, error) {
	all, err := s.layout.Trash()
	if err != nil {
		return nil, err
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Removed.After(all[j].Removed) })
	entries := make([]layout.Entry, len(all))
	for i, t := range all {
		entries[i] = t.Entry
	}
	out := s.grouped(entries)
	for _, g := range out {
		for _, t := range all {
			if t.Entry.Config == g.doc.id && t.Removed.After(g.removed) {
				g.removed = t.Removed
			}
		}
	}
	return out, nil
}

// Trash lists the images in the trash.
func (s *Store) Trash(context.Context) ([]api.TrashedImage, error) {
	gone, err := s.trashed()
	if err != nil {
		return nil, err
	}
	kept, err := s.groups()
	if err != nil {
		return nil, err
	}
	times := s.times(append(slices.Clone(kept), gone...))
	out := []api.TrashedImage{}
	for _, g := range gone {
		i := s.summary(g.doc, g.entries)
		out = append(out, api.TrashedImage{ID: g.doc.id, Names: g.names(), Created: i.Created, Removed: g.removed,
			Size: i.Size, Freed: s.alone(g, times), Origin: i.Origin})
	}
	return out, nil
}

// times counts for each piece how many of the images have it.
func (s *Store) times(groups []*group) map[piece]int {
	out := map[piece]int{}
	for _, g := range groups {
		for p := range s.pieces(g) {
			out[p]++
		}
	}
	return out
}

// alone adds up what only this image has.
func (s *Store) alone(g *group, times map[piece]int) (sum int64) {
	for p, n := range s.pieces(g) {
		if times[p] == 1 {
			sum += n
		}
	}
	return sum
}

// inTrash finds an image in the trash by an id, its beginning, or a name.
func (s *Store) inTrash(gone []*group, ref string) (*group, error) {
	var candidates []string
	if r, err := s.c.Registries.Resolve(ref); err == nil {
		for _, n := range r.Names {
			candidates = append(candidates, n.String())
		}
	}
	g, _, err := match(gone, ref, candidates)
	if api.KindOf(err) == api.KindNotFound {
		return nil, api.Errorf(api.KindNotFound, "there is no image %q in the trash", ref).WithRef(ref).WithHint("davit image trash ls")
	}
	return g, err
}

// Restore puts an image out of the trash back into the index, with those of
// its names that no other image has.
func (s *Store) Restore(ctx context.Context, ref string) (api.Image, error) {
	l, err := s.layout.Lock(ctx)
	if err != nil {
		return api.Image{}, err
	}
	defer l.Unlock()
	gone, err := s.trashed()
	if err != nil {
		return api.Image{}, err
	}
	g, err := s.inTrash(gone, ref)
	if err != nil {
		return api.Image{}, err
	}
	err = s.layout.UpdateLocked(func(have []layout.Entry) ([]layout.Entry, error) {
		taken := map[string]bool{}
		for _, e := range have {
			taken[e.Name] = true
		}
		for _, e := range g.entries {
			if taken[e.Name] {
				e.Name = ""
			}
			have = append(have, e)
		}
		return tidy(have), nil
	})
	if err == nil {
		err = s.forgetTrash([]*group{g})
	}
	if err != nil {
		return api.Image{}, err
	}
	i, err := s.Get(ctx, g.doc.id)
	return i.Image, err
}

// forgetTrash takes images out of the trash; the store's lock is held.
func (s *Store) forgetTrash(gone []*group) error {
	all, err := s.layout.Trash()
	if err != nil {
		return err
	}
	return s.layout.WriteTrash(slices.DeleteFunc(all, func(t layout.Trashed) bool {
		return slices.ContainsFunc(gone, func(g *group) bool { return g.doc.id == t.Entry.Config })
	}))
}

// cameBack takes out of the trash what is in the index again, and gives back
// what only the thrown one needed: its manifest, and layers that are packed in
// another way now. The store's lock is held.
func (s *Store) cameBack() error {
	all, err := s.layout.Thrown()
	if err != nil || len(all) == 0 {
		return err
	}
	left, err := s.layout.Trash()
	if err != nil || len(left) == len(all) {
		return err
	}
	if err := s.layout.WriteTrash(left); err != nil {
		return err
	}
	_, _, err = s.collectLocked()
	return err
}

// throw moves entries from the index to the trash; the store's lock is held.
func (s *Store) throw(drop []layout.Entry) error {
	all, err := s.layout.Trash()
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	for _, e := range drop {
		all = append(all, layout.Trashed{Entry: e, Removed: now})
	}
	if err := s.layout.WriteTrash(all); err != nil {
		return err
	}
	return s.layout.UpdateLocked(func(have []layout.Entry) ([]layout.Entry, error) { return without(have, drop, false), nil })
}

// EmptyTrash removes images in the trash for good; none named: all.
func (s *Store) EmptyTrash(ctx context.Context, spec api.EmptyTrashSpec) (api.Pruned, error) {
	out := api.Pruned{Images: []api.PrunedImage{}, Deleted: []string{}}
	err := s.collecting(ctx, func() error { return s.empty(spec, &out) })
	return out, err
}

func (s *Store) empty(spec api.EmptyTrashSpec, out *api.Pruned) error {
	all, err := s.trashed()
	if err != nil {
		return err
	}
	gone, err := s.chosenTrash(all, spec.IDs)
	if err != nil {
		return err
	}
	kept, err := s.groups()
	if err != nil {
		return err
	}
	times := s.times(append(slices.Clone(kept), all...))
	for _, g := range gone {
		out.Images = append(out.Images, api.PrunedImage{ID: g.doc.id, Names: g.names(), Gone: true, Freed: s.alone(g, times)})
	}
	if spec.DryRun {
		left := slices.DeleteFunc(slices.Clone(all), func(g *group) bool { return slices.Contains(gone, g) })
		out.Deleted, out.Freed, err = s.wouldCollect(append(kept, left...))
		return err
	}
	if err := s.forgetTrash(gone); err != nil {
		return err
	}
	out.Deleted, out.Freed, err = s.collectLocked()
	return err
}

// chosenTrash finds those of the trash that are named; none: all.
func (s *Store) chosenTrash(all []*group, ids []string) ([]*group, error) {
	if len(ids) == 0 {
		return all, nil
	}
	var out []*group
	for _, id := range ids {
		g, err := s.inTrash(all, id)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	return out, nil
}

// wouldCollect tells what collectLocked would take away if there were only
// these images; the store's lock is held.
func (s *Store) wouldCollect(kept []*group) ([]string, int64, error) {
	used := map[string]bool{}
	for _, g := range kept {
		for p := range s.pieces(g) {
			if p.layer {
				used["sha256:"+p.name] = true
			} else {
				used[p.name] = true
			}
		}
	}
	r, err := s.rubbish(used)
	if err != nil {
		return nil, 0, err
	}
	layers := []string{}
	for _, l := range r.layers {
		layers = append(layers, "sha256:"+l)
	}
	return layers, r.bytes(s), nil
}

// rubbish is what no image and no work in progress needs.
type rubbish struct {
	layers   []string // keys, also of those that were begun
	blobs    map[string]int64
	partials []string // downloads nobody went on with
	absent   []string // blobs that were let go
}

func (r rubbish) bytes(s *Store) (sum int64) {
	for _, k := range r.layers {
		sum += s.layers.Info(k).Disk()
	}
	for _, n := range r.blobs {
		sum += n
	}
	return sum
}

// rubbish finds it; the store's lock is held.
func (s *Store) rubbish(used map[string]bool) (rubbish, error) {
	r := rubbish{blobs: map[string]int64{}}
	leased, err := s.layout.Leased()
	if err != nil {
		return r, err
	}
	done, begun, err := s.layers.List()
	if err != nil {
		return r, err
	}
	seen := map[string]bool{}
	for _, key := range append(done, begun...) {
		digest := "sha256:" + key
		if seen[key] || used[digest] || leased[digest] || len(leased) > 0 && len(s.layers.Info(key).Links) > 0 {
			continue
		}
		seen[key] = true
		r.layers = append(r.layers, key)
	}
	slices.Sort(r.layers)
	blobs, err := s.layout.Blobs()
	if err != nil {
		return r, err
	}
	for digest, size := range blobs {
		if !used[digest] && !leased[digest] {
			r.blobs[digest] = size
		}
	}
	if r.partials, err = s.stalePartials(leased); err != nil {
		return r, err
	}
	absent, err := s.layout.AllAbsent()
	for _, digest := range absent {
		if !used[digest] && !leased[digest] {
			r.absent = append(r.absent, digest)
		}
	}
	return r, err
}
