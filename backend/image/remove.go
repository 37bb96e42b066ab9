package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/image/layout"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
)

// Tag gives the image at ref one more name; another image that had it loses it.
func (s *Store) Tag(ctx context.Context, ref, to string) error {
	n, err := name.ParseDocker(to)
	if err != nil {
		return err
	}
	if n.Digest != "" {
		return api.Errorf(api.KindInvalid, "%q has a digest, which nobody can give", to).WithRef(to)
	}
	g, _, err := s.find(ref)
	if err != nil {
		return err
	}
	add := g.entries[0]
	add.Name, add.Source = n.String(), ""
	return s.layout.Update(ctx, func(have []layout.Entry) ([]layout.Entry, error) {
		return enter(have, []layout.Entry{add}), nil
	})
}

// RemoveOptions are how to remove an image.
type RemoveOptions struct {
	Force     bool
	Permanent bool // not to the trash, whatever it is
	// InUse gives, for each image id, the names of the containers made from
	// it; nil: there are none.
	InUse func() (map[string][]string, error)
}

// Remove takes the name at ref away, and with the last one the image and what
// nothing else needs of it. By id, an image with several names wants Force. An
// image that containers are made from answers KindConflict; with Force it
// loses its names, and stays without until they are gone. One that nobody
// could pull again goes to the trash.
func (s *Store) Remove(ctx context.Context, ref string, o RemoveOptions) (api.RemovedImage, error) {
	out := api.RemovedImage{Untagged: []string{}, Deleted: []string{}}
	g, found, err := s.find(ref)
	if err != nil {
		return out, err
	}
	users, err := o.users(g.doc.id)
	if err != nil {
		return out, err
	}
	drop, err := g.dropped(ref, found, o.Force)
	if err != nil {
		return out, err
	}
	last := len(drop) == len(g.entries)
	if last && len(users) > 0 && !o.Force {
		return out, api.Errorf(api.KindConflict, "the image %s is in use by the container %s", ref, strings.Join(users, ", ")).
			WithRef(ref).WithHint("Remove the container first.")
	}
	keep := last && len(users) > 0
	out.InTrash = last && !keep && !o.Permanent && !g.again()
	for _, e := range drop {
		if e.Name != "" {
			out.Untagged = append(out.Untagged, e.Name)
		}
	}
	if !last || keep {
		return out, s.layout.Update(ctx, func(have []layout.Entry) ([]layout.Entry, error) { return without(have, drop, keep), nil })
	}
	out.Deleted = append(out.Deleted, g.doc.id)
	return out, s.collecting(ctx, func() error { return s.takeOut(g, drop, &out) })
}

// takeOut removes an image: to the trash, or with all that only it needs. The
// store's lock is held.
func (s *Store) takeOut(g *group, drop []layout.Entry, out *api.RemovedImage) error {
	if out.InTrash {
		if err := s.throw(drop); err != nil {
			return err
		}
		left, err := s.groups()
		out.Trashed = s.only([]*group{g}, left)
		return err
	}
	if err := s.layout.UpdateLocked(func(have []layout.Entry) ([]layout.Entry, error) { return without(have, drop, false), nil }); err != nil {
		return err
	}
	gone, freed, err := s.collectLocked()
	out.Deleted, out.Freed = append(out.Deleted, gone...), freed
	return err
}

func (o RemoveOptions) users(id string) ([]string, error) {
	if o.InUse == nil {
		return nil, nil
	}
	all, err := o.InUse()
	return all[id], err
}

// dropped gives the entries that go. Those without a name go with the last name.
func (g *group) dropped(ref, found string, force bool) ([]layout.Entry, error) {
	names := 0
	for _, e := range g.entries {
		if e.Name != "" {
			names++
		}
	}
	byID := idRef().MatchString(ref) && !strings.HasSuffix(found, "/"+ref+":latest")
	if byID && names > 1 && !force {
		return nil, api.Errorf(api.KindConflict, "the image %s has %d names", ref, names).
			WithRef(ref).WithHint("Remove it by name, or with force.")
	}
	if byID || names <= 1 {
		return g.entries, nil
	}
	var out []layout.Entry
	for _, e := range g.entries {
		if e.Name == found || e.Name == "" && e.Source == found {
			out = append(out, e)
		}
	}
	return out, nil
}

// without takes entries out; keep leaves the image there without a name.
func without(have, drop []layout.Entry, keep bool) []layout.Entry {
	var out []layout.Entry
	for _, e := range have {
		gone := false
		for _, d := range drop {
			gone = gone || e.Name == d.Name && e.Source == d.Source && e.Descriptor.Digest == d.Descriptor.Digest
		}
		if gone && !keep {
			continue
		}
		if gone {
			e.Name = ""
		}
		out = append(out, e)
	}
	return tidy(out)
}

// staleDownload is how long an unfinished download waits to be gone on with.
const staleDownload = 7 * 24 * time.Hour

// Collect gives back the space of blobs and layers that no image and no work
// in progress needs. It tells the diff ids of the layers that went, and the
// bytes.
func (s *Store) Collect(ctx context.Context) (gone []string, freed int64, err error) {
	err = s.collecting(ctx, func() error { gone, freed, err = s.collectLocked(); return err })
	return gone, freed, err
}

// collecting does something under the store's lock and then, without it,
// deletes the files of what that took away.
func (s *Store) collecting(ctx context.Context, do func() error) error {
	l, err := s.layout.Lock(ctx)
	if err != nil {
		return err
	}
	err = do()
	l.Unlock()
	return errors.Join(err, s.layers.Sweep())
}

func (s *Store) collectLocked() (gone []string, freed int64, err error) {
	used, err := s.used()
	if err != nil {
		return nil, 0, err
	}
	r, err := s.rubbish(used)
	if err != nil {
		return nil, 0, err
	}
	gone = []string{}
	for _, key := range r.layers {
		n, ok, err := s.trash("sha256:" + key)
		if err != nil {
			return gone, freed, err
		}
		if ok {
			gone, freed = append(gone, "sha256:"+key), freed+n
		}
	}
	for digest, size := range r.blobs {
		if err := os.Remove(s.layout.Blob(digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return gone, freed, err
		}
		freed += size
	}
	for _, digest := range r.partials {
		os.Remove(s.layout.Partial(digest))
	}
	for _, digest := range r.absent {
		if err := s.layout.Forget(digest); err != nil {
			return gone, freed, err
		}
	}
	return gone, freed, nil
}

// used gives the digests of all that images need, those in the trash
// included: blobs, and layers by key.
func (s *Store) used() (map[string]bool, error) {
	entries, err := s.layout.Entries()
	if err != nil {
		return nil, err
	}
	thrown, err := s.layout.Trash()
	if err != nil {
		return nil, err
	}
	for _, t := range thrown {
		entries = append(entries, t.Entry)
	}
	out := map[string]bool{}
	for _, e := range entries {
		out[e.Descriptor.Digest] = true
		d, err := s.document(e.Descriptor.Digest)
		if api.KindOf(err) == api.KindCorrupt {
			continue // it cannot run any more; a pull fetches what goes now
		}
		if err != nil {
			return nil, fmt.Errorf("what %s needs is not known, so nothing is removed: %w", e.Descriptor.Digest, err)
		}
		out[d.id] = true
		for _, l := range d.manifest.Layers {
			out[l.Digest] = true
		}
		keys, _ := s.keys(d.config)
		for _, k := range keys {
			out["sha256:"+k] = true
		}
	}
	return out, nil
}

func (s *Store) trash(digest string) (int64, bool, error) {
	held, err := s.layout.TryDigest(digest)
	if held == nil {
		return 0, false, err
	}
	defer held.Close()
	n, err := s.layers.Trash(manifest.Hex(digest))
	return n, err == nil, err
}

// stalePartials lists the unfinished downloads that nobody goes on with.
func (s *Store) stalePartials(leased map[string]bool) ([]string, error) {
	all, err := s.layout.Partials()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, digest := range all {
		st, err := os.Stat(s.layout.Partial(digest))
		if err != nil || leased[digest] {
			continue
		}
		_, letGo := s.layout.Absent(digest) // a process was killed between noting that and removing the file
		if letGo || time.Since(st.ModTime()) >= staleDownload {
			out = append(out, digest)
		}
	}
	return out, nil
}
