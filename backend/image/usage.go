package image

import (
	"context"
	"os"
	"sort"

	"golang.org/x/sys/unix"

	"davit/backend/api"
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
			out[piece{true, k}] = s.layers.Info(k).Disk()
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
	gone, err := s.trashed()
	if err != nil {
		return out, err
	}
	for _, g := range gone {
		for p, n := range s.pieces(g) {
			if _, ok := all[p]; !ok {
				all[p] = n
				out.Trash += n
			}
		}
	}
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
			out.Stray += s.layers.Info(k).Disk()
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
