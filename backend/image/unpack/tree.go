package unpack

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// maxOpen is how many directories stay open. Tars go through a tree
// directory by directory, so a few are enough to open each only once.
const maxOpen = 64

// tree is the directory that a layer is written to, seen as the root of all.
type tree struct {
	root  int
	open  map[string]int // clean relative path → descriptor; "." is not in it
	order []string       // oldest first
	times map[string]time.Time
	// removed tells that something was taken away again.
	removed bool
}

func openTree(dir string) (*tree, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	return &tree{root: fd, open: map[string]int{}, times: map[string]time.Time{}}, nil
}

func (t *tree) close() {
	t.forget()
	unix.Close(t.root)
}

// forget closes the kept directories. It is called whenever something that
// could be one of them, or on the way to one, goes away.
func (t *tree) forget() {
	for _, fd := range t.open {
		unix.Close(fd)
	}
	clear(t.open)
	t.order = t.order[:0]
}

func (t *tree) keep(p string, fd int) {
	if len(t.order) == maxOpen {
		unix.Close(t.open[t.order[0]])
		delete(t.open, t.order[0])
		t.order = append(t.order[:0], t.order[1:]...)
	}
	t.open[p] = fd
	t.order = append(t.order, p)
}

// lookup opens p below the root; symlinks end at the root too.
func (t *tree) lookup(p string, flags uint64) (int, error) {
	return below(t.root, p, flags)
}

func below(root int, p string, flags uint64) (int, error) {
	for {
		fd, err := unix.Openat2(root, p, &unix.OpenHow{
			Flags:   flags | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
		})
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) { // EAGAIN: a rename elsewhere raced with ".."
			return fd, err
		}
	}
}

// dir opens the directory p and makes it, with its parents, where it is
// missing. The descriptor belongs to the tree.
func (t *tree) dir(p string) (int, error) { return t.dirDeep(p, 0) }

func (t *tree) dirDeep(p string, links int) (int, error) {
	if p == "." {
		return t.root, nil
	}
	if fd, ok := t.open[p]; ok {
		return fd, nil
	}
	fd, err := t.lookup(p, unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) { // the latter may be a whiteout
		fd, err = t.make(p, links)
	}
	if err != nil {
		return -1, t.dirError(p, err)
	}
	t.keep(p, fd)
	return fd, nil
}

func (t *tree) dirError(p string, err error) error {
	var known *api.Error
	if errors.As(err, &known) {
		return err
	}
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return corrupt("%s is used as a directory, but is none", quote(p))
	case errors.Is(err, unix.ELOOP):
		return corrupt("%s goes round in symbolic links, or through /proc", quote(p))
	case errors.Is(err, unix.ENAMETOOLONG):
		return corrupt("the path %s is too long", quote(p))
	}
	return fmt.Errorf("open directory %s: %w", quote(p), err)
}

// make creates p, of which the parent may be missing too, and opens it.
func (t *tree) make(p string, links int) (int, error) {
	parent, err := t.dirDeep(path.Dir(p), links)
	if err != nil {
		return -1, err
	}
	base := path.Base(p)
	err = unix.Mkdirat(parent, base, 0o755)
	if errors.Is(err, unix.EEXIST) {
		return t.makeOver(parent, p, links)
	}
	if err != nil {
		return -1, err
	}
	return unix.Openat(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// makeOver makes the directory p where a whiteout is, or a symlink to what
// does not exist yet: then that is made.
func (t *tree) makeOver(parent int, p string, links int) (int, error) {
	base := path.Base(p)
	var st unix.Stat_t
	if err := unix.Fstatat(parent, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return -1, err
	}
	switch {
	case isWhiteout(&st):
		return t.replaceWhiteout(parent, base)
	case st.Mode&unix.S_IFMT != unix.S_IFLNK:
		return -1, unix.ENOTDIR
	case links == 40:
		return -1, unix.ELOOP
	}
	to, err := readlink(parent, base)
	if err != nil {
		return -1, err
	}
	if !strings.HasPrefix(to, "/") {
		to = path.Join("/", path.Dir(p), to)
	}
	target := strings.TrimPrefix(path.Clean(to), "/")
	if target == "" {
		target = "."
	}
	if _, err := t.dirDeep(target, links+1); err != nil {
		return -1, err
	}
	return t.lookup(p, unix.O_RDONLY|unix.O_DIRECTORY)
}

// replaceWhiteout makes a directory in a whiteout's place: what the lower
// layers have in it stays hidden.
func (t *tree) replaceWhiteout(parent int, base string) (int, error) {
	if err := unix.Unlinkat(parent, base, 0); err != nil {
		return -1, err
	}
	if err := unix.Mkdirat(parent, base, 0o755); err != nil {
		return -1, err
	}
	fd, err := unix.Openat(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := setOpaque(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// remove deletes whatever is at base, with all below it.
func (t *tree) remove(parent int, base string) error {
	t.removed = true
	err := unix.Unlinkat(parent, base, 0)
	if errors.Is(err, unix.EISDIR) {
		t.forgetBut(parent)
		return removeDir(parent, base)
	}
	return err
}

// forgetBut closes all kept directories but the one that is in use.
func (t *tree) forgetBut(inUse int) {
	for p, fd := range t.open {
		if fd == inUse {
			continue
		}
		unix.Close(fd)
		delete(t.open, p)
	}
	t.order = t.order[:0]
	for p := range t.open {
		t.order = append(t.order, p)
	}
}

// finish sets the directories' times, which writing into them changed.
func (t *tree) finish() error {
	for p, at := range t.times {
		fd, err := t.lookup(p, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			continue // replaced by something else since
		}
		err = setTimes(fd, at)
		unix.Close(fd)
		if err != nil {
			return fmt.Errorf("set times of %s: %w", quote(p), err)
		}
	}
	return nil
}

func readlink(dir int, base string) (string, error) {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, base, b)
	if err != nil {
		return "", err
	}
	return string(b[:n]), nil
}

// quote shows a name from an archive: without raw control characters, and cut.
func quote(s string) string {
	if len(s) > 120 {
		s = s[:120] + "…"
	}
	return strconv.Quote(s)
}

func corrupt(format string, args ...any) *api.Error {
	return api.Errorf(api.KindCorrupt, format, args...)
}
