package engine

import (
	"context"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
	"davit/backend/image"
	"davit/backend/store"
)

// Images implements api.Service.
func (e *Engine) Images(ctx context.Context, f api.ImageFilter) ([]api.Image, error) {
	fits, err := imageChooser(f)
	if err != nil {
		return nil, explain(err)
	}
	images, err := e.images.get(ctx)
	if err != nil {
		return nil, explain(err)
	}
	aged, err := ageChooser(ctx, images, f.Filters)
	if err != nil {
		return nil, explain(err)
	}
	all, err := images.List(ctx)
	if err != nil {
		return nil, explain(err)
	}
	users, err := e.imageUsers()
	if err != nil {
		return nil, explain(err)
	}
	chosen := []api.Image{}
	for _, i := range all {
		if i.Containers = len(users[i.ID]); fits(i) && aged(i) {
			chosen = append(chosen, i)
		}
	}
	slices.SortStableFunc(chosen, func(a, b api.Image) int { return b.Created.Compare(a.Created) })
	return chosen, nil
}

// imageUsers gives the names of the containers made from each image.
func (e *Engine) imageUsers() (map[string][]string, error) {
	entries, err := store.ListContainers(e.dirs)
	users := map[string][]string{}
	for _, c := range entries {
		users[c.Record.ImageID] = append(users[c.Record.ImageID], c.Record.Name)
	}
	return users, err
}

func imageChooser(f api.ImageFilter) (func(api.Image) bool, error) {
	var tests []func(api.Image) bool
	references := slices.Clone(f.Filters["reference"])
	if f.Reference != "" {
		references = append(references, f.Reference)
	}
	if len(references) > 0 {
		tests = append(tests, func(i api.Image) bool {
			return slices.ContainsFunc(references, func(r string) bool { return isCalled(i, r) })
		})
	}
	for key, values := range f.Filters {
		for _, v := range values {
			switch key {
			case "reference", "before", "since", "until": // read elsewhere
			case "label":
				test := labelTest(v)
				tests = append(tests, func(i api.Image) bool { return test(api.Container{Labels: i.Labels}) })
			case "dangling":
				want, err := strconv.ParseBool(v)
				if err != nil {
					return nil, invalid(v, "the filter dangling wants true or false, not %q", v)
				}
				tests = append(tests, func(i api.Image) bool { return (len(i.Names) == 0) == want })
			default:
				return nil, invalid(key, "there is no filter %q for images", key).WithHint("Filters are before, dangling, label, reference, since and until.")
			}
		}
	}
	return func(i api.Image) bool {
		return !slices.ContainsFunc(tests, func(t func(api.Image) bool) bool { return !t(i) })
	}, nil
}

// isCalled tells whether pattern is one of the image's names, complete or as
// people write them, with or without the tag; or the beginning of its id.
func isCalled(i api.Image, pattern string) bool {
	if digits := strings.TrimPrefix(pattern, "sha256:"); len(digits) >= 4 && strings.HasPrefix(strings.TrimPrefix(i.ID, "sha256:"), digits) {
		return true
	}
	for _, full := range i.Names {
		short := strings.TrimPrefix(full, "docker.io/")
		for _, name := range []string{full, short, strings.TrimPrefix(short, "library/")} {
			repo := name
			if c := strings.LastIndexByte(name, ':'); c > strings.LastIndexByte(name, '/') {
				repo = name[:c]
			}
			for _, n := range []string{name, repo} {
				if ok, _ := path.Match(pattern, n); ok || n == pattern {
					return true
				}
			}
		}
	}
	return false
}

// Image implements api.Service.
func (e *Engine) Image(ctx context.Context, ref string) (api.ImageDetail, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.ImageDetail{}, explain(err)
	}
	d, err := images.Get(ctx, ref)
	if err != nil {
		return d, explain(err)
	}
	users, err := e.imageUsers()
	d.UsedBy = list(users[d.ID])
	d.Containers = len(d.UsedBy)
	return d, explain(err)
}

// ResolveImage implements api.Service.
func (e *Engine) ResolveImage(ctx context.Context, ref string) (api.ResolvedRef, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.ResolvedRef{}, explain(err)
	}
	r, err := images.Resolve(ref)
	return r, explain(err)
}

// Load implements api.Service.
func (e *Engine) Load(ctx context.Context, r io.Reader) (api.LoadResult, error) {
	return e.load(ctx, func(images Images) ([]api.Image, error) { return images.Load(ctx, r, "") })
}

// LoadPath implements api.Service.
func (e *Engine) LoadPath(ctx context.Context, path string) (api.LoadResult, error) {
	if !filepath.IsAbs(path) {
		return api.LoadResult{}, invalid(path, "%q is not an absolute path", path)
	}
	return e.load(ctx, func(images Images) ([]api.Image, error) { return images.LoadPath(ctx, path) })
}

// LoadSample implements api.Service.
func (e *Engine) LoadSample(ctx context.Context) (api.Image, error) {
	r, err := e.load(ctx, func(images Images) ([]api.Image, error) {
		i, err := images.LoadSample(ctx)
		return []api.Image{i}, err
	})
	if err != nil {
		return api.Image{}, err
	}
	return r.Images[0], nil
}

func (e *Engine) load(ctx context.Context, do func(Images) ([]api.Image, error)) (api.LoadResult, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.LoadResult{}, explain(err)
	}
	got, err := do(images)
	if err != nil {
		return api.LoadResult{}, explain(err)
	}
	for _, i := range got {
		e.news.tell("image", "load", i.ID, first(i.Names))
	}
	return api.LoadResult{Images: list(got)}, nil
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// Save implements api.Service.
func (e *Engine) Save(ctx context.Context, refs []string, format api.SaveFormat, w io.Writer) error {
	if len(refs) == 0 {
		return invalid("", "no image is named to be saved")
	}
	if format != api.SaveDocker && format != api.SaveOCI {
		return invalid(string(format), "unknown format of archive %q", format).
			WithHint("Formats are %s and %s.", api.SaveDocker, api.SaveOCI)
	}
	images, err := e.images.get(ctx)
	if err != nil {
		return explain(err)
	}
	return explain(images.Save(ctx, refs, format, w))
}

// Tag implements api.Service.
func (e *Engine) Tag(ctx context.Context, ref, name string) error {
	images, err := e.images.get(ctx)
	if err != nil {
		return explain(err)
	}
	if err := images.Tag(ctx, ref, name); err != nil {
		return explain(err)
	}
	e.news.tell("image", "tag", ref, name)
	return nil
}

// RemoveImage implements api.Service.
func (e *Engine) RemoveImage(ctx context.Context, ref string, o api.RemoveImageOptions) (api.RemovedImage, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return api.RemovedImage{}, explain(err)
	}
	r, err := images.Remove(ctx, ref, image.RemoveOptions{Force: o.Force, Permanent: o.Permanent, InUse: e.imageUsers})
	if err != nil {
		return r, explain(err)
	}
	r.Untagged, r.Deleted = list(r.Untagged), list(r.Deleted)
	for _, name := range r.Untagged {
		e.news.tell("image", "untag", ref, name)
	}
	if len(r.Deleted) > 0 {
		e.news.tell("image", "delete", r.Deleted[0], ref)
	}
	if r.InTrash {
		e.news.tell("trash", "add", r.Deleted[0], ref)
	}
	return r, nil
}
