package apitest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"io"
	"path"
	"slices"
	"strings"

	"davit/backend/api"
)

// in does something in a container's tree; f.mu is held meanwhile.
func (f *Fake) in(ctx context.Context, at api.FilePath, do func(tree) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	if (at.Container == "") == (at.Volume == "") || at.Snapshot != "" && at.Volume != "" {
		return api.Errorf(api.KindInvalid, "a path is either in a container or in a volume")
	}
	if at.Volume != "" {
		return api.Errorf(api.KindNotFound, "there is no volume %q", at.Volume).WithRef(at.Volume)
	}
	b, err := f.find(at.Container)
	switch {
	case err != nil:
		return err
	case at.Snapshot == "":
		return do(f.treeOf(b))
	}
	i := b.place(at.Snapshot)
	if i < 0 {
		return noSnapshot(b, at.Snapshot)
	}
	return do(b.past[b.snapshots[i].ID])
}

// change is in for what changes the tree.
func (f *Fake) change(ctx context.Context, at api.FilePath, do func(tree) error) error {
	if at.Snapshot != "" {
		return api.Errorf(api.KindInvalid, "a snapshot is what was, and stays so").WithRef(at.Path)
	}
	return f.in(ctx, at, do)
}

func (f *Fake) treeOf(b *box) tree {
	if b.tree == nil {
		b.tree = newTree(f.now())
	}
	return b.tree
}

// Files implements api.Service.
func (f *Fake) Files(ctx context.Context, q api.DirQuery) (page api.DirPage, err error) {
	err = f.in(ctx, q.At, func(t tree) error {
		dir, d, err := t.resolve(q.At.Path, true)
		if err != nil || !d.dir {
			return cmp.Or(err, absent(q.At.Path))
		}
		all := t.children(dir)
		page = api.DirPage{Path: dir, Total: len(all), Marked: true, Entries: []api.FileInfo{}, Deleted: []string{}}
		all = all[min(q.Offset, len(all)):]
		for _, p := range all[:min(cmp.Or(q.Limit, 1000), len(all))] {
			page.Entries = append(page.Entries, t.info(p))
		}
		for _, i := range files {
			if path.Dir(i.Path) == dir && t[i.Path] == nil {
				page.Deleted = append(page.Deleted, path.Base(i.Path))
			}
		}
		return nil
	})
	return page, err
}

// FileInfo implements api.Service.
func (f *Fake) FileInfo(ctx context.Context, q api.InfoQuery) (i api.FileInfo, err error) {
	err = f.in(ctx, q.At, func(t tree) error {
		p, _, err := t.resolve(q.At.Path, q.Follow)
		if err != nil {
			return err
		}
		i = t.info(p)
		i.Path, i.Name, i.Mark = path.Join("/", q.At.Path), path.Base("/"+q.At.Path), ""
		if q.Follow {
			i.Real = p
		}
		return nil
	})
	return i, err
}

// ReadFile implements api.Service.
func (f *Fake) ReadFile(ctx context.Context, q api.ReadQuery, w io.Writer) error {
	var data []byte
	err := f.in(ctx, q.At, func(t tree) error {
		_, n, err := t.resolve(q.At.Path, true)
		if err != nil {
			return err
		}
		if n.dir {
			return api.Errorf(api.KindConflict, "%q: is a directory", q.At.Path)
		}
		data = n.data[min(q.Offset, int64(len(n.data))):]
		return nil
	})
	if err != nil {
		return err
	}
	if q.Limit > 0 {
		data = data[:min(q.Limit, int64(len(data)))]
	}
	_, err = w.Write(data)
	return err
}

// WriteFile implements api.Service.
func (f *Fake) WriteFile(ctx context.Context, s api.WriteSpec, r io.Reader) (i api.FileInfo, err error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return i, api.AsError(err)
	}
	err = f.change(ctx, s.At, func(t tree) error {
		p, old, err := t.resolve(s.At.Path, true)
		if err != nil {
			if p, err = t.place(s.At.Path); err != nil {
				return err
			}
		}
		switch {
		case old != nil && old.dir:
			return api.Errorf(api.KindConflict, "%q: is a directory", s.At.Path)
		case s.Version != "" && (old == nil || t.info(p).Version != s.Version):
			return api.Errorf(api.KindConflict, "%q was changed by somebody else meanwhile", s.At.Path)
		}
		n := &file{perm: 0o644, modified: f.now()}
		if old != nil {
			n.perm, n.uid, n.gid, n.version = old.perm, old.uid, old.gid, old.version+1
		}
		n.data = data
		t[p], i = n, api.FileInfo{}
		i = t.info(p)
		return nil
	})
	return i, err
}

// MakeDir implements api.Service.
func (f *Fake) MakeDir(ctx context.Context, at api.FilePath) (i api.FileInfo, err error) {
	err = f.change(ctx, at, func(t tree) error {
		p, err := t.place(at.Path)
		if err != nil {
			return err
		}
		if t[p] != nil {
			return api.Errorf(api.KindConflict, "%q: there is something of that name already", at.Path)
		}
		t[p] = &file{perm: 0o755, dir: true, modified: f.now()}
		i = t.info(p)
		return nil
	})
	return i, err
}

// MoveFile implements api.Service.
func (f *Fake) MoveFile(ctx context.Context, at api.FilePath, to string) error {
	return f.change(ctx, at, func(t tree) error {
		from, err := t.place(at.Path)
		if err != nil {
			return err
		}
		dest, err := t.place(to)
		switch {
		case err != nil:
			return err
		case t[from] == nil:
			return absent(at.Path)
		case t[dest] != nil:
			return api.Errorf(api.KindConflict, "%q: there is something of that name already", to)
		}
		for _, p := range t.below(from) {
			t[dest+strings.TrimPrefix(p, from)] = t[p]
			delete(t, p)
		}
		return nil
	})
}

// DeleteFile implements api.Service.
func (f *Fake) DeleteFile(ctx context.Context, at api.FilePath) error {
	return f.change(ctx, at, func(t tree) error {
		p, err := t.place(at.Path)
		if err != nil {
			return err
		}
		if t[p] == nil {
			return absent(at.Path)
		}
		for _, p := range t.below(p) {
			delete(t, p)
		}
		return nil
	})
}

// ChangeFile implements api.Service.
func (f *Fake) ChangeFile(ctx context.Context, s api.FileChange) error {
	return f.change(ctx, s.At, func(t tree) error {
		p, err := t.place(s.At.Path)
		if err != nil {
			return err
		}
		if t[p] == nil {
			return absent(s.At.Path)
		}
		if s.Perm != nil && *s.Perm > 0o7777 {
			return api.Errorf(api.KindInvalid, "%o is no permission of a file", *s.Perm)
		}
		all := []string{p}
		if s.Deep {
			all = t.below(p)
		}
		for _, p := range all {
			n := t[p]
			if s.Perm != nil && n.link == "" {
				n.perm = *s.Perm
			}
			if s.UID != nil {
				n.uid = *s.UID
			}
			if s.GID != nil {
				n.gid = *s.GID
			}
		}
		return nil
	})
}

// GetArchive implements api.Service.
func (f *Fake) GetArchive(ctx context.Context, q api.ArchiveQuery, w io.Writer) error {
	var b bytes.Buffer
	err := f.in(ctx, q.At, func(t tree) error {
		root, n, err := t.resolve(q.At.Path, q.Follow)
		if err != nil {
			return err
		}
		name := cmp.Or(q.Name, path.Base(path.Join("/", q.At.Path)))
		if name == "." && !n.dir {
			return absent(q.At.Path)
		}
		if err := q.CheckOnly(); err != nil {
			return err
		}
		out := tar.NewWriter(&b)
		if len(q.Only) == 0 {
			if err := t.packAll(out, root, name); err != nil {
				return err
			}
		}
		for _, one := range q.Only {
			at := path.Join(root, one)
			if t[at] == nil {
				return absent(at)
			}
			if err := t.packAll(out, at, one); err != nil {
				return err
			}
		}
		return out.Close()
	})
	if err == nil {
		_, err = b.WriteTo(w)
	}
	return err
}

// packAll packs what is at and below a path.
func (t tree) packAll(out *tar.Writer, root, as string) error {
	all := t.below(root)
	slices.Reverse(all)
	for _, p := range all {
		if err := t.pack(out, p, path.Join(as, strings.TrimPrefix(p, root))); err != nil {
			return err
		}
	}
	return nil
}

func (t tree) pack(out *tar.Writer, p, as string) error {
	n := t[p]
	h := &tar.Header{Name: as, Mode: int64(n.perm), Uid: n.uid, Gid: n.gid, ModTime: n.modified, Typeflag: tar.TypeReg, Size: int64(len(n.data))}
	switch {
	case n.dir:
		h.Typeflag, h.Name = tar.TypeDir, as+"/"
	case n.link != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, n.link
	}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err := out.Write(n.data)
	return err
}

// PutArchive implements api.Service.
func (f *Fake) PutArchive(ctx context.Context, s api.ArchiveSpec, r io.Reader) (u api.Unpacked, err error) {
	u.Skipped = []string{}
	whole, err := io.ReadAll(r)
	if err != nil {
		return u, api.AsError(err)
	}
	err = f.change(ctx, s.At, func(t tree) error {
		dir, d, err := t.resolve(s.At.Path, true)
		if err != nil || !d.dir {
			return cmp.Or(err, absent(s.At.Path))
		}
		in := tar.NewReader(bytes.NewReader(whole))
		for {
			h, err := in.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return api.Errorf(api.KindCorrupt, "the archive cannot be read: %w", err)
			}
			if slices.Contains(strings.Split(h.Name, "/"), "..") {
				return api.Errorf(api.KindInvalid, "the archive has a path that leads out of it: %q", h.Name)
			}
			n := &file{perm: uint32(h.Mode), dir: h.Typeflag == tar.TypeDir, link: h.Linkname, modified: h.ModTime}
			if s.Owner {
				n.uid, n.gid = h.Uid, h.Gid
			}
			if n.data, err = io.ReadAll(in); err != nil {
				return api.Errorf(api.KindCorrupt, "the archive cannot be read: %w", err)
			}
			if p := path.Join(dir, h.Name); p != dir {
				t[p] = n
				u.Files++
				u.Bytes += int64(len(n.data))
			}
		}
	})
	return u, err
}

// Shells implements api.Service.
func (f *Fake) Shells(ctx context.Context, ref string) (s api.Shells, err error) {
	err = f.in(ctx, api.FilePath{Container: ref}, func(tree) error {
		s = api.Shells{Shells: []string{"/bin/sh"}, Users: []string{"root"}}
		return nil
	})
	return s, err
}
