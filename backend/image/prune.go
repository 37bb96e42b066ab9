package image

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
)

// Prune removes images that no container is made from: those without a name,
// with spec.All all. What nobody could pull again goes to the trash, unless
// spec.Permanent. The bytes that it tells beforehand (spec.DryRun) are those
// that go: all is looked at, and done, under one lock.
func (s *Store) Prune(ctx context.Context, spec api.PruneSpec, users map[string][]string) (api.Pruned, error) {
	out := api.Pruned{Images: []api.PrunedImage{}, Deleted: []string{}}
	fits, err := pruneFilter(spec.Filters, time.Now())
	if err != nil {
		return out, err
	}
	chosen := func(g *group) bool {
		return len(users[g.doc.id]) == 0 && (len(g.names()) == 0 || spec.All) && fits(g)
	}
	err = s.collecting(ctx, func() error { return s.prune(spec, chosen, &out) })
	return out, err
}

func (s *Store) prune(spec api.PruneSpec, chosen func(*group) bool, out *api.Pruned) error {
	groups, err := s.groups()
	if err != nil {
		return err
	}
	thrown, err := s.trashed()
	if err != nil {
		return err
	}
	times := s.times(slices.Concat(groups, thrown))
	var kept, gone, trash []*group
	for _, g := range groups {
		if !chosen(g) {
			kept = append(kept, g)
			continue
		}
		if g.again() || spec.Permanent {
			gone = append(gone, g)
		} else {
			trash = append(trash, g)
		}
		out.Images = append(out.Images, api.PrunedImage{ID: g.doc.id, Names: g.names(), Gone: !g.again(), Freed: s.alone(g, times)})
	}
	out.Trashed = s.only(trash, kept)
	if spec.DryRun {
		out.Deleted, out.Freed, err = s.wouldCollect(slices.Concat(kept, trash, thrown))
		return err
	}
	if err := s.clear(gone, trash); err != nil {
		return err
	}
	out.Deleted, out.Freed, err = s.collectLocked()
	return err
}

// only adds up what some images have and others have not.
func (s *Store) only(some, others []*group) (sum int64) {
	has := s.times(others)
	for _, g := range some {
		for p, n := range s.pieces(g) {
			if has[p] == 0 {
				has[p] = 1
				sum += n
			}
		}
	}
	return sum
}

// clear takes images out of the index; the store's lock is held.
func (s *Store) clear(gone, trash []*group) error {
	var drop, throw []layout.Entry
	for _, g := range gone {
		drop = append(drop, g.entries...)
	}
	for _, g := range trash {
		throw = append(throw, g.entries...)
	}
	if len(throw) > 0 {
		if err := s.throw(throw); err != nil {
			return err
		}
	}
	if len(drop) == 0 {
		return nil
	}
	return s.layout.UpdateLocked(func(have []layout.Entry) ([]layout.Entry, error) { return without(have, drop, false), nil })
}

// pruneFilter reads docker's filters of image prune.
func pruneFilter(filters map[string][]string, now time.Time) (func(*group) bool, error) {
	var tests []func(*group) bool
	for key, values := range filters {
		for _, v := range values {
			switch key {
			case "until":
				at, err := Until(v, now)
				if err != nil {
					return nil, err
				}
				tests = append(tests, func(g *group) bool { return manifest.Time(g.doc.config.Created).Before(at) })
			case "label", "label!":
				want := key == "label"
				k, val, valued := strings.Cut(v, "=")
				tests = append(tests, func(g *group) bool {
					got, ok := g.doc.config.API().Labels[k]
					return (ok && (!valued || got == val)) == want
				})
			default:
				return nil, api.Errorf(api.KindInvalid, "there is no filter %q for prune", key).WithRef(key).WithHint("Filters are label, label! and until.")
			}
		}
	}
	return func(g *group) bool {
		for _, t := range tests {
			if !t(g) {
				return false
			}
		}
		return true
	}, nil
}

// Until reads the time that docker's filter until means: "24h" (ago), a date,
// RFC 3339, or seconds since 1970.
func Until(v string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(v); err == nil {
		return now.Add(-d), nil
	}
	for _, f := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(f, v, time.Local); err == nil {
			return t, nil
		}
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		return time.UnixMilli(int64(n * 1000)), nil
	}
	return time.Time{}, api.Errorf(api.KindInvalid, "until=%s is neither a duration (24h) nor a time (2024-12-31)", v).WithRef(v)
}
