package image

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/image/view"
)

// Bounds on what is told of an image's files at once.
const (
	maxFiles  = 10_000
	maxWasted = 1_000
)

// stack gives the directories of an image's layers, bottom first; of an image
// that was only looked at, those that are here ("" for others).
func (s *Store) stack(ref string) (*group, []string, error) {
	g, _, err := s.find(ref)
	looked := false
	if api.KindOf(err) == api.KindNotFound {
		if p := s.previewed(ref); p != nil {
			g, err, looked = p, nil, true
		}
	}
	if err != nil {
		return nil, nil, err
	}
	keys, ok := s.keys(g.doc.config)
	if !ok && !looked {
		return nil, nil, api.Errorf(api.KindCorrupt, "layers of the image %s are missing", ref).WithRef(ref).WithHint("davit image check --repair %s", ref)
	}
	dirs := make([]string, len(keys))
	for i, k := range keys {
		if s.layers.Has(k) {
			dirs[i] = s.layers.Path(k)
		}
	}
	return g, dirs, nil
}

// wholeStack is stack for what wants all layers to be here.
func (s *Store) wholeStack(ref string) (*group, []string, error) {
	g, dirs, err := s.stack(ref)
	if err == nil {
		err = here(ref, dirs)
	}
	return g, dirs, err
}

// here refuses layers that were not fetched.
func here(ref string, dirs []string) error {
	if at := slices.Index(dirs, ""); at >= 0 {
		return api.Errorf(api.KindNotFound, "a layer of %s is not here", ref).WithRef(ref).WithHint("Fetch the layer, or pull the image.")
	}
	return nil
}

// layersOf opens an image's layers: all, or one. Topmost first, as view wants.
func (s *Store) layersOf(ref string, layer int) (*view.Tree, []string, error) {
	_, dirs, err := s.stack(ref)
	if err != nil {
		return nil, nil, err
	}
	if layer < 0 || layer > len(dirs) {
		return nil, nil, noLayer(ref, len(dirs), layer)
	}
	if layer > 0 {
		dirs = dirs[layer-1 : layer]
	}
	if len(dirs) == 0 {
		return nil, nil, api.Errorf(api.KindNotFound, "%s has no layers", ref).WithRef(ref)
	}
	if err := here(ref, dirs); err != nil {
		return nil, nil, err
	}
	top := slices.Clone(dirs)
	slices.Reverse(top)
	t, err := view.Open(top)
	return t, dirs, err
}

func noLayer(ref string, have, layer int) error {
	return api.Errorf(api.KindInvalid, "%s has the layers 1 to %d, and no %d", ref, have, layer).WithRef(ref)
}

// Files lists files of an image.
func (s *Store) Files(ctx context.Context, q api.FileQuery) (api.FileList, error) {
	out := api.FileList{Files: []api.File{}}
	t, dirs, err := s.layersOf(q.Ref, q.Layer)
	if err != nil {
		return out, err
	}
	defer t.Close()
	limit := min(max(q.Limit, 0), maxFiles)
	if limit == 0 {
		limit = maxFiles
	}
	top := func(n *view.Node) api.File {
		f := fileOf(n)
		f.Layer = len(dirs) - n.Layer
		if q.Layer > 0 {
			f.Layer = q.Layer
		}
		return f
	}
	add := func(n *view.Node) error {
		if !matches(q.Match, n.Path) {
			return nil
		}
		if len(out.Files) == limit {
			out.More = true
			return errEnough
		}
		out.Files = append(out.Files, top(n))
		return nil
	}
	err = t.Lookup(q.Path, true, func(n *view.Node) error {
		switch {
		case !n.IsDir():
			return add(n)
		case q.Deep || q.Match != "":
			return n.Walk(ctx, add)
		}
		return n.Children(add)
	})
	if err == errEnough {
		err = nil
	}
	return out, err
}

var errEnough = fmt.Errorf("enough")

func fileOf(n *view.Node) api.File {
	return api.File{
		Path: n.Path, Mode: n.Mode().String(), UID: int(n.Stat.Uid), GID: int(n.Stat.Gid), Size: n.Stat.Size,
		Modified: time.Unix(n.Stat.Mtim.Unix()).UTC(), Link: n.Link, Dir: n.IsDir(),
	}
}

// matches tells a part of the path, or a pattern for the path or its last part.
func matches(pattern, p string) bool {
	if pattern == "" {
		return true
	}
	if !strings.ContainsAny(pattern, "*?[") {
		return strings.Contains(strings.ToLower(p), strings.ToLower(pattern))
	}
	whole, err := path.Match(pattern, p)
	last, _ := path.Match(pattern, path.Base(p))
	return err == nil && (whole || last)
}

// File writes the content of a regular file of an image.
func (s *Store) File(ctx context.Context, f api.FileRef, w io.Writer) error {
	t, _, err := s.layersOf(f.Ref, f.Layer)
	if err != nil {
		return err
	}
	defer t.Close()
	return t.Lookup(f.Path, true, func(n *view.Node) error {
		if !n.Regular() {
			return api.Errorf(api.KindInvalid, "%q is no regular file", f.Path).WithRef(f.Path)
		}
		r, err := n.OpenFile()
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.Copy(w, &reader{ctx, r})
		return err
	})
}

// LayerChanges lists what one layer does, counted from 1. Where layers below it
// are not here, what it changes of them is told as added.
func (s *Store) LayerChanges(ctx context.Context, ref string, layer int) ([]api.Change, error) {
	_, dirs, err := s.stack(ref)
	if err != nil {
		return nil, err
	}
	if layer < 1 || layer > len(dirs) {
		return nil, noLayer(ref, len(dirs), layer)
	}
	if err := here(ref, dirs[layer-1:layer]); err != nil {
		return nil, err
	}
	dirs = slices.DeleteFunc(slices.Clone(dirs[:layer]), func(d string) bool { return d == "" })
	out := []api.Change{}
	err = eachChange(ctx, dirs, func(c view.Changed) error {
		if c.Alike {
			return nil
		}
		if len(out) == maxChanges {
			return errEnough
		}
		out = append(out, changeOf(c))
		return nil
	})
	if err == errEnough {
		err = nil
	}
	return out, err
}

func changeOf(c view.Changed) api.Change {
	x := api.Change{Kind: c.Kind, Path: c.Node.Path}
	if c.Node.Regular() {
		x.Size = c.Node.Stat.Size
	}
	return x
}

// eachChange goes through what the last of dirs does to those before it.
func eachChange(ctx context.Context, dirs []string, fn func(view.Changed) error) error {
	top := slices.Clone(dirs)
	slices.Reverse(top)
	t, err := view.Open(top)
	if err != nil {
		return err
	}
	defer t.Close()
	return t.Changes(ctx, fn)
}

// Waste adds up what later layers replace or remove.
func (s *Store) Waste(ctx context.Context, ref string) (api.Waste, error) {
	out := api.Waste{Files: []api.WastedFile{}, Efficiency: 1}
	_, dirs, err := s.wholeStack(ref)
	if err != nil {
		return out, err
	}
	lost := map[string]*api.WastedFile{}
	waste := func(p string, n int64) {
		if lost[p] == nil {
			lost[p] = &api.WastedFile{Path: p}
		}
		lost[p].Times++
		lost[p].Wasted += n
		out.Wasted += n
	}
	for i := range dirs {
		err := eachChange(ctx, dirs[:i+1], func(c view.Changed) error {
			if c.Kind != api.ChangeDeleted && c.Node.Regular() {
				out.Total += c.Node.Stat.Size
			}
			switch {
			case c.Old == nil:
				return nil
			case c.Old.Regular():
				waste(c.Old.Path, c.Old.Stat.Size)
			case c.Old.IsDir() && !c.Node.IsDir(), c.Old.IsDir() && c.Kind == api.ChangeDeleted:
				return c.Old.Walk(ctx, func(n *view.Node) error {
					if n.Regular() {
						waste(n.Path, n.Stat.Size)
					}
					return nil
				})
			}
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	for _, f := range lost {
		out.Files = append(out.Files, *f)
	}
	sort.Slice(out.Files, func(i, j int) bool {
		a, b := out.Files[i], out.Files[j]
		return a.Wasted > b.Wasted || a.Wasted == b.Wasted && a.Path < b.Path
	})
	out.Files = out.Files[:min(len(out.Files), maxWasted)]
	if out.Total > 0 {
		out.Efficiency = 1 - float64(out.Wasted)/float64(out.Total)
	}
	return out, nil
}

// Compare tells what b has other than a.
func (s *Store) Compare(ctx context.Context, a, b string) (api.Comparison, error) {
	out := api.Comparison{Config: []api.ConfigChange{}, Changes: []api.Change{}}
	ga, da, err := s.wholeStack(a)
	if err != nil {
		return out, err
	}
	gb, db, err := s.wholeStack(b)
	if err != nil {
		return out, err
	}
	out.Config = compareConfig(ga.doc.config.API(), gb.doc.config.API())
	for out.Shared < min(len(da), len(db)) && da[out.Shared] == db[out.Shared] {
		out.Shared++
	}
	fa, err := s.allFiles(ctx, a, len(da))
	if err != nil {
		return out, err
	}
	fb, err := s.allFiles(ctx, b, len(db))
	if err != nil {
		return out, err
	}
	paths := map[string]bool{}
	for p := range fa {
		paths[p] = true
	}
	for p := range fb {
		paths[p] = true
	}
	for _, p := range slices.Sorted(keysOf(paths)) {
		x, inA := fa[p]
		y, inB := fb[p]
		c := api.Change{Path: p, Kind: api.ChangeModified, Size: y.size}
		switch {
		case !inA:
			c.Kind = api.ChangeAdded
		case !inB:
			c.Kind, c.Size = api.ChangeDeleted, x.size
		case x.same(y):
			continue
		}
		if len(out.Changes) == maxFiles {
			out.More = true
			break
		}
		out.Changes = append(out.Changes, c)
	}
	return out, nil
}

func keysOf(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// seenFile is what tells two files apart. The layer's directory is enough where
// both are from the same one.
type seenFile struct {
	dir, link string
	mode      uint32
	uid, gid  uint32
	size, at  int64
}

func (f seenFile) same(o seenFile) bool {
	if f.dir == o.dir && f.dir != "" {
		return true
	}
	f.dir, o.dir = "", ""
	return f == o
}

func (s *Store) allFiles(ctx context.Context, ref string, n int) (map[string]seenFile, error) {
	out := map[string]seenFile{}
	if n == 0 {
		return out, nil
	}
	t, dirs, err := s.layersOf(ref, 0)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return out, t.Walk(ctx, func(n *view.Node) error {
		f := seenFile{link: n.Link, mode: n.Stat.Mode, uid: n.Stat.Uid, gid: n.Stat.Gid}
		if !n.IsDir() {
			f.dir, f.size, f.at = dirs[len(dirs)-1-n.Layer], n.Stat.Size, n.Stat.Mtim.Nano()
		}
		out[n.Path] = f
		return nil
	})
}

func compareConfig(a, b api.ImageConfig) []api.ConfigChange {
	out := []api.ConfigChange{}
	diff := func(field, x, y string) {
		if x != y {
			out = append(out, api.ConfigChange{Field: field, A: x, B: y})
		}
	}
	q := func(l []string) string { return fmt.Sprintf("%q", l) }
	diff("user", a.User, b.User)
	diff("workingDir", a.WorkingDir, b.WorkingDir)
	diff("entrypoint", q(a.Entrypoint), q(b.Entrypoint))
	diff("cmd", q(a.Cmd), q(b.Cmd))
	diff("exposedPorts", q(a.ExposedPorts), q(b.ExposedPorts))
	diff("volumes", q(a.Volumes), q(b.Volumes))
	diff("stopSignal", a.StopSignal, b.StopSignal)
	pairsOf := func(l []string) map[string]string {
		m := map[string]string{}
		for _, e := range l {
			k, v, _ := strings.Cut(e, "=")
			m[k] = v
		}
		return m
	}
	for what, two := range map[string][2]map[string]string{"env": {pairsOf(a.Env), pairsOf(b.Env)}, "label": {a.Labels, b.Labels}} {
		names := map[string]bool{}
		for _, m := range two {
			for k := range m {
				names[k] = true
			}
		}
		for k := range names {
			diff(what+" "+k, two[0][k], two[1][k])
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Field < out[j].Field })
	return out
}
