package apitest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

// image is an image of the fake; Fake.mu guards it.
type image struct{ detail api.ImageDetail }

// name is what a container's list shows of it.
func (i *image) name() string {
	if len(i.detail.Names) > 0 {
		return i.detail.Names[0]
	}
	return i.detail.ID
}

// findImage resolves a ref: full or short name, digest, id or its beginning.
func (f *Fake) findImage(ref string) (*image, error) {
	full, nameErr := fullName(ref)
	bare := strings.TrimPrefix(ref, "sha256:")
	var got []*image
	for _, i := range f.images {
		if nameErr == nil && (slices.Contains(i.detail.Names, full) || slices.Contains(i.detail.RepoDigests, full)) {
			return i, nil
		}
		if len(bare) > 0 && strings.HasPrefix(strings.TrimPrefix(i.detail.ID, "sha256:"), bare) {
			got = append(got, i)
		}
	}
	switch {
	case len(got) == 1:
		return got[0], nil
	case len(got) > 1:
		return nil, api.Errorf(api.KindConflict, "more than one image's id begins with %s", ref).WithRef(ref)
	case nameErr != nil:
		return nil, api.Errorf(api.KindInvalid, "%q is no name of an image", ref).WithRef(ref).
			WithHint("Such as nginx, quay.io/podman/hello:latest or localhost:5000/mine.")
	}
	return nil, api.Errorf(api.KindNotFound, "image %s is not here", full).WithRef(full).
		WithHint("Pull it first: davit pull %s", ref)
}

// Images implements api.Service.
func (f *Fake) Images(ctx context.Context, q api.ImageFilter) ([]api.Image, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	patterns := slices.Clone(q.Filters["reference"])
	if q.Reference != "" {
		patterns = append(patterns, q.Reference)
	}
	out := []api.Image{}
	for _, i := range slices.Backward(f.images) {
		if i.matches(patterns, q.Filters) {
			out = append(out, f.imageDetail(i).Image)
		}
	}
	slices.SortStableFunc(out, func(a, b api.Image) int { return b.Created.Compare(a.Created) })
	return out, nil
}

func (i *image) matches(patterns []string, filters map[string][]string) bool {
	for _, want := range filters["dangling"] {
		if fmt.Sprint(len(i.detail.Names) == 0) != want {
			return false
		}
	}
	for _, want := range filters["label"] {
		k, v, valued := strings.Cut(want, "=")
		if got, ok := i.detail.Labels[k]; !ok || valued && got != v {
			return false
		}
	}
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		full, _ := fullName(p)
		return slices.ContainsFunc(i.detail.Names, func(n string) bool {
			short := strings.TrimPrefix(strings.TrimPrefix(n, "docker.io/"), "library/")
			repo, _, _ := strings.Cut(short, ":")
			a, _ := path.Match(p, short)
			b, _ := path.Match(p, repo)
			return n == full || a || b
		})
	})
}

// imageDetail is a copy that the caller may keep, with its users counted.
func (f *Fake) imageDetail(i *image) api.ImageDetail {
	d := i.detail
	d.Names, d.RepoDigests, d.Labels = slices.Clone(d.Names), slices.Clone(d.RepoDigests), maps.Clone(d.Labels)
	d.UsedBy = []string{}
	for _, b := range f.boxes {
		if b.image == i {
			d.UsedBy = append(d.UsedBy, b.detail.Name)
		}
	}
	d.Containers = len(d.UsedBy)
	return d
}

// Image implements api.Service.
func (f *Fake) Image(ctx context.Context, ref string) (api.ImageDetail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.ImageDetail{}, err
	}
	i, err := f.findImage(ref)
	if err != nil {
		return api.ImageDetail{}, err
	}
	return f.imageDetail(i), nil
}

// ResolveImage implements api.Service.
func (f *Fake) ResolveImage(ctx context.Context, ref string) (api.ResolvedRef, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.ResolvedRef{}, err
	}
	full, err := fullName(ref)
	if err != nil {
		return api.ResolvedRef{}, api.Errorf(api.KindInvalid, "%q is no name of an image", ref).WithRef(ref)
	}
	r := api.ResolvedRef{Ref: ref, Name: full, Candidates: []string{full}, Why: "docker.io is the default"}
	if full == ref || full == ref+":latest" {
		r.Why = "the name is complete"
	}
	if i, err := f.findImage(ref); err == nil {
		r.Local = i.detail.ID
	}
	return r, nil
}

// Tag implements api.Service.
func (f *Fake) Tag(ctx context.Context, ref, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	i, err := f.findImage(ref)
	if err != nil {
		return err
	}
	full, err := fullName(name)
	if err != nil || strings.Contains(full, "@") {
		return api.Errorf(api.KindInvalid, "%q is no name for an image", name).WithRef(name)
	}
	f.give(i, full)
	f.event("image", "tag", i.detail.ID, full)
	return nil
}

// give makes name one of i's, taking it from another image.
func (f *Fake) give(i *image, name string) {
	for _, o := range f.images {
		o.detail.Names = slices.DeleteFunc(o.detail.Names, func(n string) bool { return n == name })
	}
	i.detail.Names = append(i.detail.Names, name)
}

// RemoveImage implements api.Service.
func (f *Fake) RemoveImage(ctx context.Context, ref string, o api.RemoveImageOptions) (api.RemovedImage, error) {
	gone := api.RemovedImage{Untagged: []string{}, Deleted: []string{}}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return gone, err
	}
	i, err := f.findImage(ref)
	if err != nil {
		return gone, err
	}
	full, _ := fullName(ref)
	if slices.Contains(i.detail.Names, full) && len(i.detail.Names) > 1 {
		i.detail.Names = slices.DeleteFunc(i.detail.Names, func(n string) bool { return n == full })
		gone.Untagged = append(gone.Untagged, full)
		f.event("image", "untag", i.detail.ID, full)
		return gone, nil
	}
	if users := f.imageDetail(i).UsedBy; len(users) > 0 && !o.Force {
		return gone, api.Errorf(api.KindConflict, "image %s is used by container %s", i.name(), strings.Join(users, ", ")).
			WithRef(i.name()).WithHint("Remove the container first, or remove the image by force.")
	}
	gone.Untagged = append(gone.Untagged, i.detail.Names...)
	gone.Deleted = append(gone.Deleted, i.detail.ID)
	if gone.InTrash = f.throw(i, o.Permanent); gone.InTrash {
		gone.Trashed = i.bytes()
		return gone, nil
	}
	for _, l := range i.detail.Layers {
		gone.Deleted = append(gone.Deleted, l.DiffID)
	}
	gone.Freed = i.bytes()
	return gone, nil
}

// manifestRow is a row of a docker-archive's manifest.json.
type manifestRow struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Load implements api.Service. The fake reads a docker-archive's manifest and
// nothing else of it.
func (f *Fake) Load(ctx context.Context, r io.Reader) (api.LoadResult, error) {
	f.mu.Lock()
	err := f.enter(ctx)
	f.mu.Unlock()
	if err != nil {
		return api.LoadResult{}, err
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return api.LoadResult{}, api.Errorf(api.KindCorrupt, "the archive has no manifest.json").
				WithHint("Davit loads what docker save, podman save and skopeo write.")
		}
		if err != nil {
			return api.LoadResult{}, api.Errorf(api.KindCorrupt, "this is no image archive: %w", err)
		}
		if h.Name != "manifest.json" {
			continue
		}
		var rows []manifestRow
		if err := json.NewDecoder(io.LimitReader(t, maxLine)).Decode(&rows); err != nil {
			return api.LoadResult{}, api.Errorf(api.KindCorrupt, "manifest.json: %w", err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return api.LoadResult{}, api.Errorf(api.KindCorrupt, "read the archive: %w", err)
		}
		return f.loaded(rows, "loaded from an archive"), nil
	}
}

func (f *Fake) loaded(rows []manifestRow, origin string) api.LoadResult {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := api.LoadResult{Images: []api.Image{}}
	for _, row := range rows {
		names := row.RepoTags
		var i *image
		if len(names) > 0 {
			i, _ = f.findImage(names[0])
		}
		if i == nil {
			i = f.addImage(offer{layers: max(1, len(row.Layers)), size: 4 << 20, cmd: []string{"sh"}}, "")
		}
		for _, n := range names {
			if full, err := fullName(n); err == nil {
				f.give(i, full)
			}
		}
		i.detail.Origin = origin
		f.event("image", "load", i.detail.ID, i.name())
		out.Images = append(out.Images, f.imageDetail(i).Image)
	}
	return out
}

// LoadPath implements api.Service; the fake has no files, so a path that ends
// in .tar is there and others are not.
func (f *Fake) LoadPath(ctx context.Context, p string) (api.LoadResult, error) {
	f.mu.Lock()
	err := f.enter(ctx)
	f.mu.Unlock()
	switch {
	case err != nil:
		return api.LoadResult{}, err
	case !path.IsAbs(p):
		return api.LoadResult{}, api.Errorf(api.KindInvalid, "%q is no absolute path", p).WithRef(p)
	case strings.Contains(p, "no-such") || path.Ext(p) != ".tar":
		return api.LoadResult{}, api.Errorf(api.KindNotFound, "there is no file %s", p).WithRef(p)
	}
	name := "localhost/" + strings.ToLower(strings.TrimSuffix(path.Base(p), ".tar")) + ":latest"
	return f.loaded([]manifestRow{{RepoTags: []string{name}}}, "loaded from "+path.Base(p)), nil
}

// sampleOrigin is where the sample comes from.
const sampleOrigin = "built into Davit"

// LoadSample implements api.Service.
func (f *Fake) LoadSample(ctx context.Context) (api.Image, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Image{}, err
	}
	i, err := f.findImage(sample.name)
	if err != nil {
		i = f.addImage(sample, sample.name)
		i.detail.Origin, i.detail.RepoDigests = sampleOrigin, []string{}
		f.event("image", "load", i.detail.ID, sample.name)
	}
	return f.imageDetail(i).Image, nil
}

// Save implements api.Service: an archive that Load reads.
func (f *Fake) Save(ctx context.Context, refs []string, format api.SaveFormat, w io.Writer) error {
	f.mu.Lock()
	err := f.enter(ctx)
	var rows []manifestRow
	for _, ref := range refs {
		i, e := f.findImage(ref)
		if e != nil {
			err = cmp.Or(err, e)
			break
		}
		rows = append(rows, manifestRow{Config: i.detail.ID[7:] + ".json", RepoTags: i.detail.Names, Layers: []string{"layer.tar"}})
	}
	f.mu.Unlock()
	switch {
	case err != nil:
		return err
	case len(refs) == 0:
		return api.Errorf(api.KindInvalid, "save wants an image")
	case format != api.SaveDocker && format != api.SaveOCI:
		return api.Errorf(api.KindInvalid, "there is no archive format %q", format)
	}
	return failed(writeArchive(rows, w))
}

func writeArchive(rows []manifestRow, w io.Writer) error {
	b, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	files := map[string][]byte{"layer.tar": bytes.Repeat([]byte{0}, 64<<10), "manifest.json": b}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), ModTime: time.Unix(0, 0)}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(files[name]); err != nil {
			return err
		}
	}
	return t.Close()
}
