package apitest

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

// trashed is an image in the fake's trash.
type trashed struct {
	image *image
	names []string
	at    time.Time
}

// throw takes an image away, to the trash where nobody could pull it again; it
// tells whether it went there. f.mu is held.
func (f *Fake) throw(i *image, permanent bool) bool {
	f.images = slices.DeleteFunc(f.images, func(x *image) bool { return x == i })
	f.event("image", "delete", i.detail.ID, i.name())
	if permanent || len(i.detail.RepoDigests) > 0 || i.detail.Origin == sampleOrigin {
		return false
	}
	f.trash = append(f.trash, trashed{i, slices.Clone(i.detail.Names), f.now()})
	f.event("trash", "add", i.detail.ID, i.name())
	return true
}

func (i *image) bytes() int64 { return i.detail.Size + i.detail.DownloadSize }

// Trash implements api.Service.
func (f *Fake) Trash(ctx context.Context) ([]api.TrashedImage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []api.TrashedImage{}
	for _, t := range slices.Backward(f.trash) {
		d := t.image.detail
		out = append(out, api.TrashedImage{
			ID: d.ID, Names: slices.Clone(t.names), Created: d.Created, Removed: t.at,
			Size: d.Size, Freed: t.image.bytes(), Origin: d.Origin,
		})
	}
	return out, f.enter(ctx)
}

// is tells whether ref means the image; f.mu is held.
func (t trashed) is(ref string) bool {
	full, err := fullName(ref)
	bare := strings.TrimPrefix(ref, "sha256:")
	return err == nil && slices.Contains(t.names, full) || len(bare) > 2 && strings.HasPrefix(t.image.detail.ID[7:], bare)
}

// RestoreImage implements api.Service.
func (f *Fake) RestoreImage(ctx context.Context, ref string) (api.Image, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Image{}, err
	}
	at := slices.IndexFunc(f.trash, func(t trashed) bool { return t.is(ref) })
	if at < 0 {
		return api.Image{}, api.Errorf(api.KindNotFound, "there is no %s in the trash", ref).WithRef(ref)
	}
	t := f.trash[at]
	f.trash = slices.Delete(f.trash, at, at+1)
	t.image.detail.Names = slices.DeleteFunc(t.names, func(n string) bool {
		return slices.ContainsFunc(f.images, func(i *image) bool { return slices.Contains(i.detail.Names, n) })
	})
	f.images = append(f.images, t.image)
	f.event("image", "restore", t.image.detail.ID, t.image.name())
	return f.imageDetail(t.image).Image, nil
}

// EmptyTrash implements api.Service.
func (f *Fake) EmptyTrash(ctx context.Context, spec api.EmptyTrashSpec) (api.Pruned, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := api.Pruned{Images: []api.PrunedImage{}, Deleted: []string{}}
	if err := f.enter(ctx); err != nil {
		return out, err
	}
	for _, id := range spec.IDs {
		if !slices.ContainsFunc(f.trash, func(t trashed) bool { return t.is(id) }) {
			return out, api.Errorf(api.KindNotFound, "there is no %s in the trash", id).WithRef(id)
		}
	}
	goes := func(t trashed) bool { return len(spec.IDs) == 0 || slices.ContainsFunc(spec.IDs, t.is) }
	for _, t := range f.trash {
		if goes(t) {
			n := t.image.bytes()
			out.Images = append(out.Images, api.PrunedImage{ID: t.image.detail.ID, Names: slices.Clone(t.names), Gone: true, Freed: n})
			out.Freed += n
		}
	}
	if !spec.DryRun {
		f.trash = slices.DeleteFunc(f.trash, goes)
		f.event("trash", "empty", "", "")
	}
	return out, nil
}

// SaveTo implements api.Service: the fake writes nothing.
func (f *Fake) SaveTo(ctx context.Context, spec api.SaveSpec) (api.Operation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Operation{}, err
	}
	switch {
	case len(spec.Refs) == 0, !path.IsAbs(spec.Path):
		return api.Operation{}, api.Errorf(api.KindInvalid, "save wants images and an absolute path").WithRef(spec.Path)
	case !slices.Contains([]api.SaveFormat{api.SaveDocker, api.SaveOCI, api.SaveOCIDir}, spec.Format):
		return api.Operation{}, api.Errorf(api.KindInvalid, "there is no archive format %q", spec.Format)
	}
	var size int64
	for _, ref := range spec.Refs {
		i, err := f.findImage(ref)
		if err != nil {
			return api.Operation{}, err
		}
		size += i.detail.DownloadSize
	}
	return f.copying("save", "Save "+path.Base(spec.Path), spec.Path, size, func(*operation) {}), nil
}

// copying is an operation that counts up to size bytes; f.mu is held, and is
// held again when it ends well.
func (f *Fake) copying(kind, title, subject string, size int64, end func(*operation)) api.Operation {
	o := &operation{Operation: api.Operation{
		ID: f.hex(16), Kind: kind, Title: title, Subject: subject,
		State: api.OperationRunning, Started: f.now(), Steps: []api.Step{}, Total: max(size, 1),
	}}
	var life context.Context
	life, o.cancel = context.WithCancel(f.life)
	f.ops = append(f.ops, o)
	f.event("operation", "start", o.ID, o.Title)
	f.work.Go(func() {
		for {
			if err := f.pause(life, 100*time.Millisecond); err != nil {
				f.finish(o, err)
				return
			}
			f.mu.Lock()
			o.Done = min(o.Total, o.Done+max(1, o.Total/10))
			whole := o.Done == o.Total
			if whole {
				end(o)
			}
			f.notify()
			f.mu.Unlock()
			if whole {
				f.finish(o, nil)
				return
			}
		}
	})
	return o.snapshot()
}
