package view

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// Changed is what the topmost directory of a tree does to those below it.
type Changed struct {
	Kind  string // api.ChangeAdded and so on
	Node  *Node  // what is there now; what was there, for a deletion
	Old   *Node  // what was there before; nil for an addition
	Alike bool   // a directory that has nothing of its own but what is in it
}

// Changes calls fn for each path that the topmost directory adds, changes or
// hides, directories before what is in them, names in order. What a deleted
// directory had in it is not told one by one.
func (t *Tree) Changes(ctx context.Context, fn func(Changed) error) error {
	below := &dir{t.root.parts[1:]}
	return compare(ctx, "/", &dir{t.root.parts[:1]}, below, isOpaque(t.root.parts[0].fd), fn)
}

// compare goes through one directory: top alone, and what was there, which may
// be nothing.
func compare(ctx context.Context, at string, top, below *dir, opaque bool, fn func(Changed) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := top.names()
	if err != nil {
		return fmt.Errorf("list %s: %w", quote(at), err)
	}
	if opaque {
		hidden, err := below.names()
		if err != nil {
			return fmt.Errorf("list %s: %w", quote(at), err)
		}
		names = slices.Compact(slices.Sorted(slices.Values(append(names, hidden...))))
	}
	for _, name := range names {
		if err := compareOne(ctx, at, name, top, below, opaque, fn); err != nil {
			return err
		}
	}
	return nil
}

func compareOne(ctx context.Context, at, name string, top, below *dir, opaque bool, fn func(Changed) error) error {
	old, err := below.entry(at, name)
	if err != nil {
		return err
	}
	defer old.release()
	now, err := top.entry(at, name)
	if err != nil {
		return err
	}
	defer now.release()
	switch {
	case now == nil && old == nil: // a whiteout of nothing
		return nil
	case now == nil:
		if !opaque && !hides(top, name) {
			return nil // it went away while we looked
		}
		return fn(Changed{Kind: api.ChangeDeleted, Node: old, Old: old})
	}
	c := Changed{Kind: api.ChangeModified, Node: now, Old: old}
	if old == nil {
		c.Kind = api.ChangeAdded
	}
	c.Alike = old != nil && now.dir != nil && old.dir != nil && sameOwner(&now.Stat, &old.Stat)
	if err := fn(c); err != nil {
		return unlessSkip(err)
	}
	if now.dir == nil {
		return nil
	}
	was := &dir{}
	if old != nil && old.dir != nil {
		was = old.dir
	}
	return compare(ctx, path.Join(at, name), now.dir, was, isOpaque(now.dir.parts[0].fd), fn)
}

func hides(top *dir, name string) bool {
	var st unix.Stat_t
	err := unix.Fstatat(top.parts[0].fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && whiteout(&st) || errors.Is(err, unix.EACCES)
}

func sameOwner(a, b *unix.Stat_t) bool {
	return a.Mode == b.Mode && a.Uid == b.Uid && a.Gid == b.Gid
}
