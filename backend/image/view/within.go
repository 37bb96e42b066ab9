package view

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/tree/names"
)

// Difference is what the topmost directory of a tree does to a name of one of
// its directories.
type Difference struct {
	Name  string
	Kind  string // api.ChangeAdded and so on
	Alike bool   // a directory that has nothing of its own but what is in it
}

// Differences tells what the topmost directory does to the names of one
// directory, in order: what Changes would tell of it, without a look at every
// file, for directories may have ten thousands. at is a path without links.
func (t *Tree) Differences(ctx context.Context, at string) ([]Difference, error) {
	top, below := &dir{t.root.parts[:1]}, &dir{t.root.parts[1:]}
	var held []*Node
	defer func() {
		for _, n := range held {
			n.release()
		}
	}()
	parent := "/"
	for _, name := range split(at) {
		now, err := top.entry(parent, name)
		if err != nil {
			return nil, err
		}
		held = append(held, now)
		if now == nil || now.dir == nil {
			return nil, nil // nothing of its own there
		}
		old, err := below.entry(parent, name)
		if err != nil {
			return nil, err
		}
		held = append(held, old)
		if top, below = now.dir, (&dir{}); old != nil && old.dir != nil {
			below = old.dir
		}
		parent = path.Join(parent, name)
	}
	return differences(ctx, parent, top, below)
}

// differences compares the names of one directory.
func differences(ctx context.Context, at string, top, below *dir) ([]Difference, error) {
	now, err := top.kinds()
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", quote(at), err)
	}
	opaque := isOpaque(top.parts[0].fd)
	if len(now) == 0 && !opaque {
		return nil, nil
	}
	old, err := below.kinds()
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", quote(at), err)
	}
	var all []Difference
	for name, kind := range now {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch was := old[name]; {
		case kind == hidden && !shown(was): // a whiteout of nothing
		case kind == hidden:
			all = append(all, Difference{Name: name, Kind: api.ChangeDeleted})
		case !shown(was):
			all = append(all, Difference{Name: name, Kind: api.ChangeAdded})
		default:
			alike := kind == directory && was == directory && sameOwners(top, below, name)
			all = append(all, Difference{name, api.ChangeModified, alike})
		}
	}
	for name, was := range old {
		if opaque && shown(was) && now[name] == absent {
			all = append(all, Difference{Name: name, Kind: api.ChangeDeleted})
		}
	}
	slices.SortFunc(all, func(a, b Difference) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// kind is what the layers of a directory show under a name.
type kind uint8

const (
	absent kind = iota
	hidden      // by a whiteout
	file        // of any kind but a directory
	directory
)

func shown(k kind) bool { return k == file || k == directory }

// kinds tells of each name in the layers' directories what the topmost of them
// that has it shows.
func (d *dir) kinds() (map[string]kind, error) {
	all := map[string]kind{}
	for _, p := range d.parts {
		own, err := unix.Openat(p.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) // an offset of our own
		if err != nil {
			return nil, err
		}
		list, err := names.Read(own)
		_ = unix.Close(own)
		if err != nil {
			return nil, err
		}
		for _, n := range list {
			if all[n.Name] == absent {
				all[n.Name] = kindOf(p.fd, n)
			}
		}
	}
	return all, nil
}

// kindOf looks at a file only where it may be a whiteout, or where the
// directory does not say what it is.
func kindOf(fd int, n names.Name) kind {
	switch n.Kind {
	case unix.DT_DIR:
		return directory
	case unix.DT_CHR, unix.DT_UNKNOWN:
	default:
		return file
	}
	var st unix.Stat_t
	switch err := unix.Fstatat(fd, n.Name, &st, unix.AT_SYMLINK_NOFOLLOW); {
	case err != nil:
		return absent // it went away while we looked
	case whiteout(&st):
		return hidden
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return directory
	}
	return file
}

// sameOwners tells whether a directory that is above and below has the same
// owner and mode in both.
func sameOwners(top, below *dir, name string) bool {
	now, ok := top.owner(name)
	was, ok2 := below.owner(name)
	return ok && ok2 && sameOwner(&now, &was)
}

// owner looks at a name in the topmost layer that has it.
func (d *dir) owner(name string) (st unix.Stat_t, ok bool) {
	for _, p := range d.parts {
		if unix.Fstatat(p.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			p.belongs(&st)
			return st, true
		}
	}
	return st, false
}
