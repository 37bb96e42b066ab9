package view

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/userns/idmap"
)

// Tree is a stack of directories. Close closes them.
type Tree struct {
	root *dir
}

// dir is a directory of the merged view: the directories of the layers that
// make it up, topmost first.
type dir struct {
	parts []part
}

type part struct {
	layer int
	fd    int
	ids   *idmap.Maps // whose the files are; nil: as they are
}

// belongs has a file's owners be those that the container sees.
func (p part) belongs(st *unix.Stat_t) {
	if p.ids == nil {
		return
	}
	uid, gid := p.ids.Inside(int(st.Uid), int(st.Gid))
	st.Uid, st.Gid = uint32(uid), uint32(gid)
}

// Node is an entry of the merged view.
type Node struct {
	Path  string // absolute
	Layer int    // which of the given directories has it; of a directory, the topmost
	Stat  unix.Stat_t
	Link  string // target of a symbolic link
	at    part   // the layer's directory that it is in
	dir   *dir   // that it is; only while Walk is in it
}

// Open opens the stack of dirs, topmost first.
func Open(dirs []string) (*Tree, error) {
	d := &dir{}
	for i, p := range dirs {
		fd, err := unix.Open(p, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			d.close()
			return nil, fmt.Errorf("open layer %s: %w", p, err)
		}
		d.parts = append(d.parts, part{layer: i, fd: fd})
	}
	return &Tree{d}, nil
}

// Own says that the topmost directory is the writable one of a container with
// these ids. The others are an image's, with the owners that it says.
func (t *Tree) Own(ids idmap.Maps) {
	if !ids.None() {
		t.root.parts[0].ids = &ids
	}
}

// Close closes the directories.
func (t *Tree) Close() { t.root.close() }

func (d *dir) close() {
	for _, p := range d.parts {
		unix.Close(p.fd)
	}
}

// Mode gives the type and permissions as Go has them.
func (n *Node) Mode() fs.FileMode { return mode(n.Stat.Mode) }

// IsDir tells a directory.
func (n *Node) IsDir() bool { return n.Stat.Mode&unix.S_IFMT == unix.S_IFDIR }

// Regular tells a regular file.
func (n *Node) Regular() bool { return n.Stat.Mode&unix.S_IFMT == unix.S_IFREG }

func mode(m uint32) fs.FileMode {
	out := fs.FileMode(m & 0o777)
	for bit, is := range map[uint32]fs.FileMode{unix.S_ISUID: fs.ModeSetuid, unix.S_ISGID: fs.ModeSetgid, unix.S_ISVTX: fs.ModeSticky} {
		if m&bit != 0 {
			out |= is
		}
	}
	switch m & unix.S_IFMT {
	case unix.S_IFDIR:
		out |= fs.ModeDir
	case unix.S_IFLNK:
		out |= fs.ModeSymlink
	case unix.S_IFIFO:
		out |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		out |= fs.ModeSocket
	case unix.S_IFCHR:
		out |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		out |= fs.ModeDevice
	}
	return out
}

// OpenFile opens a regular file of the view. Only while Walk or Lookup is at
// it. A file that was replaced by something else meanwhile is refused.
func (n *Node) OpenFile() (*os.File, error) {
	fd, err := unix.Openat(n.at.fd, path.Base(n.Path), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", quote(n.Path), err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return nil, api.Errorf(api.KindConflict, "%s is no regular file any more", quote(n.Path))
	}
	n.at.belongs(&st)
	n.Stat = st
	return os.NewFile(uintptr(fd), n.Path), nil
}

// names lists the names in the layers' directories, hidden ones included.
func (d *dir) names() ([]string, error) {
	seen := map[string]bool{}
	var out []string
	for _, p := range d.parts {
		list, err := readNames(p.fd)
		if err != nil {
			return nil, err
		}
		for _, n := range list {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

func readNames(fd int) ([]string, error) {
	own, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) // an offset of our own
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(own), "")
	defer f.Close()
	return f.Readdirnames(-1)
}

// entry finds what the view shows under a name; nil where that is nothing. A
// directory comes open, and is for the caller to close.
func (d *dir) entry(parent, name string) (*Node, error) {
	var n *Node
	for _, p := range d.parts {
		var st unix.Stat_t
		err := unix.Fstatat(p.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			n.release()
			return nil, fmt.Errorf("look at %s: %w", quote(path.Join(parent, name)), err)
		}
		isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
		switch {
		case n != nil && !isDir, whiteout(&st):
			return n, nil
		case n == nil:
			p.belongs(&st)
			n = &Node{Path: path.Join(parent, name), Layer: p.layer, Stat: st, at: p}
		}
		if !isDir {
			n.Link, err = readlink(p.fd, name, &st)
			if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
				return nil, nil // it went away, or became something else, just now
			}
			return n, err
		}
		opaque, err := n.add(p, name)
		if err != nil || opaque {
			return n, err
		}
	}
	return n, nil
}

// add opens one more of the layers' directories that make up a directory.
func (n *Node) add(p part, name string) (opaque bool, err error) {
	fd, err := unix.Openat(p.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return true, nil // replaced just now
	}
	if err != nil {
		n.release()
		return true, fmt.Errorf("open %s: %w", quote(n.Path), err)
	}
	if n.dir == nil {
		n.dir = &dir{}
	}
	n.dir.parts = append(n.dir.parts, part{p.layer, fd, p.ids})
	return isOpaque(fd), nil
}

func (n *Node) release() {
	if n != nil && n.dir != nil {
		n.dir.close()
		n.dir = nil
	}
}

func whiteout(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

func isOpaque(fd int) bool {
	var b [1]byte
	for _, name := range []string{"user.overlay.opaque", "trusted.overlay.opaque"} {
		if n, err := unix.Fgetxattr(fd, name, b[:]); err == nil && n == 1 && b[0] == 'y' {
			return true
		}
	}
	return false
}

func readlink(fd int, name string, st *unix.Stat_t) (string, error) {
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", nil
	}
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, name, b)
	if err != nil {
		return "", fmt.Errorf("read link %s: %w", quote(name), err)
	}
	return string(b[:n]), nil
}

// ErrSkipDir as the answer of a function that Walk calls keeps it out of a directory.
var ErrSkipDir = errors.New("skip this directory")

// Walk calls fn for every entry of the view, the root first, directories
// before what is in them, names in order.
func (t *Tree) Walk(ctx context.Context, fn func(*Node) error) error {
	root := &Node{Path: "/", Layer: t.root.parts[0].layer}
	if err := unix.Fstat(t.root.parts[0].fd, &root.Stat); err != nil {
		return err
	}
	t.root.parts[0].belongs(&root.Stat)
	root.dir = t.root
	if err := fn(root); err != nil {
		return unlessSkip(err)
	}
	return t.root.walk(ctx, "/", fn)
}

func unlessSkip(err error) error {
	if errors.Is(err, ErrSkipDir) {
		return nil
	}
	return err
}

func (d *dir) walk(ctx context.Context, at string, fn func(*Node) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := d.names()
	if err != nil {
		return fmt.Errorf("list %s: %w", quote(at), err)
	}
	for _, name := range names {
		n, err := d.entry(at, name)
		if err != nil {
			return err
		}
		if n == nil {
			continue
		}
		err = fn(n)
		if err == nil && n.dir != nil {
			err = n.dir.walk(ctx, n.Path, fn)
		}
		n.release()
		if err := unlessSkip(err); err != nil {
			return err
		}
	}
	return nil
}

// maxLinks is how many symbolic links a path may lead through, as in the kernel.
const maxLinks = 40

// Lookup finds a path and calls fn with it; symbolic links on the way, and a
// last one where follow is set, are resolved within the view. KindNotFound
// where nothing is there.
func (t *Tree) Lookup(p string, follow bool, fn func(*Node) error) error {
	rest, links := split(p), 0
	stack := []*Node{}
	defer func() {
		for _, n := range stack {
			n.release()
		}
	}()
	for len(rest) > 0 {
		d, at := t.root, "/"
		if len(stack) > 0 {
			d, at = stack[len(stack)-1].dir, stack[len(stack)-1].Path
		}
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			if len(stack) > 0 {
				stack[len(stack)-1].release()
				stack = stack[:len(stack)-1]
			}
			continue
		}
		n, err := d.entry(at, name)
		if err != nil {
			return err
		}
		if n == nil || len(rest) > 0 && n.dir == nil && n.Link == "" {
			n.release()
			return api.Errorf(api.KindNotFound, "there is no %s", quote(p)).WithRef(p)
		}
		if n.Link == "" || len(rest) == 0 && !follow {
			stack = append(stack, n)
			if n.Link != "" {
				break
			}
			continue
		}
		if links++; links > maxLinks {
			return api.Errorf(api.KindInvalid, "%s goes round in symbolic links", quote(p)).WithRef(p)
		}
		if strings.HasPrefix(n.Link, "/") {
			for _, s := range stack {
				s.release()
			}
			stack = stack[:0]
		}
		rest = append(split(n.Link), rest...)
	}
	if len(stack) == 0 {
		root := &Node{Path: "/", dir: t.root}
		if err := unix.Fstat(t.root.parts[0].fd, &root.Stat); err != nil {
			return err
		}
		t.root.parts[0].belongs(&root.Stat)
		return fn(root)
	}
	return fn(stack[len(stack)-1])
}

func split(p string) []string {
	var out []string
	for _, s := range strings.Split(p, "/") {
		if s != "" && s != "." {
			out = append(out, s)
		}
	}
	return out
}

// Children calls fn for each entry of a directory that Lookup or Walk is at.
func (n *Node) Children(fn func(*Node) error) error {
	if n.dir == nil {
		return api.Errorf(api.KindInvalid, "%s is no directory", quote(n.Path)).WithRef(n.Path)
	}
	names, err := n.dir.names()
	if err != nil {
		return fmt.Errorf("list %s: %w", quote(n.Path), err)
	}
	for _, name := range names {
		c, err := n.dir.entry(n.Path, name)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		err = fn(c)
		c.release()
		if err != nil {
			return err
		}
	}
	return nil
}

func quote(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return fmt.Sprintf("%q", s)
}

// Walk calls fn for every entry below a directory that Lookup or Walk is at.
func (n *Node) Walk(ctx context.Context, fn func(*Node) error) error {
	if n.dir == nil {
		return nil
	}
	return n.dir.walk(ctx, n.Path, fn)
}
