package image

import (
	"context"
	"os"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
)

// piece is a part of the store that images need: a blob, or an unpacked layer.
type piece struct {
	layer bool
	name  string // digest of the blob, key of the layer
}

// pieces gives what an image takes, with the bytes of each. Of layers that are
// not there nothing is told.
func (s *Store) pieces(g *group) map[piece]int64 {
	out := map[piece]int64{}
	blob := func(digest string) {
		if st, err := os.Lstat(s.layout.Blob(digest)); err == nil {
			out[piece{false, digest}] = st.Size()
		}
	}
	for _, e := range g.entries {
		blob(e.Descriptor.Digest)
	}
	blob(g.doc.id)
	for _, l := range g.doc.manifest.Layers {
		blob(l.Digest)
	}
	keys, _ := s.keys(g.doc.config)
	for _, k := range keys {
		if s.layers.Has(k) {
			out[piece{true, k}] = s.layers.Info(k).Bytes
		}
	}
	return out
}

// Usage tells what images take. users gives, for each image id, the names of
// the containers made from it; the containers' own sizes are for who has them.
func (s *Store) Usage(_ context.Context, users map[string][]string) (api.DiskUsage, error) {
	groups, err := s.groups()
	if err != nil {
		return api.DiskUsage{}, err
	}
	all, times, kept := map[piece]int64{}, map[piece]int{}, map[piece]bool{}
	each := make([]map[piece]int64, len(groups))
	for i, g := range groups {
		each[i] = s.pieces(g)
		for p, n := range each[i] {
			all[p] = n
			times[p]++
			kept[p] = kept[p] || len(users[g.doc.id]) > 0
		}
	}
	out := api.DiskUsage{Images: []api.ImageUsage{}, Containers: []api.ContainerUsage{}}
	for p, n := range all {
		out.ImagesSize += n
		if !kept[p] {
			out.Reclaimable += n
		}
	}
	for i, g := range groups {
		out.Images = append(out.Images, usage(g, each[i], times, len(users[g.doc.id])))
	}
	sort.SliceStable(out.Images, func(i, j int) bool { return out.Images[i].Size > out.Images[j].Size })
	return out, s.rest(&out, all)
}

func usage(g *group, have map[piece]int64, times map[piece]int, containers int) api.ImageUsage {
	u := api.ImageUsage{ID: g.doc.id, Names: g.names(), Created: manifest.Time(g.doc.config.Created), Containers: containers}
	for p, n := range have {
		if times[p] > 1 {
			u.Shared += n
		} else {
			u.Unique += n
		}
	}
	u.Size = u.Shared + u.Unique
	return u
}

func (g *group) names() []string {
	out := []string{}
	seen := map[string]bool{"": true}
	for _, e := range g.entries {
		if !seen[e.Name] {
			seen[e.Name] = true
			out = append(out, e.Name)
		}
	}
	return out
}

// rest fills in what belongs to no image.
func (s *Store) rest(out *api.DiskUsage, known map[piece]int64) error {
	blobs, err := s.layout.Blobs()
	if err != nil {
		return err
	}
	for digest, n := range blobs {
		if _, ok := known[piece{false, digest}]; !ok {
			out.Stray += n
		}
	}
	done, _, err := s.layers.List()
	if err != nil {
		return err
	}
	for _, k := range done {
		if _, ok := known[piece{true, k}]; !ok {
			out.Stray += s.layers.Info(k).Bytes
		}
	}
	partials, err := s.layout.Partials()
	if err != nil {
		return err
	}
	for _, digest := range partials {
		if st, err := os.Stat(s.layout.Partial(digest)); err == nil {
			out.Unfinished += st.Size()
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(s.c.ImagesDir, &st); err != nil {
		return os.NewSyscallError("statfs", err)
	}
	out.Free = int64(st.Bavail) * st.Bsize
	return nil
}

// Prune removes images that no container is made from: those without a name,
// with spec.All all. The bytes that it tells beforehand (spec.DryRun) are
// those that go.
func (s *Store) Prune(ctx context.Context, spec api.PruneSpec, users map[string][]string) (api.Pruned, error) {
	out := api.Pruned{Images: []api.PrunedImage{}, Deleted: []string{}}
	fits, err := pruneFilter(spec.Filters, time.Now())
	if err != nil {
		return out, err
	}
	groups, err := s.groups()
	if err != nil {
		return out, err
	}
	stays, goes := map[piece]bool{}, map[piece]int64{}
	var gone []*group
	for _, g := range groups {
		names := g.names()
		if len(users[g.doc.id]) > 0 || len(names) > 0 && !spec.All || !fits(g) {
			for p := range s.pieces(g) {
				stays[p] = true
			}
			continue
		}
		gone = append(gone, g)
		for p, n := range s.pieces(g) {
			goes[p] = n
		}
		out.Images = append(out.Images, api.PrunedImage{ID: g.doc.id, Names: names, Gone: !g.pullable()})
	}
	for p, n := range goes {
		if stays[p] {
			continue
		}
		out.Freed += n
		if p.layer {
			out.Deleted = append(out.Deleted, "sha256:"+p.name)
		}
	}
	sort.Strings(out.Deleted)
	if spec.DryRun || len(gone) == 0 {
		return out, nil
	}
	return s.drop(ctx, gone, out)
}

// pullable tells whether a registry is known to have the image.
func (g *group) pullable() bool {
	for _, e := range g.entries {
		if e.Source != "" {
			return true
		}
	}
	return false
}

// drop removes images with all their names. One that got a name or a
// container meanwhile is for the index's lock to tell: only the entries that
// were looked at go.
func (s *Store) drop(ctx context.Context, gone []*group, out api.Pruned) (api.Pruned, error) {
	var drop []layout.Entry
	for _, g := range gone {
		drop = append(drop, g.entries...)
	}
	if err := s.layout.Update(ctx, func(have []layout.Entry) ([]layout.Entry, error) { return without(have, drop, false), nil }); err != nil {
		return out, err
	}
	var err error
	out.Deleted, out.Freed, err = s.Collect(ctx)
	if out.Deleted == nil {
		out.Deleted = []string{}
	}
	return out, err
}

// pruneFilter reads docker's filters of image prune.
func pruneFilter(filters map[string][]string, now time.Time) (func(*group) bool, error) {
	var tests []func(*group) bool
	for key, values := range filters {
		for _, v := range values {
			switch key {
			case "until":
				at, err := before(v, now)
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

// before reads "24h", a date, or RFC 3339.
func before(v string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(v); err == nil {
		return now.Add(-d), nil
	}
	for _, f := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(f, v, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, api.Errorf(api.KindInvalid, "until=%s is neither a duration (24h) nor a time (2024-12-31)", v).WithRef(v)
}
