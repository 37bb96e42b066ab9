package apitest

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

// Push implements api.Service. What is pushed is offered from then on.
func (f *Fake) Push(ctx context.Context, spec api.PushSpec) (api.Operation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Operation{}, err
	}
	i, err := f.findImage(spec.Ref)
	if err != nil {
		return api.Operation{}, err
	}
	to := spec.To
	if to == "" {
		to = spec.Ref
	}
	full, err := fullName(to)
	if err != nil || spec.To == "" && !slices.Contains(i.detail.Names, full) {
		return api.Operation{}, api.Errorf(api.KindInvalid, "%s has no name to push it under", spec.Ref).WithRef(spec.Ref)
	}
	o := &operation{Operation: api.Operation{
		ID: f.hex(16), Kind: "push", Title: "Push " + full, Subject: full,
		State: api.OperationRunning, Started: f.now(), Steps: []api.Step{},
	}}
	for _, l := range i.detail.Layers {
		o.Steps = append(o.Steps, api.Step{ID: l.Digest, Title: l.Digest[7:19], State: "uploading", Total: l.Size})
		o.Total += l.Size
	}
	var life context.Context
	life, o.cancel = context.WithCancel(f.life)
	f.ops = append(f.ops, o)
	f.event("operation", "start", o.ID, o.Title)
	f.work.Go(func() { f.finish(o, f.push(life, o, i)) })
	return o.snapshot(), nil
}

func (f *Fake) push(ctx context.Context, o *operation, i *image) error {
	if strings.HasPrefix(o.Subject, "offline.") {
		return api.Errorf(api.KindUnavailable, "%s does not answer", o.Subject).WithRef(o.Subject)
	}
	for left := true; left; {
		if err := f.pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		f.mu.Lock()
		left = false
		for n := range o.Steps {
			s := &o.Steps[n]
			k := min(s.Total-s.Done, max(o.Total/20, 1))
			s.Done, o.Done = s.Done+k, o.Done+k
			if s.Done == s.Total {
				s.State = "pushed"
			} else {
				left = true
			}
		}
		f.notify()
		f.mu.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	o.Image, o.Result = o.Subject, fmt.Sprintf("digest: %s size: %d", i.detail.Digest, 527)
	repo := o.Subject[:strings.LastIndex(o.Subject, ":")]
	if d := repo + "@" + i.detail.Digest; !slices.Contains(i.detail.RepoDigests, d) {
		i.detail.RepoDigests = append(i.detail.RepoDigests, d)
	}
	f.event("image", "push", i.detail.ID, o.Subject)
	return nil
}

// Import implements api.Service.
func (f *Fake) Import(ctx context.Context, spec api.ImportSpec, r io.Reader) (api.Image, error) {
	f.mu.Lock()
	err := f.enter(ctx)
	f.mu.Unlock()
	if err != nil {
		return api.Image{}, err
	}
	n, err := io.Copy(io.Discard, r)
	if err == nil && n < 1024 {
		err = api.Errorf(api.KindCorrupt, "this is no tar archive")
	}
	if err != nil {
		return api.Image{}, failed(err)
	}
	origin := spec.Origin
	if origin == "" {
		origin = "an archive"
	}
	return f.makeImage(ctx, spec.Name, "imported from "+origin, n)
}

// makeImage adds an image that was made here.
func (f *Fake) makeImage(ctx context.Context, name, origin string, size int64) (api.Image, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Image{}, err
	}
	full, err := fullName(name)
	if name != "" && (err != nil || strings.Contains(full, "@")) {
		return api.Image{}, api.Errorf(api.KindInvalid, "%q is no name for an image", name).WithRef(name)
	}
	if name == "" {
		full = ""
	}
	i := f.addImage(offer{layers: 1, size: size, cmd: []string{"sh"}}, full)
	i.detail.Origin, i.detail.RepoDigests = origin, []string{}
	f.event("image", "import", i.detail.ID, full)
	return f.imageDetail(i).Image, nil
}

// Commit implements api.Service.
func (f *Fake) Commit(ctx context.Context, spec api.CommitSpec) (i api.Image, err error) {
	err = f.with(ctx, spec.Container, func(*box) error { return nil })
	if err != nil {
		return i, err
	}
	return f.makeImage(ctx, spec.Name, "committed from a container", 4<<20)
}

// Export implements api.Service.
func (f *Fake) Export(ctx context.Context, ref string, w io.Writer) error {
	if err := f.with(ctx, ref, func(*box) error { return nil }); err != nil {
		return err
	}
	t := tar.NewWriter(w)
	text := "fake:x:0:0::/:/bin/sh\n"
	err := t.WriteHeader(&tar.Header{Name: "etc/passwd", Mode: 0o644, Size: int64(len(text)), ModTime: time.Unix(0, 0)})
	if err == nil {
		_, err = io.WriteString(t, text)
	}
	return failed(errors.Join(err, t.Close()))
}

// Changes implements api.Service: every container of the fake wrote one log.
func (f *Fake) Changes(ctx context.Context, ref string) (list []api.Change, err error) {
	err = f.with(ctx, ref, func(*box) error {
		list = []api.Change{{Kind: api.ChangeModified, Path: "/tmp"}, {Kind: api.ChangeAdded, Path: "/tmp/app.log", Size: 412}}
		return nil
	})
	return list, err
}

// PruneImages implements api.Service. The fake's images share nothing.
func (f *Fake) PruneImages(ctx context.Context, spec api.PruneSpec) (api.Pruned, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := api.Pruned{Images: []api.PrunedImage{}, Deleted: []string{}}
	if err := f.enter(ctx); err != nil {
		return out, err
	}
	for k := range spec.Filters {
		if k != "label" && k != "label!" && k != "until" {
			return out, api.Errorf(api.KindInvalid, "there is no filter %q for prune", k).WithRef(k)
		}
	}
	goes := func(i *image) bool {
		return len(f.imageDetail(i).UsedBy) == 0 && (spec.All || len(i.detail.Names) == 0)
	}
	for _, i := range slices.Clone(f.images) {
		if !goes(i) {
			continue
		}
		gone := len(i.detail.RepoDigests) == 0 && i.detail.Origin != sampleOrigin
		out.Images = append(out.Images, api.PrunedImage{ID: i.detail.ID, Names: slices.Clone(i.detail.Names), Gone: gone, Freed: i.bytes()})
		if gone && !spec.Permanent {
			out.Trashed += i.bytes()
		} else {
			out.Freed += i.bytes()
			for _, l := range i.detail.Layers {
				out.Deleted = append(out.Deleted, l.DiffID)
			}
		}
		if !spec.DryRun {
			f.throw(i, spec.Permanent)
		}
	}
	return out, nil
}

// DiskUsage implements api.Service.
func (f *Fake) DiskUsage(ctx context.Context) (api.DiskUsage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := api.DiskUsage{Images: []api.ImageUsage{}, Containers: []api.ContainerUsage{}, Free: 40 << 30}
	if err := f.enter(ctx); err != nil {
		return u, err
	}
	for _, i := range f.images {
		d := f.imageDetail(i)
		n := d.Size + d.DownloadSize
		u.Images = append(u.Images, api.ImageUsage{ID: d.ID, Names: d.Names, Created: d.Created, Size: n, Unique: n, Containers: d.Containers})
		u.ImagesSize += n
		if d.Containers == 0 {
			u.Reclaimable += n
		}
	}
	for _, t := range f.trash {
		u.Trash += t.image.bytes()
	}
	for _, b := range f.boxes {
		u.Containers = append(u.Containers, api.ContainerUsage{ID: b.detail.ID, Name: b.detail.Name, Image: b.detail.Image, State: b.detail.State, Size: 412, Log: 120})
	}
	return u, nil
}

// CheckImages implements api.Service; nothing of the fake's is ever damaged.
func (f *Fake) CheckImages(ctx context.Context, spec api.CheckSpec, sink func(api.CheckedImage) error) error {
	f.mu.Lock()
	err := f.enter(ctx)
	var all []api.CheckedImage
	one := (*image)(nil)
	if err == nil && spec.Ref != "" {
		one, err = f.findImage(spec.Ref)
	}
	for _, i := range f.images {
		if one == nil || one == i {
			all = append(all, api.CheckedImage{ID: i.detail.ID, Name: i.name(), Bytes: i.detail.Size, Damaged: []api.Damage{}})
		}
	}
	f.mu.Unlock()
	if err != nil {
		return err
	}
	for _, c := range all {
		if err := f.pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		if err := sink(c); err != nil {
			return failed(err)
		}
	}
	return nil
}
